// Every example is run as a user runs it and judged by its own expectations. Those that declare
// delays run in the netem tier.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/report/result.ts';
import { findProgram } from '../../src/runtime/local/programs.ts';
import { requireTier } from '../require.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'peerstorm-examples-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Programs that an example needs besides Peerstorm's own. */
const programs: Readonly<Record<string, string>> = {
  'bitcoin-split': 'bitcoind',
  custom: 'prometheus-alertmanager',
};
const needNetem = new Set(['wan']);

const names = readdirSync(join(root, 'examples'))
  .map((file) => file.replace(/\.yaml$/, ''))
  .filter((name) => !needNetem.has(name));

async function canRun(name: string): Promise<boolean> {
  const program = programs[name];
  if (program === undefined) return true;
  const there = await findProgram(program).then(
    () => true,
    () => false,
  );
  return requireTier(`example ${name}`, there, `there is no ${program} on this machine`);
}

const runnable = await Promise.all(names.map(canRun));

describe.concurrent('example', () => {
  test.each(names.filter((_, index) => runnable[index]))(
    '%s passes',
    async (name) => {
      const report = join(directory, name);
      const argv = ['test', `examples/${name}.yaml`, '--report', report, '--timeout', '4m'];
      const env = { PEERSTORM_STATE_DIR: join(directory, `state-${name}`) };
      const { exitCode, all } = await execa('bin/peerstorm', argv, {
        cwd: root,
        env,
        all: true,
        reject: false,
      });
      expect(exitCode, all).toBe(0);
      const result = JSON.parse(readFileSync(join(report, 'report.json'), 'utf8')) as Report;
      expect(result.verdict).toBe('passed');
      expect(result.expectations.length).toBeGreaterThan(0);
      expect(result.faults.filter(({ proved }) => !proved)).toEqual([]);
    },
    300_000,
  );
});
