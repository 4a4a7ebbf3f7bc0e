import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planOf, problemsOf } from '../../test/golden/plan/planning.ts';
import { apportion } from './regions.ts';

const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 });

test('a node more moves no other', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 60 }), (shares, count) => {
      expect(apportion(shares, count + 1).slice(0, count)).toEqual(apportion(shares, count));
    }),
  );
});

test('nobody is further from its share than all but one of the others could make it', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 200 }), (shares, count) => {
      const total = shares.reduce((sum, share) => sum + share, 0);
      const sequence = apportion(shares, count);
      for (const [at, share] of shares.entries()) {
        const seats = sequence.filter((region) => region === at).length;
        expect(Math.abs(seats - (share * count) / total)).toBeLessThan(shares.length);
      }
    }),
  );
});

test.for([
  [[1, 1, 1], 7, [3, 2, 2]],
  [[2, 1], 9, [6, 3]],
  [[53_000, 24_000, 23_000], 7, [3, 2, 2]],
  [[0, 1], 3, [0, 3]],
] as const)('weights %j over %i nodes are %j', ([shares, count, seats]) => {
  const sequence = apportion(shares, count);
  expect(shares.map((_, at) => sequence.filter((region) => region === at).length)).toEqual(seats);
});

const regions = [{ name: 'eu' }, { name: 'us' }, { name: 'ap' }];
const spec = (group: object) => ({
  network: { regions },
  groups: [{ name: 'full', kind: 'reference', ...group }],
});
const regionsOf = (group: object) => planOf(spec(group)).nodes.map(({ region }) => region);

test('a group is spread by shares, by weights, or evenly', () => {
  expect(regionsOf({ count: 4, regions: { us: '50%', eu: '50%' } })).toEqual([
    'eu',
    'us',
    'eu',
    'us',
  ]);
  expect(regionsOf({ count: 4, regions: { us: 3, ap: 1 } })).toEqual(['us', 'us', 'ap', 'us']);
  expect(regionsOf({ count: 4 })).toEqual(['eu', 'us', 'ap', 'eu']);
  expect(regionsOf({ count: 1 })).toEqual(['eu']);
});

test('regions that are unknown, or that get nobody, are named', () => {
  expect(problemsOf(spec({ count: 4, regions: { uss: 1 } }))).toEqual([
    'error spec.groups[0].regions.uss: no region is named "uss", did you mean us?',
  ]);
  expect(problemsOf(spec({ count: 4, regions: { eu: '95%', us: '5%' } }))).toEqual([
    'error spec.groups[0].regions.us: gets none of 4 nodes; raise count, or leave the region out',
  ]);
});
