import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomOf } from '../src/random.ts';
import { type TargetKind, Targets } from './targets.ts';

const nobody = new Set<string>();

function targetsOf(...peers: readonly [string, TargetKind][]): Targets {
  const targets = new Targets(randomOf('test'));
  for (const [peer, kind] of peers) targets.add(peer, `/addr/${peer}`, kind);
  return targets;
}

test('who is connected, being dialled, or of another kind is not due', () => {
  const targets = targetsOf(['a', 'dial'], ['b', 'dial'], ['c', 'dial'], ['d', 'found']);
  const b = targets.get('b');
  if (b !== undefined) b.dialling = true;
  expect(targets.due(['dial'], 0, new Set(['a'])).map(({ peer }) => peer)).toEqual(['c']);
  expect(targets.diallingCount).toBe(1);
});

test('missing are those of a kind that are not connected, also while they are dialled', () => {
  const targets = targetsOf(['a', 'dial'], ['b', 'dial'], ['c', 'found']);
  const a = targets.get('a');
  if (a !== undefined) a.dialling = true;
  expect(targets.missing('dial', nobody)).toBe(2);
  expect(targets.missing('dial', new Set(['a', 'c']))).toBe(1);
  expect(targets.missing('dial', new Set(['a', 'b']))).toBe(0);
});

test('the first to name a peer decides what it is', () => {
  expect(targetsOf(['a', 'dial'], ['a', 'found']).get('a')?.kind).toBe('dial');
});

test('who has failed least comes first', () => {
  const targets = targetsOf(['a', 'found'], ['b', 'found'], ['c', 'found']);
  for (const [peer, times] of [
    ['a', 2],
    ['c', 1],
  ] as const) {
    for (let i = 0; i < times; i += 1) targets.tried(targets.get(peer) ?? expect.fail(), 0);
  }
  const order = targets.due(['found'], 1e9, nobody).map(({ peer }) => peer);
  expect(order).toEqual(['b', 'c', 'a']);
});

test('pauses double, never pass a few seconds, and end when a connection has lasted', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.constantFrom<TargetKind>('dial', 'seed', 'found'), (n, kind) => {
      const targets = targetsOf(['a', kind]);
      const target = targets.get('a') ?? expect.fail();
      for (let i = 0; i < n; i += 1) targets.tried(target, 0);
      targets.tried(target, 1_000);
      const longest = Math.min(kind === 'found' ? 8_000 : 3_000, 250 * 2 ** n);
      expect(target.nextAt - 1_000).toBeGreaterThanOrEqual(longest / 2);
      expect(target.nextAt - 1_000).toBeLessThanOrEqual(longest);
      targets.lasted(target);
      targets.tried(target, 0);
      expect(target.nextAt).toBeLessThanOrEqual(250);
    }),
  );
});

test('what discovery finds is bounded, and never costs a dial of the plan', () => {
  const targets = targetsOf(['mine', 'dial']);
  const worst = targets.get('mine') ?? expect.fail();
  for (let i = 0; i < 9; i += 1) targets.tried(worst, 0);
  for (let i = 0; i < 2_000; i += 1) targets.add(`p${i}`, '/addr', 'found');
  expect(targets.due(['found'], 0, nobody)).toHaveLength(500);
  expect(targets.get('mine')).toBeDefined();
});
