import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kinds } from '../../kinds/index.ts';
import { planTestnet } from '../../plan/plan-testnet.ts';
import { acceptTestnet } from '../../spec/accept.ts';
import type { Capability } from '../runtime.ts';
import { missingHere } from './preflight.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerstorm-preflight-'));
  writeFileSync(join(folder, 'node'), '#!/bin/sh\n');
  chmodSync(join(folder, 'node'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const capabilities = (['namespaces', 'nft', 'htb'] as const).map(
  (feature): Capability => ({ host: 'h', feature, ok: true, reason: 'there' }),
);

async function missing(program: string) {
  const groups = [
    { name: 'a', kind: 'custom', count: 1, config: { argv: [program], ready: { tcp: 80 } } },
  ];
  const metadata = { name: 't' };
  const spec = { duration: '5s', groups };
  const object = { apiVersion: 'peerstorm.dev/v1alpha1', kind: 'Testnet', metadata, spec };
  const found = acceptTestnet(object);
  if ('problems' in found) throw new TypeError(JSON.stringify(found.problems));
  const { plan, problems } = planTestnet(found.accepted, kinds);
  if (plan === undefined) throw new TypeError(JSON.stringify(problems));
  return await missingHere(plan, { kinds, capabilities });
}

test('a program with a relative path is looked for from where Peerstorm was called', async () => {
  const path = relative(process.cwd(), join(folder, 'node'));
  expect(await missing(path)).toEqual([]);
  expect(await missing(`${path}-not`)).toEqual([
    expect.stringMatching(/^group a: .*preflight-\w+\/node-not" is not on this machine/),
  ]);
});
