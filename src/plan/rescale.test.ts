import { describe, expect, test } from 'vitest';
import { nodeFault, scriptedPlan, splitFault } from '../../test/scripted.ts';
import { nodeName } from '../names.ts';
import type { Plan } from './plan.ts';
import { endedAt, rescale } from './rescale.ts';

const three = scriptedPlan(3);
const five = scriptedPlan(5);
const dialling = (plan: Plan): Plan => ({
  ...plan,
  nodes: plan.nodes.map((node) => ({ ...node, dials: [nodeName('full', 0)] })),
});
const change = {
  next: dialling(five),
  topology: { model: 'none' },
  atMs: 10_000,
  adHoc: new Map(),
} as const;

describe('a plan that grows', () => {
  const grown = rescale(three, change);

  test('keeps what there is, and lets the others join in a wave of their own', () => {
    expect(grown.nodes.slice(0, 3)).toEqual(three.nodes);
    expect(grown.nodes.slice(3).map(({ name, joins }) => [name, joins])).toEqual([
      ['full-3', true],
      ['full-4', true],
    ]);
    expect(grown.waves).toEqual([...three.waves, ['full-3', 'full-4']]);
    expect(grown.hash).toBe(three.hash);
  });

  test.each([
    ['none', undefined, 1],
    ['ring', undefined, 2],
    ['random-regular', 3, 3],
  ] as const)('of model %s (degree %s) has newcomers dial %i', (model, degree, dials) => {
    const topology = degree === undefined ? { model } : { model, degree };
    const [newcomer] = rescale(three, { ...change, topology }).nodes.slice(3);
    expect(newcomer?.dials).toHaveLength(dials);
    const names = new Set(three.nodes.map(({ name }) => name));
    expect(newcomer?.dials.every((name) => names.has(name))).toBe(true);
  });

  test('is the same whenever it is made anew', () => {
    const topology = { model: 'ring' } as const;
    expect(rescale(three, { ...change, topology })).toEqual(
      rescale(three, { ...change, topology }),
    );
  });
});

test('a plan that shrinks leaves nothing of who goes', () => {
  const { nodes, waves } = rescale(five, { ...change, next: three });
  expect(nodes.map(({ name }) => name)).toEqual(['full-0', 'full-1', 'full-2']);
  expect(waves).toEqual([['full-0', 'full-1', 'full-2']]);
});

describe('faults of a plan that changes', () => {
  const cut = { name: 'cut', startMs: 5_000, endMs: 20_000 };
  const before = { ...three, faults: [splitFault(three, { ...cut, size: 1 })] };

  test('keep their times and take in who has come', () => {
    const later = splitFault(five, { ...cut, startMs: 7_000, endMs: 30_000, size: 2 });
    const [fault] = rescale(before, { ...change, next: { ...five, faults: [later] } }).faults;
    expect([fault?.startMs, fault?.endMs]).toEqual([5_000, 20_000]);
    expect(fault?.effects).toEqual(later.effects);
  });

  test('end where the spec has them no more, and new ones come last', () => {
    const fresh = splitFault(five, { name: 'fresh', startMs: 1_000, endMs: 40_000, size: 1 });
    const { faults } = rescale(before, { ...change, next: { ...five, faults: [fresh] } });
    expect(faults.map(({ name, endMs }) => [name, endMs])).toEqual([
      ['cut', 10_000],
      ['fresh', 40_000],
    ]);
  });

  test('stay as they are applied by hand', () => {
    const hand = splitFault(five, { name: 'cut', startMs: 0, size: 3 });
    const adHoc = new Map([['cut', hand]]);
    const [fault] = rescale(before, { ...change, next: five, adHoc }).faults;
    expect([fault?.startMs, fault?.endMs, fault?.effects]).toEqual([5_000, 20_000, hand.effects]);
  });

  test.each([
    [4_000, ['full-0', 'full-4']],
    [6_000, ['full-0']],
  ])('that act on nodes get new targets until they begin (%i ms)', (atMs, targets) => {
    const of = (names: readonly number[]) =>
      nodeFault('kill', {
        name: 'k',
        startMs: 5_000,
        targets: names.map((index) => nodeName('full', index)),
      });
    const next = { ...five, faults: [of([0, 4])] };
    const [fault] = rescale({ ...three, faults: [of([0])] }, { ...change, next, atMs }).faults;
    expect(fault?.nodes?.targets).toEqual(targets);
  });

  test.each([
    ['has not begun', 3_000, 5_000],
    ['is on', 9_000, 9_000],
    ['is over', 30_000, 20_000],
    ['is ended before time 0', -1, 5_000],
  ])('one that %s is ended at %i ms', (_, atMs, endMs) => {
    const [fault] = before.faults;
    if (fault === undefined) throw new TypeError('no fault');
    expect(endedAt(fault, atMs).endMs).toBe(endMs);
  });
});
