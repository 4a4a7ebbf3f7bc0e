import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import { formatPath } from '../spec/problems.ts';
import type { Selector } from '../spec/schema.ts';
import { type Roster, selectFrom } from './select.ts';

function rosterOf(boot: number, full: number, randomSeed = 1): Roster {
  const members = [
    ...Array.from({ length: boot }, (_, index) => ({
      name: nodeName('boot', index),
      group: 'boot',
      index,
      region: 'eu',
      role: 'full' as const,
    })),
    ...Array.from({ length: full }, (_, index) => ({
      name: nodeName('full', index),
      group: 'full',
      index,
      region: index % 2 === 0 ? 'eu' : 'us',
      role: index === 1 ? ('miner' as const) : ('full' as const),
    })),
  ];
  return {
    randomSeed,
    members,
    everybody: members.map(({ name }) => name),
    groups: new Set(['boot', 'full', 'empty']),
    regions: new Set(['eu', 'us', 'ap']),
  };
}

function select(selector: Selector, roster = rosterOf(2, 4), draw = 'fault') {
  const problems: string[] = [];
  const names = selectFrom(roster)(selector, { path: ['of'], draw: [draw] }, (problem) =>
    problems.push(`${formatPath(problem.path)}: ${problem.message}`),
  );
  return { names: names.join(' '), problems };
}

const everybody = 'boot-0 boot-1 full-0 full-1 full-2 full-3';

test.for<[Selector, string]>([
  [{}, everybody],
  [{ group: 'boot' }, 'boot-0 boot-1'],
  [{ groups: ['full', 'boot'] }, everybody],
  [{ node: 'full-2' }, 'full-2'],
  [{ nodes: ['full-2', 'boot-0'] }, 'boot-0 full-2'],
  [{ region: 'us' }, 'full-1 full-3'],
  [{ regions: ['us', 'ap'] }, 'full-1 full-3'],
  [{ role: 'miner' }, 'full-1'],
  [{ roles: ['miner', 'full'], region: 'us' }, 'full-1 full-3'],
  [{ group: 'full', region: 'eu' }, 'full-0 full-2'],
  [{ not: { group: 'boot' } }, 'full-0 full-1 full-2 full-3'],
  [{ group: 'full', not: { region: 'us' } }, 'full-0 full-2'],
  [{ not: { region: 'us', role: 'miner' } }, 'boot-0 boot-1 full-0 full-2 full-3'],
])('%j selects %s', ([selector, names]) => {
  expect(select(selector)).toEqual({ names, problems: [] });
});

test.for<[Selector, string[]]>([
  [{ group: 'ful' }, ['of.group: no group is named "ful", did you mean full?']],
  [{ node: 'full-9' }, ['of.node: no node is named "full-9", did you mean full-0?']],
  [
    { regions: ['eu', 'mars'] },
    ['of.regions[1]: no region is named "mars", there are eu, us and ap'],
  ],
  [
    { not: { group: 'x' } },
    ['of.not.group: no group is named "x", there are boot, full and empty'],
  ],
  [{ region: 'ap' }, ['of: selects no node']],
  [{ group: 'empty' }, ['of: selects no node']],
  [{ group: 'boot', not: { region: 'eu' } }, ['of: selects no node']],
  [{ sample: 7 }, ['of.sample: asks for 7 of 6 nodes']],
  [{ group: 'boot', sample: '10%' }, ['of.sample: 10% of 2 nodes rounds to zero']],
])('%j is refused', ([selector, problems]) => {
  expect(select(selector)).toEqual({ names: '', problems });
});

test.for([
  ['25%', 10, 3],
  ['24%', 10, 2],
  ['14.5%', 100, 15],
  ['100%', 10, 10],
  [4, 10, 4],
] as const)('a sample of %s of %i nodes has %i', ([sample, nodes, count]) => {
  const { names } = select({ group: 'full', sample }, rosterOf(1, nodes));
  expect(names.split(' ')).toHaveLength(count);
});

const sizes = fc.integer({ min: 1, max: 40 });

test('one node more changes at most one of a sample', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 100 }), fc.nat(), (nodes, percent, seed) => {
      const sample = `${percent}%` as const;
      const [before, after] = [nodes, nodes + 1].map((count) =>
        select({ group: 'full', sample }, rosterOf(1, count, seed)).names.split(' '),
      );
      const lost = (before ?? []).filter((name) => name !== '' && after?.includes(name) !== true);
      expect(lost.length).toBeLessThanOrEqual(1);
      expect((after?.length ?? 0) - (before?.length ?? 0)).toBeLessThanOrEqual(1);
    }),
  );
});

function drawn(draw: string, seed: number): string {
  return select({ group: 'full', sample: 8 }, rosterOf(2, 40, seed), draw).names;
}

test('samples differ by what they are for and by randomSeed, and by nothing else', () => {
  expect(drawn('a', 1)).toBe(drawn('a', 1));
  expect(drawn('a', 1)).not.toBe(drawn('b', 1));
  expect(drawn('a', 1)).not.toBe(drawn('a', 2));
});

test('every node is drawn equally often', () => {
  const hits = new Map<string, number>();
  for (let draw = 0; draw < 2_000; draw += 1) {
    for (const name of select({ sample: 2 }, rosterOf(0, 10), `${draw}`).names.split(' ')) {
      hits.set(name, (hits.get(name) ?? 0) + 1);
    }
  }
  // 400 expected, sigma 18.
  for (const count of hits.values()) expect(Math.abs(count - 400)).toBeLessThan(90);
});

function ignore() {}

test('equal selectors give the same array', () => {
  const selecting = selectFrom(rosterOf(2, 4));
  const place = { path: [], draw: ['x'] };
  expect(selecting({ group: 'full' }, place, ignore)).toBe(
    selecting({ group: 'full' }, { ...place, draw: ['y'] }, ignore),
  );
  expect(selecting({}, place, ignore)).toBe(selecting({ regions: ['eu', 'us'] }, place, ignore));
});
