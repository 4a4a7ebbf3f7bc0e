import { expect, test } from 'vitest';
import { faults, history, plan, run, state } from '../../test/fixtures/made-up-run.ts';
import { catalog, metricNamed, networkDestinations, nodeDestinations } from '../metrics/catalog.ts';
import { type Metrics, networkMetrics, nodeMetrics, type Sample } from '../network/sample.ts';
import { createRunMetrics, type MetricsView } from './metrics.ts';

const identity = { testnet: plan.testnet, runtime: run.runtime, version: '0.1.0' };

function sampleAt(t: number): Sample {
  const line = history[t];
  if (line === undefined) throw new Error(`no sample at ${t}`);
  const nodes = plan.nodes.flatMap(({ name }) => {
    const observed = line.nodes[name];
    if (observed === undefined) return [];
    const metrics: Metrics = { ...observed, propagation_seconds: 0.1, attacking_peers: 1 };
    return [[name, { answering: true, expected: true, metrics }] as const];
  });
  const network = { ...line.network, chain_forks: 2, giant_ratio: 0.9, eclipsed_nodes: 1 };
  return { t: t * 1000, network, nodes: new Map(nodes), edges: [] };
}

const counts = { matchedPackets: 9, matchedBytes: 900, droppedPackets: 7, droppedBytes: 700 };
const view: MetricsView = {
  plan,
  state,
  faults: faults.map((fault) => ({
    ...fault,
    asked: { ...fault.asked, delayMs: 40 },
    measured: { ...fault.measured, delayMs: 41 },
  })),
  sample: sampleAt(110),
  answers: () => ({
    peers: [],
    reorgs: { count: 3, depths: [1, 2, 2] },
    mining: { blocks: 7, lateSeconds: 0, intervalSeconds: 1 },
  }),
  leftOutSeries: 2,
  nodeStates: ['ready', 'ready', 'paused'],
  world: {
    nodes: new Map(),
    enforcement: [
      {
        host: 'local',
        generation: 3,
        appliedAt: 0,
        faults: {},
        counters: { 'cable-cut': counts },
        lapsedPackets: 2,
      },
    ],
  },
};

function recordAll() {
  const metrics = createRunMetrics(identity);
  metrics.observed('full', 0.02);
  metrics.unobserved('full');
  metrics.unread('full');
  metrics.reorganised('full', [2]);
  metrics.received('full', 0.1);
  metrics.reached(0.5, 0.1);
  metrics.probed(0.4);
  metrics.unprobed();
  metrics.decided(0.001);
  metrics.eventLoopLag(0.012);
  return metrics;
}

test('every metric of the catalogue is set, with all of its labels', async () => {
  const text = await recordAll().render(view);
  for (const { name, type, labels } of catalog) {
    const own = type === 'histogram' ? `${name}_sum` : name;
    const line = text.split('\n').find((each) => each.startsWith(`${own}{`));
    expect(line, name).toBeDefined();
    const set = [...(line ?? '').matchAll(/[{,](\w+)="/g)].map(([, label]) => label);
    expect(new Set(set), name).toEqual(new Set(labels));
  }
});

test('every metric of a sample has its place in the catalogue', () => {
  expect(Object.keys(networkDestinations).toSorted()).toEqual(networkMetrics.toSorted());
  // The directions add up to node_peers.
  const own = nodeMetrics.filter((name) => name !== 'node_peers');
  expect(Object.keys(nodeDestinations).toSorted()).toEqual(own.toSorted());
  for (const { name, labels = {} } of Object.values(nodeDestinations)) {
    const known = metricNamed(name).labels;
    expect(known).toEqual(['testnet', 'group', 'node', 'region', ...Object.keys(labels)]);
  }
});

test('what is gone is gone: a node that stopped answering has no series', async () => {
  const metrics = recordAll();
  const height = 'peerstorm_node_height{testnet="tour",group="full",node="full-5"';
  expect(await metrics.render({ ...view, sample: sampleAt(139) })).toContain(height);
  const later = await metrics.render({ ...view, sample: sampleAt(142), nodeStates: ['ready'] });
  expect(later).not.toContain(height);
  expect(later).not.toContain('state="paused"');
});

test('counters of the kernel are shown as they are, however often one asks', async () => {
  const metrics = recordAll();
  await metrics.render(view);
  const text = await metrics.render(view);
  const labels = '{testnet="tour",fault="cable-cut",kind="partition"}';
  expect(text).toContain(`peerstorm_fault_dropped_packets_total${labels} 7\n`);
  expect(text).toContain('peerstorm_lapsed_packets_total{testnet="tour",host="local"} 2\n');
  expect(text).toContain('peerstorm_observe_failures_total{testnet="tour",group="full"} 1\n');
});

test('a group that tells of reorgs has a series before the first, and keeps what it counted', async () => {
  const metrics = createRunMetrics(identity);
  const sum = 'peerstorm_reorg_depth_blocks_sum{testnet="tour",group="full"}';
  expect(await metrics.render(view)).not.toContain(sum);
  metrics.reorganised('full', []);
  expect(await metrics.render(view)).toContain(`${sum} 0\n`);
  metrics.reorganised('full', [2, 3]);
  metrics.reorganised('full', []);
  expect(await metrics.render(view)).toContain(`${sum} 5\n`);
});

test('before time 0 there is no sample and no fault yet', async () => {
  const { t0: _, ...starting } = state;
  const text = await createRunMetrics(identity).render({
    ...view,
    state: { ...starting, faults: {}, expectations: {} },
    sample: undefined,
    faults: [],
  });
  expect(text).toContain('peerstorm_expectations{testnet="tour",status="pending"} 5\n');
  expect(text).not.toMatch(/^peerstorm_(?:time_zero|components|fault_active)\S* /m);
});
