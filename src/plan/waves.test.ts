import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planOf } from '../../test/golden/plan/planning.ts';
import { nodeName } from '../names.ts';
import { peersFrom, wavesOf } from './waves.ts';

const starting = (bootstraps: number, rest: number) =>
  Array.from({ length: bootstraps + rest }, (_, index) => ({
    name: nodeName('n', index),
    bootstrap: index < bootstraps,
  }));

test.for([
  [2, 20, [2, 16, 4]],
  [0, 5, [5]],
  [3, 0, [3]],
  [2, 98, [2, 17, 17, 17, 17, 17, 13]],
  [0, 600, [100, 100, 100, 100, 100, 100]],
] as const)('%i bootstrap nodes and %i more start in waves of %j', ([bootstraps, rest, sizes]) => {
  expect(wavesOf(starting(bootstraps, rest)).map(({ length }) => length)).toEqual(sizes);
});

test('every node is in one wave, in the order of the start', () => {
  fc.assert(
    fc.property(fc.nat({ max: 30 }), fc.nat({ max: 300 }), (bootstraps, rest) => {
      const nodes = starting(bootstraps, rest);
      expect(wavesOf(nodes).flat()).toEqual(nodes.map(({ name }) => name));
    }),
  );
});

const boot = { name: 'boot', kind: 'reference', bootstrap: true };
const full = { name: 'full', kind: 'reference', count: 2 };

test.for<[string, object, Record<string, boolean>]>([
  [
    'the only bootstrap node has nobody to connect to',
    { topology: { model: 'none' }, groups: [boot, full] },
    { 'boot-0': false, 'full-0': true, 'full-1': true },
  ],
  [
    'two bootstrap nodes have each other',
    { topology: { model: 'none' }, groups: [{ ...boot, count: 2 }, full] },
    { 'boot-0': true, 'boot-1': true, 'full-0': true, 'full-1': true },
  ],
  [
    'who dials and who is dialled, in whatever wave',
    {
      topology: { model: 'edges', edges: [['boot-0', 'full-0']] },
      groups: [boot, { ...full, discovery: { via: 'none' } }],
    },
    { 'boot-0': true, 'full-0': true, 'full-1': false },
  ],
  [
    'a seed is nobody to wait for where a topology says who dials whom',
    {
      topology: { model: 'edges', edges: [['full-0', 'full-1']] },
      groups: [{ ...boot, count: 2 }, full],
    },
    { 'boot-0': false, 'boot-1': false, 'full-0': true, 'full-1': true },
  ],
  [
    'what the group says holds',
    { topology: { model: 'ring' }, groups: [{ ...full, peered: false }] },
    { 'full-0': false, 'full-1': false },
  ],
])('peered: %s', ([, spec, expected]) => {
  const nodes = planOf(spec).nodes.map(({ name, peered }) => [name, peered]);
  expect(Object.fromEntries(nodes)).toEqual(expected);
});

test('a peer is asked for from the wave on in which the first possible one starts', () => {
  const spec = {
    topology: { model: 'random-regular', degree: 4 },
    groups: [
      { ...boot, count: 2 },
      { ...full, count: 40 },
    ],
  };
  const plan = planOf(spec);
  const from = peersFrom(plan);
  const waveOf = (name: string) => plan.waves.findIndex((wave) => wave.includes(name as never));
  for (const { name, dials } of plan.nodes) {
    const dialledBy = plan.nodes.filter((other) => other.dials.includes(name));
    const contacts = [...dials, ...dialledBy.map((other) => other.name)];
    const waves = contacts.map((other) => Math.max(waveOf(other), waveOf(name)));
    expect([name, from.get(name)]).toEqual([name, Math.min(...waves)]);
  }
  // Nobody of the first wave can have a peer in it: it must not be waited for.
  expect([...from.values()].some((wave) => wave > 0)).toBe(true);
});
