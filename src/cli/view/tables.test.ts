import { expect, test } from 'vitest';
import { plan } from '../../../test/fixtures/made-up-run.ts';
import type { GraphView, NodeStatus } from '../../session/session.ts';
import { renderDoctor, renderFaults, renderGraph, renderNodes, renderStatus } from './tables.ts';

const nodes: readonly NodeStatus[] = plan.nodes.slice(0, 3).map((node, i) => ({
  ...node,
  kind: 'reference',
  role: 'full',
  state: i === 2 ? 'starting' : 'ready',
  restarts: i,
  ...(i === 2 ? {} : { peers: 8, height: 12, tip: 'abcdef0123456789' }),
}));

test('nodes', () => {
  expect(renderNodes(nodes)).toMatchInlineSnapshot(`
    "NODE     KIND       ROLE  REGION  ADDRESS    STATE     PEERS  HEIGHT  RESTARTS  TIP
    boot-0   reference  full  eu      10.64.0.2  ready         8      12         0  abcdef012345
    boot-1   reference  full  us      10.64.0.3  ready         8      12         1  abcdef012345
    miner-0  reference  full  eu      10.64.1.2  starting      -       -         2  -"
  `);
});

test('faults', () => {
  expect(renderFaults([])).toBe('no faults');
  expect(
    renderFaults([
      { name: 'cut', kind: 'partition', state: 'over', startsAt: 20, endsAt: 50, proof: 'proved' },
      { name: 'by-hand', kind: 'link', state: 'active', startsAt: 700 },
    ]),
  ).toMatchInlineSnapshot(`
    "FAULT    KIND       STATE   FROM       TO    PROOF
    cut      partition  over    20 s       50 s  proved
    by-hand  link       active  11:40 min  -     -"
  `);
});

test('status', () => {
  expect(
    renderStatus({
      testnet: 'tour',
      runtime: 'local',
      phase: 'running',
      startedAt: '',
      elapsed: 31.9,
      nodes: { planned: 3, running: 3, ready: 2 },
      metrics: { components: 1, distinct_tips: 2 },
      faults: [{ name: 'cut', kind: 'partition', state: 'active', startsAt: 20 }],
      expectations: [{ name: 'x', status: 'pending' }],
      problems: [],
    }),
  ).toMatchInlineSnapshot(`
    "tour (local): running for 31 s
      nodes         2 of 3 ready, 3 running
      network       components 1, distinct_tips 2
      faults        1 active
      expectations  1 pending"
  `);
});

const graph: GraphView = {
  nodes: [
    { name: 'a-0', group: 'a', region: '', tip: '1' },
    { name: 'a-1', group: 'a', region: '', tip: '1' },
    { name: 'b-0', group: 'b"', region: '' },
  ],
  edges: [['a-0', 'a-1']],
};

test('the peer graph as text', () => {
  expect(renderGraph(graph, 'text')).toMatchInlineSnapshot(`
    "3 nodes, 1 live connection, 1 tip
    NODE  PEERS  CONNECTED TO
    a-0       1  a-1
    a-1       1  a-0
    b-0       0"
  `);
});

test('the peer graph for Graphviz', () => {
  expect(renderGraph(graph, 'dot')).toMatchInlineSnapshot(`
    "graph peers {
      node [shape=circle, style=filled];
      subgraph cluster_0 {
        label="a";
        "a-0" [fillcolor="#0072b2"];
        "a-1" [fillcolor="#0072b2"];
      }
      subgraph cluster_1 {
        label="b\\"";
        "b-0" [fillcolor="white"];
      }
      "a-0" -- "a-1";
    }"
  `);
});

test('what a machine can do', () => {
  expect(
    renderDoctor(
      [
        { host: 'localhost', feature: 'nft', ok: true, reason: 'nft 1.0.6' },
        {
          host: 'localhost',
          feature: 'netem',
          ok: false,
          reason: 'no sch_netem',
          fix: 'modprobe it',
        },
      ],
      { peerstorm: '0.1.0' },
    ),
  ).toMatchInlineSnapshot(`
    "peerstorm 0.1.0
    ✓ nft               nft 1.0.6
    ✗ netem             no sch_netem
                        modprobe it"
  `);
});
