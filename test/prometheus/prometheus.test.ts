// Every query of every dashboard, asked of a real Prometheus that has watched a real run, and the
// rules, tried by promtool. Where nothing comes yet it is asked again until something does, so what
// fails here is a panel without data, and never a machine that is slow.
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { findProgram } from '../../src/runtime/local/programs.ts';
import { requireTier } from '../require.ts';
import { hasData, queriesFor } from './panels.ts';
import { type Watcher, watchTestnet } from './watcher.ts';

const here = fileURLToPath(new URL('./', import.meta.url));
const limitMs = 240_000;

test('the rules are rules, and do what they are for', async () => {
  const rules = fileURLToPath(new URL('../../dashboards/rules.yaml', import.meta.url));
  await execa('promtool', ['check', 'rules', rules]);
  const { all, exitCode } = await execa('promtool', ['test', 'rules', 'rules.yaml'], {
    cwd: here,
    all: true,
    reject: false,
  });
  expect(exitCode, all).toBe(0);
});

describe('a run that is split, loses packets and is eclipsed', () => {
  let watcher: Watcher;
  beforeAll(async () => {
    watcher = await watchTestnet('test/prometheus/watched.yaml', 'watched');
  }, limitMs);
  afterAll(() => watcher?.[Symbol.asyncDispose](), limitMs);

  test.each(queriesFor('watched'))('%s: %s', (_, expr) => comes(watcher, expr), limitMs);

  test('annotations have the faults', () => comes(watcher, 'peerstorm_fault_active == 1'), limitMs);

  test('variables can be chosen', async () => {
    expect(await watcher.labelValues('testnet', 'peerstorm_testnet_info')).toEqual(['watched']);
    const chosen = 'peerstorm_node_peers{testnet=~"watched", group=~"boot|evil"}';
    expect(await watcher.labelValues('node', chosen)).toEqual(['boot-0', 'evil-0', 'evil-1']);
  });

  test(
    'all rules can be evaluated',
    async () => {
      const answer = z.object({
        groups: z.array(
          z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) }),
        ),
      });
      let health: readonly string[] = [];
      do {
        const { groups } = answer.parse(await watcher.api('rules'));
        health = groups.flatMap(({ rules }) => rules.map((rule) => rule.health));
        if (health.includes('unknown')) await wait(500);
      } while (health.includes('unknown'));
      expect(health.length).toBeGreaterThan(5);
      expect(new Set(health)).toEqual(new Set(['ok']));
    },
    limitMs,
  );

  test('its page is as promtool wants it', async () => {
    const { exitCode, all } = await execa('promtool', ['check', 'metrics'], {
      input: await watcher.page(),
      all: true,
      reject: false,
    });
    expect([exitCode, all]).toEqual([0, '']);
  });
});

const bitcoind = await findProgram('bitcoind').then(
  () => true,
  () => false,
);

describe.runIf(requireTier('panels of bitcoind', bitcoind, 'there is no bitcoind on this machine'))(
  'a run of bitcoind',
  () => {
    let watcher: Watcher;
    beforeAll(async () => {
      watcher = await watchTestnet('test/prometheus/bitcoin.yaml', 'bitcoin');
    }, limitMs);
    afterAll(() => watcher?.[Symbol.asyncDispose](), limitMs);

    test.each(queriesFor('bitcoin'))('%s: %s', (_, expr) => comes(watcher, expr), limitMs);
  },
);

/** Resolves when there is something; a panel without it runs into the limit of its test. */
async function comes(watcher: Watcher, expr: string): Promise<void> {
  while (!(await hasData(watcher, expr))) await wait(500);
}
