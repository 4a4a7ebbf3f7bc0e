// The bundle of the reference node, and what V8 has compiled of it beforehand.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { referenceNodeFlags as flags, referenceEnvironment } from '../../src/kinds/reference.ts';
import { bundle, TestNetwork } from './nodes.ts';

test('V8 takes what the rehearsal has compiled, with the flags that nodes have', async () => {
  await using bundled = await bundle();
  const script = `
    const { readFileSync } = require('node:fs');
    const options = { cachedData: readFileSync(process.argv[2]) };
    const source = readFileSync(process.argv[1], 'latin1');
    console.log(new (require('node:vm').Script)(source, options).cachedDataRejected);`;
  const args = [pathOf(bundled.path, /^program-.*\.js$/), pathOf(bundled.path, /\.cache$/)];
  const options = { env: { ...referenceEnvironment }, encoding: 'utf8' } as const;
  expect(execFileSync(process.execPath, [...flags, '-e', script, ...args], options)).toBe(
    'false\n',
  );
});

test('a node starts with half of what was compiled, and with none of it', async () => {
  await using bundled = await bundle();
  await using net = new TestNetwork(bundled.path);
  await net.add('a');
  const compiled = pathOf(bundled.path, /\.cache$/);
  const whole = readFileSync(compiled);
  writeFileSync(compiled, whole.subarray(0, whole.length / 2));
  await net.start('a');
  expect(await net.stop('a')).toBe(0);
  rmSync(compiled);
  await net.start('a');
});

function pathOf(folder: string, pattern: RegExp): string {
  return join(folder, readdirSync(folder).find((name) => pattern.test(name)) ?? '');
}
