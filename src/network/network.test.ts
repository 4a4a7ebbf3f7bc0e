import { describe, expect, test } from 'vitest';
import { addressOf, epoch, healthy, scriptedPlan, splitFault } from '../../test/scripted.ts';
import { type NodeName, nodeName } from '../names.ts';
import { quantile } from '../quantities/quantile.ts';
import type { World } from '../runtime/runtime.ts';
import { type Answer, drawSample, historyLine, type SampleInput } from './network.ts';
import type { Observation } from './observation.ts';

const plan = scriptedPlan(4);
const names = plan.nodes.map(({ name }) => name);
const zero = nodeName('full', 0);
const now = epoch + 50_000;
const running: World = {
  nodes: new Map(names.map((name) => [name, { incarnation: 0, phase: 'running', addresses: [] }])),
  enforcement: [],
};

function draw(
  observe: (name: NodeName, index: number) => Observation | Answer | undefined,
  more: Partial<SampleInput> = {},
) {
  const answers = names.flatMap((name, index): [NodeName, Answer][] => {
    const said = observe(name, index);
    if (said === undefined) return [];
    return [[name, 'at' in said ? said : { at: now - 500, observation: said }]];
  });
  return drawSample({
    plan,
    t: 50_000,
    now,
    observations: new Map(answers),
    memory: new Map(),
    world: running,
    ready: new Set(names),
    absences: new Map(),
    cuts: [],
    ...more,
  });
}
const all = () => healthy(plan);
const nodeOf = (drawn: ReturnType<typeof draw>, name = zero) => drawn.sample.nodes.get(name);

const peer = (address: string) => ({ address, direction: 'inbound' as const });

const chain = (tips: readonly Partial<Observation>[]) =>
  draw((_, index) => ({ peers: [], ...tips[index] })).sample.network;

const told = (count: number, depths: number[]) => () =>
  healthy(plan, { reorgs: { count, depths } });
const depths = (...steps: (() => Observation)[]) => {
  let memory: SampleInput['memory'] = new Map();
  return steps.map((step, index) => {
    const drawn = draw(step, { memory, t: index * 1_000 });
    ({ memory } = drawn);
    return nodeOf(drawn)?.metrics['reorg_depth'];
  });
};

const spread = () => healthy(plan, { propagationSeconds: [0.3, 0.1, 9] });

describe('a sample of a healthy network', () => {
  const { sample } = draw(all);

  test('has the metrics of the network', () => {
    expect(sample.network).toEqual({
      nodes_ready: 4,
      nodes_answering: 4,
      components: 1,
      giant_ratio: 1,
      eclipsed_nodes: 0,
      distinct_tips: 1,
      agreement_ratio: 1,
      height_spread: 0,
    });
  });

  test('has the metrics of each node, and none that was not told', () => {
    expect(sample.nodes.get(zero)).toEqual({
      answering: true,
      expected: true,
      tip: 'a7',
      metrics: {
        node_peers: 4,
        node_peers_inbound: 0,
        node_peers_outbound: 4,
        node_peers_live: 3,
        node_isolated: 0,
        node_height: 7,
        eclipse_ratio: 0,
      },
    });
  });

  test('has each live edge once, in the order of the plan', () => {
    expect(sample.edges).toHaveLength(6);
    expect(sample.edges[0]).toEqual(['full-0', 'full-1']);
  });
});

describe('answers', () => {
  const old = (age: number): Answer => ({ at: now - age, observation: all() });
  test.each([
    ['2 s old', old(2_000), running, true],
    ['more than 2 s old', old(2_001), running, false],
    ['none', undefined, running, false],
    ['of a process that is gone', old(100), worldWith({ phase: 'exited' }), false],
    ['of a process before this one', old(900), worldWith({ startedAt: now - 800 }), false],
    ['of this process', old(700), worldWith({ startedAt: now - 800 }), true],
  ])('%s', (...[, answer, world, answering]) => {
    const drawn = draw((_, index) => (index === 0 ? answer : all()), { world });
    expect(nodeOf(drawn)?.answering).toBe(answering);
    expect(nodeOf(drawn)?.silent).toBe(answering ? undefined : 1);
    expect(drawn.sample.network['nodes_answering']).toBe(answering ? 4 : 3);
  });

  test('live longer where samples are rarer', () => {
    const slow = { plan: { ...plan, sampleIntervalMs: 5_000 } };
    expect(nodeOf(draw(() => old(9_000), slow))?.answering).toBe(true);
  });

  test('that are missing are counted until the next one', () => {
    let drawn = draw(() => undefined);
    drawn = draw(() => undefined, { memory: drawn.memory });
    expect(nodeOf(drawn)?.silent).toBe(2);
    expect(nodeOf(draw(all, { memory: drawn.memory }))?.silent).toBeUndefined();
  });

  test('are not missed of nodes that are down by a fault or never asked', () => {
    const down = draw(() => undefined, { absences: new Map([[zero, { down: true }]]) });
    expect(nodeOf(down)).toMatchObject({ expected: false, answering: false });
    expect(nodeOf(down)?.silent).toBeUndefined();
    const unasked = draw(() => undefined, { unobserved: new Set([zero]) });
    expect(nodeOf(unasked)?.silent).toBeUndefined();
    expect(nodeOf(unasked, nodeName('full', 1))?.silent).toBe(1);
  });

  test('of nodes that are down by a fault do not count for the network', () => {
    const odd = (name: NodeName) => healthy(plan, name === zero ? { tip: 'z', height: 99 } : {});
    const drawn = draw(odd, { absences: new Map([[zero, { down: true }]]) });
    expect(drawn.sample.network).toMatchObject({ distinct_tips: 1, height_spread: 0 });
    expect(draw(odd).sample.network).toMatchObject({ distinct_tips: 2, height_spread: 92 });
  });
});

describe('the peer graph', () => {
  test('falls apart where a fault cuts it, though every peer is still reported', () => {
    const cut = splitFault(plan, { name: 'cut', startMs: 0, size: 1 });
    const { sample } = draw(all, { cuts: cut.effects });
    expect(sample.network['components']).toBe(2);
    expect(sample.nodes.get(zero)?.metrics).toMatchObject({
      node_peers: 4,
      node_peers_live: 0,
      node_isolated: 1,
      eclipse_ratio: 0,
    });
  });

  test('is whole under a fault that only shapes', () => {
    const impairment = { kind: 'shape', lossRatio: 0.5 } as const;
    const effect = { fault: 'flaky', from: names, to: names, impairment };
    expect(draw(all, { cuts: [effect] }).sample.network['components']).toBe(1);
  });

  test('knows nodes by the addresses of the plan and of the world, and counts the others', () => {
    const bound = worldWith({ addresses: ['192.0.2.7'] });
    const drawn = draw(
      (_, index) => ({
        peers:
          index === 0
            ? [peer(addressOf(1)), peer('203.0.113.9')]
            : [peer('192.0.2.7'), peer('203.0.113.9')],
      }),
      { world: bound },
    );
    expect(drawn.sample.unknownPeers).toBe(4);
    expect(drawn.sample.edges).toEqual([[zero, nodeName('full', 1)]]);
    expect(nodeOf(drawn)?.metrics['node_peers_inbound']).toBe(2);
  });

  test('shows an eclipse by attackers that any fault of the plan names', () => {
    const attackers = names.slice(2);
    const kind = 'eclipse';
    const fault = {
      name: 'e',
      kind,
      startMs: 99_000,
      effects: [],
      attackers,
      victims: [zero],
    } as const;
    const drawn = draw(all, { plan: { ...plan, faults: [fault] } });
    expect(nodeOf(drawn)?.metrics['eclipse_ratio']).toBeCloseTo(2 / 3);
  });
});

describe('chains', () => {
  const a3 = { tip: 'a3', height: 3, ancestors: ['a3', 'a2', 'a1'] };
  const a2 = { tip: 'a2', height: 2, ancestors: ['a1', 'a0'] };
  const b3 = { tip: 'b3', height: 3, ancestors: ['b2', 'a1'] };
  const old = { tip: 'x', height: 0, ancestors: [] };
  test.each([
    ['one tip', [a3, a3, a3, a3], { distinct_tips: 1, chain_forks: 1, agreement_ratio: 1 }],
    ['one behind', [a3, a3, a3, a2], { distinct_tips: 2, chain_forks: 1, agreement_ratio: 0.75 }],
    ['a fork', [a3, a2, b3, b3], { distinct_tips: 3, chain_forks: 2, agreement_ratio: 0.5 }],
    ['too far behind to tell', [a3, a3, a3, old], { distinct_tips: 2, chain_forks: 1 }],
  ])('%s', (_, tips, metrics) => {
    expect(chain(tips)).toMatchObject(metrics);
  });

  test('that nobody tells give no metrics', () => {
    const told = ['distinct_tips', 'agreement_ratio', 'chain_forks', 'height_spread'];
    expect(Object.keys(chain([])).filter((name) => told.includes(name))).toEqual([]);
    expect(chain([{ tip: 'a' }])['chain_forks']).toBeUndefined();
  });
});

describe('events between samples', () => {
  test.each([
    ['what was before the first sample', [told(3, [4, 1, 9])], [0]],
    ['the deepest since the sample before', [told(1, [9]), told(3, [9, 2, 1])], [0, 2]],
    ['nothing new', [told(1, [9]), told(1, [9])], [0, 0]],
    ['a node that began anew', [told(5, [9, 9, 9, 9, 9]), told(1, [3])], [0, 3]],
  ])('reorgs: %s', (_, steps, expected) => {
    expect(depths(...steps)).toEqual(expected);
  });

  test('reorgs are kept with their time', () => {
    const first = draw(told(0, []), { t: 1_000 });
    const second = draw(told(2, [1, 2]), { t: 2_000, memory: first.memory });
    const third = draw(told(3, [1, 2, 5]), { t: 3_000, memory: second.memory });
    expect(nodeOf(third)?.reorgs).toEqual([
      [2_000, 1],
      [2_000, 2],
      [3_000, 5],
    ]);
  });

  test('propagation is the median, and the same answer is not counted twice', () => {
    const first = draw(spread);
    expect(nodeOf(first)?.metrics['propagation_seconds']).toBe(0.3);
    const again = draw(spread, { memory: first.memory });
    expect(nodeOf(again)?.metrics['propagation_seconds']).toBeUndefined();
  });
});

test("a node's own metrics are passed through when an expectation asks for them", () => {
  const window = { kind: 'always', except: [], settleMs: 0 } as const;
  const claim = { compare: '>=', value: 1 } as const;
  const asked = { name: 'own', window, claim, metric: 'node:queue{dir="in"}', of: names };
  const own = () => healthy(plan, { metrics: { 'queue{dir="in"}': 3, other: 4 } });
  const drawn = draw(own, { plan: { ...plan, expectations: [asked] } });
  expect(nodeOf(drawn)?.metrics['node:queue{dir="in"}']).toBe(3);
  expect(nodeOf(drawn)?.metrics['node:other']).toBeUndefined();
});

describe('a history line', () => {
  const { sample } = draw(all, { t: 12_345, absences: new Map([[zero, { down: true }]]) });

  test('holds nodes that answer and should be up', () => {
    const line = historyLine(sample, undefined);
    expect(line.t).toBe(12.345);
    expect(Object.keys(line.nodes)).toEqual(names.slice(1));
    expect(line.tips).toEqual({ 'full-1': 'a7', 'full-2': 'a7', 'full-3': 'a7' });
  });

  test('holds edges when they changed', () => {
    expect(historyLine(sample, undefined).edges).toHaveLength(6);
    expect(historyLine(sample, draw(all).sample.edges).edges).toBeUndefined();
    expect(historyLine(sample, sample.edges.slice(1)).edges).toHaveLength(6);
  });
});

test.each([
  [[], 0.5, Number.NaN],
  [[3], 0.5, 3],
  [[4, 1, 3, 2], 0.5, 2],
  [[1, 2, 3], 0.5, 2],
  [[1, 2, 3], 0.95, 3],
])('quantile of %j at %f is %f', (values, q, value) => {
  expect(quantile(values, q)).toBe(value);
});

function worldWith(over: object): World {
  const world = { incarnation: 0, phase: 'running' as const, addresses: [], ...over };
  return { ...running, nodes: new Map([[zero, world]]) };
}
