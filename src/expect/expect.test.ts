import { array, assert, boolean, double, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { metricExpectation } from '../../test/scripted.ts';
import type { ExpectationState } from '../decide/state.ts';
import { nodeName } from '../names.ts';
import type { NodeSample, Sample } from '../network/sample.ts';
import type { Claim, Comparison, PlannedExpectation, Window } from '../plan/plan.ts';
import { close, type Ending, openExpectation, step } from './expect.ts';
import { favour, holds, read } from './value.ts';
import { type FaultWindow, uncovered, type Windows } from './windows.ts';

const [a, b, c] = [nodeName('n', 0), nodeName('n', 1), nodeName('n', 2)];
const atLeast = (value: number): Claim => ({ compare: '>=', value });
const during = {
  kind: 'during',
  fault: 'f',
  throughout: false,
  settleMs: 0,
  staysMs: 3_000,
} as const;
const throughout: Window = { ...during, throughout: true };
const after = { kind: 'after', fault: 'f', withinMs: 5_000, settleMs: 0, staysMs: 3_000 } as const;
const always = { kind: 'always', except: [], settleMs: 0 } as const;
/** From 10 s to 20 s, a little late. */
const fault: FaultWindow = {
  planned: { start: 10_000, end: 20_000 },
  start: 10_010,
  end: 20_010,
};

function network(window: Window, claim = atLeast(2)): PlannedExpectation {
  return metricExpectation('e', { window, metric: 'distinct_tips', claim });
}

/** What is known of the fault at `t`: news come half a second late. */
function windowsAt(t: number, { planned, start = 1e9, end = 1e9 }: FaultWindow = fault): Windows {
  const known: FaultWindow = {
    planned,
    ...(t >= start + 500 && { start }),
    ...(t >= end + 500 && { end }),
  };
  return new Map([['f', known]]);
}

function sampleOf(t: number, tips: number | undefined): Sample {
  return {
    t,
    network: tips === undefined ? {} : { distinct_tips: tips },
    nodes: new Map(),
    edges: [],
  };
}

/** Steps through a value for each second (`.` none observed, `x` no sample), then closes. */
function follow(
  planned: PlannedExpectation,
  values: string,
  {
    ending = 'duration',
    logs,
    of = fault,
  }: { ending?: Ending; logs?: number[]; of?: FaultWindow } = {},
): ExpectationState {
  let state = openExpectation(planned);
  let previous: number | undefined;
  const common = (t: number) => ({
    windows: windowsAt(t, of),
    logCounts: logs === undefined ? {} : { e: logs[t / 1_000] ?? 0 },
    intervalMs: 1_000,
    ...(previous !== undefined && { previous }),
  });
  values.split('').forEach((value, second) => {
    const t = second * 1_000;
    const seen = value === 'x' ? {} : { sample: sampleOf(t, value === '.' ? undefined : +value) };
    state = step(planned, state, { t, ...common(t), ...seen });
    if (value !== 'x') previous = t;
  });
  const t = (values.length - 1) * 1_000;
  return close(planned, state, { t, ...common(t), ending });
}

const outcome = ({ verdict, reason, at }: ExpectationState) =>
  `${reason ?? verdict} ${(at ?? Number.NaN) / 1_000}`;

describe('a claim on the network', () => {
  // One digit a second, from 0 s; the fault lasts from 10 s to 20 s.
  test.each<[string, Window, string, string]>([
    ['at: holds', { kind: 'at', atMs: 3_000 }, '11121', 'passed 3'],
    ['at: does not', { kind: 'at', atMs: 3_000 }, '22212', 'violated 3'],
    ['at: not observed then', { kind: 'at', atMs: 3_000 }, '222.2', 'never-observed 3'],
    ['at: between two samples', { kind: 'at', atMs: 2_500 }, '1112', 'passed 3'],
    ['at: no sample near it', { kind: 'at', atMs: 3_000 }, '111xxxxx2', 'unobserved 8'],
    ['at: the run ends before', { kind: 'at', atMs: 9_000 }, '222', 'unsettled 2'],
    ['during: long enough', during, '1111111111111112222211', 'passed 18'],
    ['during: at the very end', during, '1111111111111111112221', 'not-reached 21'],
    ['during: long enough by the end', during, '1111111111111111122221', 'passed 20'],
    ['during: in two halves', during, '1111111111122212221111', 'not-reached 21'],
    ['during: before only', during, '2222222222111111111111', 'not-reached 21'],
    ['during: after only', during, '111111111111111111111222222', 'not-reached 21'],
    ['during: never observed', during, '2222222222...........222', 'never-observed 21'],
    ['during: the run ends inside', during, '11111111111111', 'unsettled 13'],
    [
      'during, settle: early is too early',
      { ...during, settleMs: 6_000 },
      '1111111111222221111111',
      'not-reached 21',
    ],
    [
      'during, settle: later counts',
      { ...during, settleMs: 6_000 },
      '1111111111111111122221',
      'passed 20',
    ],
    ['throughout: at every sample', throughout, '1111111111.22222222222111', 'passed 21'],
    ['throughout: but one', throughout, '1111111111.22221222222111', 'violated 15'],
    [
      'throughout: unlike after the planned end',
      throughout,
      '11111111112222222222211111',
      'passed 21',
    ],
    ['throughout: never observed', throughout, '2222222222...........22', 'never-observed 21'],
    ['throughout: its fault never began', throughout, '22222', 'no-window 4'],
    ['after: at once', after, '1111111111111111111112222', 'passed 24'],
    ['after: at the last moment', after, '11111111111111111111111112222', 'passed 28'],
    ['after: too late', after, '11111111111111111111111111222', 'not-reached 26'],
    ['after: not for long', after, '111111111111111111111221111', 'not-reached 26'],
    ['after: at the second attempt', after, '1111111111111111111112212222', 'passed 27'],
    ['after: it held before already', after, '2222222222222222222222222', 'passed 24'],
    ['after: the run ends first', after, '11111111111111111111122', 'unsettled 22'],
    ['after: never observed', after, '222222222222222222222........2', 'never-observed 29'],
    ['always', always, '222222', 'passed 5'],
    ['always: but one', always, '222212', 'violated 4'],
    ['always: some not observed', always, '..2..', 'passed 4'],
    ['always: never observed', always, '......', 'never-observed 5'],
    [
      'always, settle: the beginning is left out',
      { ...always, settleMs: 2_000 },
      '112222',
      'passed 5',
    ],
    [
      'always, except: the window is left out',
      { ...always, except: ['f'] },
      '22222222221111111111122',
      'passed 22',
    ],
    [
      'always, except: but not what follows',
      { ...always, except: ['f'] },
      '222222222211111111111122',
      'violated 21',
    ],
    [
      'always, except: it settles',
      { ...always, except: ['f'], settleMs: 2_000 },
      '2222222222111111111111122',
      'passed 24',
    ],
  ])('%s', (...[, window, values, wanted]) => {
    expect(outcome(follow(network(window), values))).toBe(wanted);
  });

  test.each<[string, Window, string, string]>([
    ['always: 11 s without samples', always, '22xxxxxxxxxx2', 'unobserved 12'],
    ['always: 10 s without samples', always, '22xxxxxxxxx22', 'passed 12'],
    ['always: none at the end', always, '22xxxxxxxxxxx', 'unobserved 12'],
    [
      'always, except: a gap in the window',
      { ...always, except: ['f'] },
      '2222222222xxxxxxxxxxx2',
      'passed 21',
    ],
    ['throughout: a gap over the window', throughout, '2222222222xxxxxxxxxxx2', 'unobserved 21'],
    ['throughout: a gap before it', throughout, '2xxxxxxxxxx22222222222', 'passed 21'],
    ['during: a short gap breaks the streak', during, '11111111111111222xxx2221', 'not-reached 21'],
    ['during: shorter gaps do not', during, '1111111111111122x2211111', 'passed 17'],
    ['after: a gap over its window', after, '11111111111111111111xxxxxxxxxxxx2', 'unobserved 30'],
  ])('%s', (...[, window, values, wanted]) => {
    expect(outcome(follow(network(window), values))).toBe(wanted);
  });

  test.each<[string, Partial<FaultWindow>, string]>([
    ['samples after the planned end do not count before the heal is known', {}, 'pending'],
    ['once its fault is given up, the window is what was planned', { lost: true }, 'passed'],
  ])('%s', (_, more, verdict) => {
    const known: FaultWindow = { planned: fault.planned, start: 10_010, ...more };
    const look = { windows: new Map([['f', known]]), logCounts: {}, intervalMs: 1_000 };
    const planned = network(throughout);
    const inside = { ...look, t: 15_000, previous: 14_000, sample: sampleOf(15_000, 2) };
    const late = { ...look, t: 21_000, previous: 20_000, sample: sampleOf(21_000, 1) };
    const state = step(planned, step(planned, openExpectation(planned), inside), late);
    expect(state.verdict).toBe(verdict);
  });

  test('on a fault that was never seen is an error', () => {
    const of = { planned: { start: 10_000, end: 20_000 } };
    expect(outcome(follow(network(during), '2222', { of }))).toBe('no-window 3');
    expect(outcome(follow(network(after), '2222', { of }))).toBe('no-window 3');
  });

  test('that is still open when the run is cut short was not judged', () => {
    const cut = follow(network(always), '222', { ending: 'aborted' });
    expect([cut.verdict, cut.reason]).toEqual(['error', 'aborted']);
    expect(follow(network(always), '212', { ending: 'aborted' }).reason).toBe('violated');
  });

  test('remembers its extremes and when they were', () => {
    expect(follow(network(always), '6394')).toMatchObject({
      samples: 4,
      worst: 3,
      last: 4,
      extremeAt: 1_000,
    });
    expect(follow(network(during, atLeast(9)), '9999999999.45345345345')).toMatchObject({
      worst: 3,
      best: 5,
      extremeAt: 12_000,
    });
  });

  test('once settled stays as it is', () => {
    assert(
      property(array(nat(3), { minLength: 1, maxLength: 40 }), nat(3), (values, more) => {
        for (const window of [during, throughout, after, always]) {
          const text = values.join('');
          const longer = follow(network(window), `${text}${more}`);
          const shorter = follow(network(window), text);
          if (shorter.verdict === 'failed' && shorter.reason !== 'unsettled') {
            expect(longer).toEqual(shorter);
          }
        }
      }),
    );
  });

  test('always holds if and only if it holds at every sample', () => {
    assert(
      property(array(boolean(), { minLength: 1, maxLength: 30 }), (good) => {
        const { verdict } = follow(network(always), good.map((one) => (one ? 2 : 1)).join(''));
        expect(verdict).toBe(good.includes(false) ? 'failed' : 'passed');
      }),
    );
  });
});

describe('log counts', () => {
  const log = { of: [a], matches: 'panic' };
  test.each<[Comparison, number, number[], string]>([
    ['==', 0, [0, 0, 0], 'passed 2'],
    ['==', 0, [0, 1, 1], 'count 1'],
    ['<', 2, [0, 1, 2], 'count 2'],
    ['<=', 2, [0, 1, 2], 'passed 2'],
    ['>=', 2, [0, 0, 1], 'count 2'],
    ['>=', 1, [0, 0, 1], 'passed 2'],
    ['==', 1, [0, 0, 0], 'count 2'],
    ['!=', 1, [0, 1, 2], 'passed 2'],
  ])('%s %i of %j', (...[compare, value, logs, wanted]) => {
    const planned = { name: 'e', log, claim: { compare, value } };
    expect(outcome(follow(planned, '222', { logs }))).toBe(wanted);
  });

  test('that were never taken do not pass', () => {
    const planned = { name: 'e', log, claim: { compare: '==' as const, value: 0 } };
    expect(outcome(follow(planned, '222'))).toBe('never-observed 2');
  });
});

const node = (over: Partial<NodeSample> & { value?: number }): NodeSample => {
  const { value, ...rest } = over;
  return {
    answering: true,
    expected: true,
    metrics: value === undefined ? {} : { m: value },
    ...rest,
  };
};

const look = (...nodes: NodeSample[]): Sample => ({
  t: 50_000,
  network: {},
  nodes: new Map(nodes.map((one, index) => [nodeName('n', index), one])),
  edges: [],
});

describe('a claim on nodes', () => {
  const on = (claim: Claim, more: object = {}) => ({
    name: 'e',
    window: { ...always, settleMs: 5_000 },
    metric: 'm',
    of: [a, b, c],
    claim,
    ...more,
  });
  const [one, two, four] = [node({ value: 1 }), node({ value: 2 }), node({ value: 4 })];

  test.each<[string, Claim, NodeSample[], object]>([
    ['every node satisfies it', atLeast(1), [four, one, two], { value: 1, node: b, holds: true }],
    ['one does not', atLeast(2), [four, one, two], { value: 1, node: b, holds: false }],
    [
      'the worst is the largest',
      { compare: '<', value: 4 },
      [one, four, two],
      { value: 4, node: b },
    ],
    ['the worst is the furthest', { compare: '==', value: 2 }, [two, one, four], { node: c }],
    [
      'the worst is the nearest',
      { compare: '!=', value: 2 },
      [one, four, two],
      { node: c, holds: false },
    ],
    [
      'a silent node is skipped',
      atLeast(2),
      [four, node({ value: 1, answering: false })],
      { value: 4 },
    ],
    [
      'one that is down is skipped',
      atLeast(2),
      [four, node({ value: 1, expected: false })],
      { value: 4 },
    ],
    [
      'one that is just back is skipped',
      atLeast(2),
      [four, node({ value: 1, back: 45_001 })],
      { value: 4 },
    ],
    [
      'one that has settled is not',
      atLeast(2),
      [four, node({ value: 1, back: 45_000 })],
      { value: 1 },
    ],
    ['one that cannot tell is skipped', atLeast(2), [four, node({})], { value: 4, holds: true }],
    ['nobody can tell', atLeast(0), [node({}), node({})], { holds: false }],
    ['nobody is selected', atLeast(0), [], { holds: false }],
  ])('%s', (...[, claim, nodes, wanted]) => {
    const reading = read(on(claim), look(...nodes), 0);
    expect(reading).toMatchObject(wanted);
    if (!('value' in wanted) && !('node' in wanted)) expect(reading.value).toBeUndefined();
  });

  test.each([
    ['min', 1],
    ['max', 4],
    ['mean', 7 / 3],
    ['sum', 7],
    ['count', 3],
    ['p50', 2],
    ['p95', 4],
  ] as const)('%s of 1, 2, 4', (aggregate, value) => {
    const reading = read(on(atLeast(2), { aggregate }), look(one, two, four), 0);
    expect(reading).toEqual({ value, holds: value >= 2 });
  });

  test.each<[number, Window, string | undefined]>([
    [2, always, undefined],
    [3, always, 'silent'],
    [3, throughout, 'silent'],
    [3, during, undefined],
  ])('%i silent samples in %j', (...[silent, window, reason]) => {
    const planned = on(atLeast(0), { window }) as PlannedExpectation;
    const sample = { ...look(two, node({ answering: false, silent })), t: 15_000 };
    const seen = { t: 15_000, windows: windowsAt(15_000), logCounts: {}, intervalMs: 1_000 };
    const state = step(planned, openExpectation(planned), { ...seen, sample, previous: 14_000 });
    expect([state.reason, state.node]).toEqual([reason, reason === undefined ? a : b]);
  });

  test('reorgs are folded from the start of the window on', () => {
    const reorgs = [
      [8_000, 9],
      [12_000, 3],
      [13_000, 1],
    ] as const;
    const sample = look(
      node({ metrics: { reorg_depth: 0 }, reorgs }),
      node({ metrics: { reorg_depth: 0 } }),
    );
    const depth = (since: number, aggregate: object = {}) =>
      read(on(atLeast(1), { metric: 'reorg_depth', ...aggregate }), sample, since);
    expect(depth(10_000, { aggregate: 'max' })).toMatchObject({ value: 3, holds: true });
    expect(depth(0, { aggregate: 'max' })).toMatchObject({ value: 9 });
    expect(depth(12_500, { aggregate: 'max' })).toMatchObject({ value: 1 });
    expect(depth(10_000)).toMatchObject({ value: 0, node: b, holds: false });
  });
});

test.each<[Comparison, boolean[]]>([
  ['>=', [false, true, true]],
  ['<=', [true, true, false]],
  ['==', [false, true, false]],
  ['!=', [true, false, true]],
  ['>', [false, false, true]],
  ['<', [true, false, false]],
])('1, 2 and 3 %s 2', (compare, wanted) => {
  expect([1, 2, 3].map((value) => holds({ compare, value: 2 }, value))).toEqual(wanted);
});

test('what favours a claim more holds whenever less does', () => {
  const values = double({ noNaN: true, min: -1e6, max: 1e6 });
  const comparisons: Comparison[] = ['>=', '<=', '==', '!=', '>', '<'];
  assert(
    property(values, values, values, (value, one, other) => {
      for (const compare of comparisons) {
        const claim = { compare, value };
        const [worse, better] =
          favour(claim, one) <= favour(claim, other) ? [one, other] : [other, one];
        if (holds(claim, worse)) expect(holds(claim, better)).toBe(true);
      }
    }),
  );
});

test.each([
  ['nothing left out', [], 10],
  ['in the middle', [{ from: 12, to: 15 }], 7],
  [
    'overlapping',
    [
      { from: 14, to: 18 },
      { from: 12, to: 15 },
    ],
    4,
  ],
  ['from before', [{ from: 0, to: 15 }], 5],
  ['to the end', [{ from: 15 }], 5],
  ['all', [{ from: 0 }], 0],
  ['elsewhere', [{ from: 0, to: 5 }, { from: 30 }], 10],
])('the part of 10 to 20 that is left: %s', (_, left, wanted) => {
  expect(uncovered({ from: 10, to: 20 }, { from: 0 }, left)).toBe(wanted);
});
