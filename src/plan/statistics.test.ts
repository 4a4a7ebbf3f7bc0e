import { expect, test } from 'vitest';
import { planOf } from '../../test/golden/plan/planning.ts';
import { statisticsOf } from './statistics.ts';

const statistics = (count: number, topology: object) =>
  statisticsOf(planOf({ groups: [{ name: 'n', kind: 'reference', count }], topology }));

test.for([
  [
    6,
    { model: 'ring' },
    {
      nodes: 6,
      edges: 6,
      degree: { min: 2, mean: 2, max: 2 },
      components: 1,
      distance: { diameter: 3, mean: 1.8, from: 6 },
      clustering: { mean: 0, of: 6 },
    },
  ],
  [
    5,
    { model: 'full-mesh' },
    {
      nodes: 5,
      edges: 10,
      degree: { min: 4, mean: 4, max: 4 },
      components: 1,
      distance: { diameter: 1, mean: 1, from: 5 },
      clustering: { mean: 1, of: 5 },
    },
  ],
  [
    4,
    {
      model: 'edges',
      edges: [
        ['n-0', 'n-1'],
        ['n-1', 'n-2'],
        ['n-2', 'n-0'],
      ],
    },
    {
      nodes: 4,
      edges: 3,
      degree: { min: 0, mean: 1.5, max: 2 },
      components: 2,
      distance: { diameter: 1, mean: 1, from: 4 },
      clustering: { mean: 0.75, of: 4 },
    },
  ],
] as const)('%i nodes in %j', ([count, topology, expected]) => {
  expect(statistics(count, topology)).toEqual(expected);
});

test('dials in both directions are one edge', () => {
  // Three nodes that each dial both others.
  expect(statistics(3, { model: 'bitcoin', outbound: 2 })).toMatchObject({ edges: 3 });
});

test('distances are exact for 2,000 nodes, and sampled above', () => {
  const topology = { model: 'random-regular', degree: 8 };
  expect(statistics(2_000, topology).distance).toMatchObject({ from: 2_000, diameter: 6 });
  const large = statistics(5_000, topology).distance;
  expect(large.from).toBe(32);
  // 4.436 from 1,111 of them.
  expect(Math.abs(large.mean - 4.436)).toBeLessThan(0.02);
});
