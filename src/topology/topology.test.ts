import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type NodeName, nodeName } from '../names.ts';
import { randomOf } from '../random.ts';
import type { Topology } from '../spec/schema.ts';
import type { Draw, TopologyNode } from './generator.ts';
import { dialsOf } from './index.ts';

type Counts = readonly number[];
type Dials = ReadonlyMap<NodeName, readonly NodeName[]>;

/** Group 0 starts first, as a bootstrap group does; the rest by index, then group. */
function nodesOf(counts: Counts): TopologyNode[] {
  return counts
    .flatMap((count, group) =>
      Array.from({ length: count }, (_, index) => ({
        name: nodeName(`g${group}`, index),
        group,
        index,
      })),
    )
    .toSorted(
      (a, b) =>
        Number(a.group !== 0) - Number(b.group !== 0) || a.index - b.index || a.group - b.group,
    );
}

const drawOf =
  (seed: number): Draw =>
  (...path) =>
    randomOf(seed, ...path);

function generate(counts: Counts, topology: Topology, seed = 1): Dials {
  const nodes = nodesOf(counts);
  const { dials, problems } = dialsOf(nodes, topology, drawOf(seed));
  expect(problems).toEqual([]);
  return new Map(nodes.map(({ name }, at) => [name, dials[at] ?? []]));
}

function messages(counts: Counts, topology: Topology): string[] {
  return dialsOf(nodesOf(counts), topology, drawOf(1)).problems.map(
    ({ path, ...problem }) =>
      `${path.join('.')}: ${'unknown' in problem ? `unknown ${problem.unknown}` : problem.message}`,
  );
}

function neighbours(dials: Dials): Map<NodeName, Set<NodeName>> {
  const graph = new Map([...dials.keys()].map((name) => [name, new Set<NodeName>()]));
  for (const [from, list] of dials) {
    for (const to of list) {
      graph.get(from)?.add(to);
      graph.get(to)?.add(from);
    }
  }
  return graph;
}

function connected(dials: Dials): boolean {
  const graph = neighbours(dials);
  const [start] = graph.keys();
  if (start === undefined) return true;
  const reached = new Set([start]);
  for (const node of reached) for (const next of graph.get(node) ?? []) reached.add(next);
  return reached.size === graph.size;
}

function edgeKeys(dials: Dials): string[] {
  return [...dials].flatMap(([from, list]) => list.map((to) => [from, to].sort().join(' ')));
}

const someCounts = fc.array(fc.integer({ min: 1, max: 24 }), { minLength: 1, maxLength: 4 });
const seeds = fc.nat();
const total = (counts: Counts) => counts.reduce((sum, count) => sum + count, 0);

test.for([
  ['full-mesh', {}],
  ['ring', {}],
  ['star', {}],
  ['random-regular', {}],
  ['bitcoin', { outbound: 3 }],
] as const)('%s is connected, without loops or double dials', ([model, options]) => {
  fc.assert(
    fc.property(someCounts, seeds, (counts, seed) => {
      const dials = generate(counts, { model, ...options }, seed);
      expect(connected(dials)).toBe(true);
      for (const [from, list] of dials) {
        expect(list).not.toContain(from);
        expect(new Set(list).size).toBe(list.length);
      }
      if (model === 'bitcoin') return;
      const keys = edgeKeys(dials);
      expect(new Set(keys).size).toBe(keys.length);
    }),
  );
});

const models: readonly Topology['model'][] = [
  'full-mesh',
  'ring',
  'star',
  'random-regular',
  'bitcoin',
  'edges',
  'none',
];

test.for(models)('%s gives the same for the same randomSeed', (model) => {
  const topology: Topology = model === 'edges' ? { model, edges: [] } : { model };
  fc.assert(
    fc.property(someCounts, seeds, (counts, seed) => {
      const [once, again] = [1, 2].map(() => generate(counts, topology, seed));
      expect(JSON.stringify([...(once ?? [])])).toBe(JSON.stringify([...(again ?? [])]));
    }),
    { numRuns: 20 },
  );
});

test.for(['random-regular', 'bitcoin'] as const)('%s differs with randomSeed', (model) => {
  expect([...generate([30], { model }, 1)]).not.toEqual([...generate([30], { model }, 2)]);
});

test.for(['full-mesh', 'ring', 'random-regular'] as const)(
  '%s has those who start later dial those who are there',
  (model) => {
    const order = nodesOf([2, 9, 5]).map(({ name }) => name);
    for (const [from, list] of generate([2, 9, 5], { model })) {
      for (const to of list) expect(order.indexOf(to)).toBeLessThan(order.indexOf(from));
    }
  },
);

test('full-mesh has every pair once', () => {
  fc.assert(
    fc.property(someCounts, (counts) => {
      const nodes = total(counts);
      expect(edgeKeys(generate(counts, { model: 'full-mesh' }))).toHaveLength(
        (nodes * (nodes - 1)) / 2,
      );
    }),
  );
});

test('ring gives everybody the two neighbours of the order of the spec', () => {
  expect(edgeKeys(generate([2, 3], { model: 'ring' })).sort()).toEqual([
    'g0-0 g0-1',
    'g0-0 g1-2',
    'g0-1 g1-0',
    'g1-0 g1-1',
    'g1-1 g1-2',
  ]);
  expect(edgeKeys(generate([2], { model: 'ring' }))).toEqual(['g0-0 g0-1']);
  expect(edgeKeys(generate([1], { model: 'ring' }))).toEqual([]);
});

test('star has all dial the first node of the spec, or the hub', () => {
  expect([...generate([1, 2], { model: 'star' })]).toEqual([
    ['g0-0', []],
    ['g1-0', ['g0-0']],
    ['g1-1', ['g0-0']],
  ]);
  const hub = nodeName('g1', 1);
  expect(generate([1, 2], { model: 'star', hub }).get(hub)).toEqual([]);
  expect(messages([2], { model: 'star', hub: 'g7-0' })).toEqual(['hub: unknown g7-0']);
});

test('random-regular gives everybody exactly its degree', () => {
  const possible = fc
    .record({ nodes: fc.integer({ min: 3, max: 40 }), degree: fc.integer({ min: 2, max: 39 }) })
    .filter(({ nodes, degree }) => degree < nodes && (nodes * degree) % 2 === 0);
  fc.assert(
    fc.property(possible, seeds, ({ nodes, degree }, seed) => {
      const dials = generate([nodes], { model: 'random-regular', degree }, seed);
      expect(connected(dials)).toBe(true);
      expect([...neighbours(dials).values()].map(({ size }) => size)).toEqual(
        Array.from({ length: nodes }, () => degree),
      );
    }),
    { numRuns: 500 },
  );
});

test('random-regular joins the circles that degree 2 falls into', () => {
  // Two random circles of 200 nodes are one circle in very few draws.
  for (let seed = 0; seed < 20; seed += 1) {
    expect(connected(generate([200], { model: 'random-regular', degree: 2 }, seed))).toBe(true);
  }
});

test('random-regular draws all graphs: the six circles of five nodes that hold one edge', () => {
  const circles = new Set<string>();
  for (let seed = 0; seed < 400; seed += 1) {
    const dials = generate([5], { model: 'random-regular', degree: 2 }, seed);
    circles.add(edgeKeys(dials).sort().join());
  }
  expect(circles.size).toBe(12);
});

test.for([
  [5, 3, 'degree: 5 nodes of degree 3 do not add up to whole edges; use 2 or 4, or one node more'],
  [5, 5, 'degree: degree 5 needs more than 5 nodes, there are 5; at most 4'],
  [6, 1, 'degree: degree 1 connects no more than two nodes; at least 2'],
] as const)('random-regular refuses %i nodes of degree %i', ([nodes, degree, message]) => {
  expect(messages([nodes], { model: 'random-regular', degree })).toEqual([message]);
});

test.for([1, 2, 3, 8, 9])('random-regular lowers the default degree for %i nodes', (nodes) => {
  const degrees = [...neighbours(generate([nodes], { model: 'random-regular' })).values()];
  expect(degrees.map(({ size }) => size)).toEqual(
    Array.from({ length: nodes }, () => Math.min(8, nodes - 1)),
  );
});

test('bitcoin gives everybody as many distinct dials as asked, or all there are', () => {
  fc.assert(
    fc.property(someCounts, fc.integer({ min: 1, max: 12 }), (counts, outbound) => {
      const dials = generate(counts, { model: 'bitcoin', outbound });
      const expected = Math.min(outbound, total(counts) - 1);
      expect([...dials.values()].map((list) => new Set(list).size)).toEqual(
        Array.from({ length: total(counts) }, () => expected),
      );
    }),
  );
});

test('bitcoin spreads inbound connections', () => {
  const inbound = new Map<NodeName, number>();
  for (const list of generate([4, 2_000], { model: 'bitcoin' }).values()) {
    for (const to of list) inbound.set(to, (inbound.get(to) ?? 0) + 1);
  }
  // 8 x ln(2000 / 8) = 44 for the oldest.
  expect(Math.max(...inbound.values())).toBeLessThan(90);
});

test.for(['full-mesh', 'star', 'bitcoin', 'none'] as const)(
  '%s keeps every dial when the largest group grows',
  (model) => {
    fc.assert(
      fc.property(someCounts, fc.nat({ max: 3 }), seeds, (counts, which, seed) => {
        const grown = 1 + (which % counts.length);
        const sizes = (size: number) =>
          [9, ...counts].map((count, group) => (group === grown ? size : count));
        const largest = Math.max(9, ...counts);
        const after = generate(sizes(largest + 1), { model }, seed);
        for (const [name, list] of generate(sizes(largest), { model }, seed)) {
          expect(after.get(name)).toEqual(list);
        }
      }),
    );
  },
);

test.for([
  ['full-mesh', 0],
  ['star', 0],
  ['bitcoin', 1],
  ['none', 0],
] as const)('%s: any node more makes an existing one lose at most %i dials', ([model, limit]) => {
  fc.assert(
    fc.property(someCounts, fc.nat({ max: 3 }), seeds, (before, which, seed) => {
      const after = before.map((count, at) => (at === which % before.length ? count + 1 : count));
      const old = generate(before, { model }, seed);
      const grown = generate(after, { model }, seed);
      for (const [name, list] of old) {
        const lost = list.filter((to) => grown.get(name)?.includes(to) !== true);
        expect(lost.length).toBeLessThanOrEqual(limit);
      }
    }),
  );
});

test('edges are the pairs of the spec, each once; unknown nodes are named', () => {
  const [a, b] = [nodeName('g0', 0), nodeName('g0', 1)];
  const pairs: [string, string][] = [
    [b, a],
    [a, b],
    [b, a],
  ];
  expect([...generate([3], { model: 'edges', edges: pairs })]).toEqual([
    [a, []],
    [b, [a]],
    ['g0-2', []],
  ]);
  expect(messages([2], { model: 'edges', edges: [[a, 'g9-0']] })).toEqual([
    'edges.0.1: unknown g9-0',
  ]);
});

test('a graph that no machine can hold is refused', () => {
  expect(messages([60_000], { model: 'full-mesh' })).toEqual([
    'model: full-mesh makes 1799970000 dials of 60000 nodes; at most 2000000',
  ]);
});
