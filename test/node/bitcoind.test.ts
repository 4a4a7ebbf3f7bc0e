import { describe, expect, test } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import { bitcoind } from '../../src/kinds/bitcoind.ts';
import type { NodeRequest } from '../../src/kinds/kind.ts';
import { findProgram } from '../../src/runtime/local/programs.ts';
import { requireTier } from '../require.ts';
import { eventually, KindNodes } from './kind-nodes.ts';

const missing = await findProgram('bitcoind').then(() => '', messageOf);
const here = requireTier('bitcoind', missing === '', `${missing}; see test/node/get-bitcoind`);

const config = bitcoind.config.parse({ mine: { interval: '1s' } });
const added = bitcoind.config.parse({ mine: { interval: '1s' }, join: 'addnode' });

describe.skipIf(!here)('real bitcoind', () => {
  test('peers connect as launched, mine by duty, and are seen on one tip', async () => {
    await using nodes = new KindNodes(bitcoind, { config: added, dials: [[], [0], [0]] });
    await nodes.start(0);
    await nodes.start(1, 2);
    await eventually(async () => (await nodes.observe(0)).peers.length === 2);
    const dialler = await nodes.observe(1);
    expect(dialler.peers).toEqual([{ address: nodes.context(0).address, direction: 'outbound' }]);
    const before = await nodes.observe(2);
    expect(before.height).toBe(0);
    for (const [found, miner] of [1, 1, 2].entries()) {
      await mine(nodes, miner);
      for (const index of [0, 1, 2]) {
        await eventually(async () => (await nodes.observe(index)).height === found + 1);
      }
    }
    const all = await Promise.all([0, 1, 2].map((index) => nodes.observe(index)));
    expect(new Set(all.map(({ tip }) => tip)).size).toBe(1);
    // Down to the first block of all chains.
    for (const { ancestors } of all) expect(ancestors?.at(-1)).toBe(before.tip);
    expect(all.map(({ ancestors }) => ancestors?.length)).toEqual([3, 3, 3]);
  });

  test('the first block reaches everybody although nobody has a recent one', async () => {
    await using nodes = new KindNodes(bitcoind, { config, dials: [[1], [2], []] });
    await nodes.start(0, 1, 2);
    await eventually(async () => (await nodes.observe(1)).peers.length === 2);
    await mine(nodes, 2);
    await eventually(async () => (await nodes.observe(0)).height === 1);
    const { metrics } = await nodes.observe(0);
    expect(metrics?.['bitcoind_initial_block_download']).toBe(0);
  });

  test('chains that were mined apart meet, and the shorter one is seen to be given up', async () => {
    await using nodes = new KindNodes(bitcoind, { config, dials: [[], []] });
    await nodes.start(0, 1);
    for (const index of [0, 0, 1, 1, 1]) await mine(nodes, index);
    const apart = await nodes.observe(0);
    const longer = await nodes.observe(1);
    expect(apart.tip).not.toBe(longer.tip);
    expect(apart.reorgs).toEqual({ count: 0, depths: [] });
    await call(nodes, 0, 'addnode', [`${nodes.context(1).address}:18444`, 'onetry']);
    await eventually(async () => (await nodes.observe(0)).tip === longer.tip);
    const after = await nodes.observe(0);
    expect(after.reorgs).toEqual({ count: 1, depths: [2] });
    expect(after.abandoned).toEqual([apart.tip]);
    expect((await nodes.observe(1)).reorgs).toEqual({ count: 0, depths: [] });
  });

  test('ends by its stop signal and comes back with its chain', async () => {
    await using nodes = new KindNodes(bitcoind, { config, dials: [[]] });
    await nodes.start(0);
    await mine(nodes, 0);
    const { tip } = await nodes.observe(0);
    expect(await nodes.stop(0)).toBe(0);
    await nodes.start(0);
    expect((await nodes.observe(0)).tip).toBe(tip);
  });

  test('it knows every option it is given', async () => {
    await using nodes = new KindNodes(bitcoind, { config, dials: [[]] });
    await nodes.start(0);
    await nodes.stop(0);
    expect(nodes.output(0)).toContain('maxtipage');
    expect(nodes.output(0)).not.toMatch(/[Ww]arning|unknown|[Ii]gnor/);
  });

  test("a node does not obey another node's password", async () => {
    await using nodes = new KindNodes(bitcoind, { config, dials: [[], []] });
    await nodes.start(0);
    expect((await nodes.ask(0, mining(nodes, 1))).status).toBe(401);
    expect((await nodes.observe(0)).height).toBe(0);
  });
});

async function mine(nodes: KindNodes<typeof config>, index: number): Promise<void> {
  const { status, body } = await nodes.ask(index, mining(nodes, index));
  expect(`${status} ${body}`).toMatch(/^200 /);
}

function mining(nodes: KindNodes<typeof config>, index: number): NodeRequest {
  const [duty] = bitcoind.duties?.(nodes.context(index)) ?? [];
  return duty?.request ?? expect.fail('no duty to mine');
}

async function call(
  nodes: KindNodes<typeof config>,
  index: number,
  ...[method, params]: readonly [string, readonly unknown[]]
): Promise<void> {
  const context = nodes.context(index);
  const ready = bitcoind.ready(context.config, context);
  if (ready.type !== 'request' || ready.request.type !== 'http') throw new TypeError('no request');
  const body = JSON.stringify({ method, params });
  expect((await nodes.ask(index, { ...ready.request, body })).status).toBe(200);
}
