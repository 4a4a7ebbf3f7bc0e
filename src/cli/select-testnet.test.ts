import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { localTestnets } from '../session/local-testnets.ts';
import { claimRunDirectory } from '../session/state-directory.ts';
import { selectTestnet } from './select-testnet.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'select-'));
  vi.stubEnv('PEERSTORM_STATE_DIR', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const cases: readonly (readonly [
  running: readonly string[],
  wanted: string | undefined,
  result: string | { readonly code: string; readonly message: RegExp },
])[] = [
  [[], undefined, { code: 'NOT_FOUND', message: /peerstorm up/ }],
  [[], 'one', { code: 'NOT_FOUND', message: /"one" is running on this machine$/ }],
  [['one'], undefined, 'one'],
  [['one'], 'one', 'one'],
  [
    ['one'],
    'two',
    { code: 'NOT_FOUND', message: /"two" is running on this machine \(running: one\)/ },
  ],
  [['one', 'two'], undefined, { code: 'USAGE', message: /-n \(running: one, two\)/ }],
  [['one', 'two'], 'two', 'two'],
];

test.each(cases)('of %j, %s is %j', async (running, wanted, result) => {
  for (const name of running) await claimRunDirectory(name);
  const chosen = selectTestnet(localTestnets, wanted);
  if (typeof result === 'string') expect(await chosen).toBe(result);
  else {
    await expect(chosen).rejects.toMatchObject({ code: result.code });
    await expect(chosen).rejects.toThrow(result.message);
  }
});
