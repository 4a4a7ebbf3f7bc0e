// The reference node as it is: processes of the bundle that talk over loopback. What needs a
// network that can be cut is tested with the fabric (test/kernel).
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Block, genesisOf } from '../../node-image/ledger.ts';
import { blockOn } from '../../node-image/mining.ts';
import { line } from '../../node-image/store.ts';
import { bundle, eventually, TestNetwork, type Wanted } from './nodes.ts';

let file: Awaited<ReturnType<typeof bundle>>;
let net: TestNetwork;

beforeAll(async () => {
  file = await bundle();
});
afterAll(async () => await file[Symbol.asyncDispose]());
afterEach(async () => await net[Symbol.asyncDispose]());

/** Nodes by name, with what they want; none is started. */
async function network(nodes: Readonly<Record<string, Wanted>>): Promise<TestNetwork> {
  net = new TestNetwork(file.path);
  for (const name of Object.keys(nodes)) await net.add(name);
  for (const [name, wanted] of Object.entries(nodes)) await net.add(name, wanted);
  return net;
}

/** As if these nodes had received the same blocks before. */
function give(names: readonly string[], length: number, miner: string): readonly Block[] {
  const blocks: Block[] = [];
  for (let last = genesisOf('test'); blocks.length < length; ) {
    last = blockOn(last, miner, () => 0);
    blocks.push(last);
  }
  const log = blocks.map(line).join('');
  for (const name of names) writeFileSync(join(net.node(name).directory, 'blocks.log'), log);
  return blocks;
}

async function sameTip(names: readonly string[], height: number): Promise<void> {
  await eventually(async () => {
    const seen = await Promise.all(names.map((name) => net.observe(name)));
    expect(Math.min(...seen.map((o) => o.height ?? 0))).toBeGreaterThanOrEqual(height);
    expect(new Set(seen.map(({ tip }) => tip)).size).toBe(1);
  });
}

async function hasPeers(name: string, count: number): Promise<void> {
  await eventually(async () => {
    expect((await net.observe(name)).peers).toHaveLength(count);
  });
}

const miner = { role: 'miner', meanBlockMs: 1_500 } as const;

test('five nodes agree while two of them mine', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  await network({
    a: { ...miner },
    b: { dials: ['a'] },
    c: { dials: ['b'], ...miner },
    d: { dials: ['c'] },
    e: { dials: ['d', 'a'] },
  });
  await net.start(...names);
  await sameTip(names, 4);
  const e = await net.observe('e');
  expect(e.peers.map(({ direction }) => direction)).toEqual(['outbound', 'outbound']);
  expect(e.peers.map(({ address }) => address).sort()).toEqual(
    ['a', 'd'].map((name) => net.node(name).config.address).sort(),
  );
  expect(e.ancestors?.[0]).toBe(e.tip);
  expect(e.ancestors?.at(-1)).toBe(genesisOf('test').hash);
});

test('who joins late catches up, by pages', async () => {
  await network({ old: {}, young: { dials: ['old'] } });
  const blocks = give(['old'], 1_203, 'm');
  await net.start('old', 'young');
  await sameTip(['old', 'young'], 1_203);
  expect((await net.observe('young')).tip).toBe(blocks.at(-1)?.hash);
});

test.each([
  { left: 5, right: 3 },
  { left: 700, right: 520 },
])('halves of $left and $right blocks join: the shorter reorganises, that deep', async (blocks) => {
  await network({ l0: {}, l1: { dials: ['l0'] }, r0: {}, r1: { dials: ['r0'] } });
  give(['l0', 'l1'], blocks.left, 'left');
  give(['r0', 'r1'], blocks.right, 'right');
  await net.start('l0', 'l1', 'r0', 'r1');
  await sameTip(['l0', 'l1'], blocks.left);
  await sameTip(['r0', 'r1'], blocks.right);
  await net.add('bridge', { dials: ['l1', 'r1'] });
  await net.start('bridge');
  await sameTip(['l0', 'l1', 'r0', 'r1', 'bridge'], blocks.left);
  for (const name of ['r0', 'r1']) {
    expect((await net.observe(name)).reorgs).toEqual({ count: 1, depths: [blocks.right] });
  }
  for (const name of ['l0', 'l1']) {
    expect((await net.observe(name)).reorgs).toEqual({ count: 0, depths: [] });
  }
});

test('kill -9 in the middle of mining: the chain is there again, a torn line is not', async () => {
  await network({ a: { role: 'miner', meanBlockMs: 100 } });
  await net.start('a');
  await sameTip(['a'], 5);
  const before = await net.observe('a');
  await net.stop('a', 'SIGKILL');
  const log = join(net.node('a').directory, 'blocks.log');
  appendFileSync(log, readFileSync(log, 'utf8').slice(0, 30));
  // It mines alone only after five seconds: what it has at first is what it had.
  await net.start('a');
  const after = await net.observe('a');
  expect(after.height).toBeGreaterThanOrEqual(before.height ?? 0);
  expect(after.ancestors).toContain(before.tip);
  expect(after.reorgs).toEqual({ count: 0, depths: [] });
  expect(readFileSync(log, 'utf8')).toMatch(/\n$/);
  await sameTip(['a'], (after.height ?? 0) + 2);
});

test('a node that was killed and comes back is dialled again', async () => {
  await network({ a: {}, b: { dials: ['a'] } });
  await net.start('a', 'b');
  await hasPeers('a', 1);
  await net.stop('a', 'SIGKILL');
  await hasPeers('b', 0);
  await net.start('a');
  await hasPeers('a', 1);
  await hasPeers('b', 1);
});

test('a peer that hangs is dropped though TCP still works, and found again', async () => {
  await network({ a: {}, b: { dials: ['a'] }, c: { dials: ['b'] } });
  await net.start('a', 'b', 'c');
  await hasPeers('b', 2);
  // Stopped, its kernel still acknowledges everything: only unanswered pings tell.
  net.node('b').process?.kill('SIGSTOP');
  await hasPeers('a', 0);
  await hasPeers('c', 0);
  net.node('b').process?.kill('SIGCONT');
  await hasPeers('a', 1);
  await hasPeers('c', 1);
  await hasPeers('b', 2);
  const { metrics = {} } = await net.observe('a');
  expect(metrics['peerstorm_reference_dropped_peers_total']).toBe(1);
}, 90_000);

test('an adversary takes peers and lets no block through', async () => {
  await network({
    source: { ...miner },
    wall: { role: 'adversary', dials: ['source'] },
    victim: { dials: ['wall'] },
  });
  await net.start('source', 'wall', 'victim');
  await hasPeers('wall', 2);
  // Blocks that were found while the only way to the victim led through the wall.
  const { height = 0 } = await net.observe('source');
  await sameTip(['source'], height + 4);
  const victim = await net.observe('victim');
  expect(victim.height).toBe(0);
  expect(victim.peers).toHaveLength(1);
  const wall = await net.observe('wall');
  expect(wall.peers.map(({ direction }) => direction).sort()).toEqual(['inbound', 'outbound']);
  expect([wall.height, wall.tip]).toEqual([undefined, undefined]);
});

test('by one seed alone, nodes find each other up to the number they want', async () => {
  const names = ['n0', 'n1', 'n2', 'n3', 'n4'];
  const wanted = { seeds: ['seed'], outboundPeers: 3 };
  await network({ seed: {}, ...Object.fromEntries(names.map((name) => [name, wanted])) });
  await net.start('seed', ...names);
  for (const name of names) {
    await eventually(async () => {
      const { peers } = await net.observe(name);
      const outbound = peers.filter(({ direction }) => direction === 'outbound');
      expect(peers.length).toBeGreaterThanOrEqual(3);
      expect(outbound.length).toBeLessThanOrEqual(4);
      const seed = net.node('seed').config.address;
      expect(peers.some(({ address }) => address !== seed)).toBe(true);
    });
  }
});

test('two nodes that dial each other end with one connection', async () => {
  await network({ a: { dials: ['b'] }, b: { dials: ['a'] } });
  await net.start('a', 'b');
  await hasPeers('a', 1);
  await eventually(async () => {
    const [a, b] = await Promise.all([net.observe('a'), net.observe('b')]);
    const directions = [...a.peers, ...b.peers].map(({ direction }) => direction);
    expect(directions.sort()).toEqual(['inbound', 'outbound']);
  });
});

test('no more peers come in than are wanted', async () => {
  await network({
    hub: { inboundPeers: 2 },
    a: { dials: ['hub'] },
    b: { dials: ['hub'] },
    c: { dials: ['hub'] },
  });
  await net.start('hub', 'a', 'b', 'c');
  await hasPeers('hub', 2);
  await eventually(async () => {
    const failed = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const { metrics = {} } = await net.observe(name);
        return metrics['peerstorm_reference_dials_total{result="failed"}'] ?? 0;
      }),
    );
    expect(Math.max(...failed)).toBeGreaterThan(3);
  });
  await hasPeers('hub', 2);
});

test('plaintext and noise do not talk to each other', async () => {
  await network({
    a: { encryption: 'plaintext' },
    b: { encryption: 'plaintext', dials: ['a'] },
    c: { dials: ['a'] },
  });
  await net.start('a', 'b', 'c');
  await hasPeers('b', 1);
  expect((await net.observe('c')).peers).toEqual([]);
});

const news = z.object({ cursor: z.number(), propagationSeconds: z.array(z.number()) });
const events = z.object({ receptions: z.array(z.object({ seq: z.number() })) });

test('receptions, metrics and errors over HTTP', async () => {
  await network({ a: { ...miner }, b: { dials: ['a'] } });
  await net.start('a', 'b');
  await sameTip(['a', 'b'], 3);
  const first = news.parse(JSON.parse(await net.get('b', '/observation?since=0')));
  expect(first.propagationSeconds).toHaveLength(first.cursor);
  expect(Math.max(...first.propagationSeconds)).toBeLessThan(10);
  const path = `/observation?since=${first.cursor}`;
  const later = news.parse(JSON.parse(await net.get('b', path)));
  expect(later.propagationSeconds).toHaveLength(later.cursor - first.cursor);
  const { receptions } = events.parse(JSON.parse(await net.get('b', '/events')));
  expect(receptions.map(({ seq }) => seq).slice(0, 3)).toEqual([1, 2, 3]);
  const metrics = await net.get('b', '/metrics');
  expect(metrics).toMatch(/^peerstorm_reference_height \d+$/m);
  expect(metrics).toMatch(/^peerstorm_reference_peers\{direction="outbound"\} 1$/m);
  expect(metrics).toMatch(/^peerstorm_reference_propagation_seconds_bucket\{le="\+Inf"\} [1-9]/m);
  await expect(net.get('b', '/nothing')).rejects.toThrow('404');
  await expect(net.get('b', '/events?since=x')).rejects.toThrow('400');
});

test('three nodes that gossip count messages, duplicates and bytes', async () => {
  const names = ['a', 'b', 'c'];
  await network({ a: { ...miner }, b: { dials: ['a'] }, c: { dials: ['a', 'b'] } });
  await net.start(...names);
  for (const name of names) await hasPeers(name, 2);
  const before = await trafficOf(names);
  // A triangle: a block comes to somebody by two ways, sooner or later.
  await eventually(async () => {
    const now = await trafficOf(names);
    for (const [series, count] of Object.entries(now)) {
      expect(count, series).toBeGreaterThan(before[series] ?? Number.POSITIVE_INFINITY);
    }
  });
  // Whatever was received had been sent before: asked for in that order.
  const received = (await trafficOf(names))[messages('received')];
  expect((await trafficOf(names))[messages('sent')]).toBeGreaterThanOrEqual(received ?? 0);
});

const messages = (way: string) => `peerstorm_reference_gossip_messages_total{direction="${way}"}`;
const counted = [
  messages('received'),
  messages('sent'),
  'peerstorm_reference_gossip_duplicates_total',
  'peerstorm_reference_traffic_bytes_total{direction="received"}',
  'peerstorm_reference_traffic_bytes_total{direction="sent"}',
];

/** Summed over these nodes. */
async function trafficOf(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const seen = await Promise.all(names.map((name) => net.observe(name)));
  const total = (series: string) =>
    seen.reduce((sum, { metrics = {} }) => sum + (metrics[series] ?? Number.NaN), 0);
  return Object.fromEntries(counted.map((series) => [series, total(series)]));
}

test.each([
  ['no JSON', '{'],
  ['a field is missing', '{ "name": "a" }'],
  ['an unknown field', undefined],
])('a bad config ends with 2 and says why: %s', async (_, text) => {
  await network({ a: {} });
  const { directory, config } = net.node('a');
  const bad = text ?? JSON.stringify({ ...config, colour: 'red' });
  writeFileSync(join(directory, 'node.json'), bad);
  net.launch('a');
  expect(await net.exited('a')).toBe(2);
  expect(net.node('a').output).toMatch(/^reference: .*node\.json:/);
});

test('without --config it ends with 2', async () => {
  await network({ a: {} });
  net.launch('a', []);
  expect(await net.exited('a')).toBe(2);
  expect(net.node('a').output).toBe('reference: --config FILE is required\n');
});

test('SIGTERM ends it with 0', async () => {
  await network({ a: {}, b: { dials: ['a'] } });
  await net.start('a', 'b');
  await hasPeers('a', 1);
  expect(await net.stop('a')).toBe(0);
});
