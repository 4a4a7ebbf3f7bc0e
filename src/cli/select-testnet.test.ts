import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { localTestnets } from '../session/local-testnets.ts';
import { claimRunDirectory } from '../session/state-directory.ts';
import { testnetOption } from './command.ts';
import { commands } from './commands.ts';
import { askedTestnet, selectTestnet } from './select-testnet.ts';

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

describe('a command about one testnet', () => {
  const about = commands.filter(({ options = [] }) =>
    options.some(({ flags }) => flags === testnetOption.flags),
  );
  /** Their argument is a node, a fault or a file. */
  const others = ['logs', 'exec', 'fault apply', 'fault clear'];

  test.each(about.map(({ name, positional = [] }) => [name, positional[0]?.name] as const))(
    '%s takes its name as -n, and as an argument where that is free',
    (name, argument) => {
      if (others.includes(name)) expect(argument).not.toBe('[testnet]');
      else expect(argument).toBe('[testnet]');
    },
  );

  test('takes it in no other way', () => {
    const named = commands.filter(({ positional = [] }) =>
      positional.some(({ name }) => name === '[testnet]'),
    );
    expect(named.filter((command) => !about.includes(command))).toEqual([]);
  });

  test.each([
    [[], {}, undefined],
    [['one'], {}, 'one'],
    [[], { testnet: 'one' }, 'one'],
    [['one'], { testnet: 'one' }, 'one'],
  ] as const)('of %j and %j is about %s', (positional, options, name) => {
    expect(askedTestnet({ positional, options })).toBe(name);
  });

  test('is not about two', () => {
    const asked = () => askedTestnet({ positional: ['one'], options: { testnet: 'two' } });
    expect(asked).toThrow(/one by the argument and two by -n/);
  });
});
