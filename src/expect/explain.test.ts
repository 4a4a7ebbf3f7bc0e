import { describe, expect, test } from 'vitest';
import { metricExpectation } from '../../test/scripted.ts';
import type { ExpectationState } from '../decide/state.ts';
import { nodeName } from '../names.ts';
import type { PlannedExpectation, Window } from '../plan/plan.ts';
import type { HistoryLine } from '../report/history.ts';
import { evidenceOf } from './evidence.ts';
import { explain } from './explain.ts';
import type { Windows } from './windows.ts';

const split = { planned: { start: 20_000, end: 40_000 }, start: 20_003, end: 40_004 };
const windows: Windows = new Map([['split', split]]);
const during = {
  kind: 'during',
  fault: 'split',
  throughout: false,
  settleMs: 0,
  staysMs: 3_000,
} as const;
const tips = (window: Window): PlannedExpectation =>
  metricExpectation('e', { window, metric: 'distinct_tips', claim: { compare: '>=', value: 2 } });
const of = [nodeName('n', 0), nodeName('n', 1)];
const peers = metricExpectation('e', {
  window: { kind: 'always', except: ['split'], settleMs: 5_000 },
  metric: 'node_peers',
  of,
  claim: { compare: '>=', value: 1 },
});
const failed = (more: Partial<ExpectationState>): ExpectationState => ({
  verdict: 'failed',
  samples: 9,
  at: 41_000,
  ...more,
});

describe('an explanation', () => {
  test.each<[string, PlannedExpectation, ExpectationState]>([
    [
      'wanted distinct_tips >= 2 for 3s during split (20s..40s); best seen 1 at 31s',
      tips(during),
      failed({ reason: 'not-reached', best: 1, worst: 1, extremeAt: 31_000 }),
    ],
    [
      'wanted distinct_tips >= 2 at every sample of split but the first 5s (25s..40s); ' +
        'it was 1 at 31.4s',
      tips({ ...during, throughout: true, settleMs: 5_000 }),
      failed({ reason: 'violated', worst: 1, extremeAt: 31_402 }),
    ],
    [
      'wanted distinct_tips >= 2 within 60s after split for 3s (40s..103s); it has held since 52s',
      tips({ kind: 'after', fault: 'split', withinMs: 60_000, settleMs: 0, staysMs: 3_000 }),
      { verdict: 'passed', samples: 4, since: 52_000, at: 55_000 },
    ],
    [
      'wanted distinct_tips >= 2 at 90s; it was 3',
      tips({ kind: 'at', atMs: 90_000 }),
      { verdict: 'passed', samples: 1, last: 3 },
    ],
    [
      'wanted node_peers >= 1 on each of 2 nodes at every sample except split but the first 5s; ' +
        'it was 0 on n-1 at 9s',
      peers,
      failed({ reason: 'violated', worst: 0, extremeAt: 9_000, node: 'n-1' }),
    ],
    [
      'wanted min of node_peers >= 1 on 2 nodes at every sample except split but the first 5s; ' +
        'the worst of 30 samples was 4 at 9s',
      { ...peers, aggregate: 'min' },
      { verdict: 'passed', samples: 30, worst: 4, extremeAt: 9_000 },
    ],
    [
      'wanted == 0 log lines of 2 nodes that match "panic"; there were 3',
      { name: 'e', log: { of, matches: 'panic' }, claim: { compare: '==', value: 0 } },
      failed({ reason: 'count', last: 3 }),
    ],
  ])('%s', (text, planned, state) => {
    expect(explain(planned, state, windows)).toBe(text);
  });

  test.each([
    ['never-observed', 'it was never observed'],
    ['silent', 'n-1 did not answer in 3 samples running, until 41s'],
    ['unobserved', 'there were no samples for too long, until 41s'],
    ['no-window', 'its fault was never seen in force and over'],
    ['aborted', 'the run was ended at 41s'],
    ['unsettled', "the run's duration ended first, at 41s; best seen 1 on n-1"],
  ] as const)('of %s', (reason, text) => {
    const state = failed({ reason, node: 'n-1', best: 1 });
    expect(explain(tips(during), state, windows).split('; ').slice(1).join('; ')).toBe(text);
  });
});

const line = (t: number, more: Partial<HistoryLine> = {}): HistoryLine => ({
  t,
  network: { distinct_tips: t % 7 },
  nodes: { 'n-0': { node_peers: t, reorg_depth: 0 }, 'n-1': { node_peers: 50 } },
  tips: {},
  ...more,
});

describe('evidence', () => {
  const lines = Array.from({ length: 60 }, (_, t) => line(t));
  const times = (planned: PlannedExpectation, state: Partial<ExpectationState>) =>
    evidenceOf(planned, failed(state), { lines, windows }).map(([t]) => t);

  test('is what counted in the window, up to the sample that settled it', () => {
    expect(times(tips(during), { at: 24_000 })).toEqual([21, 22, 23, 24]);
    expect(times(tips(during), { at: 90_000 }).at(-1)).toBe(40);
    expect(times(tips({ kind: 'at', atMs: 30_000 }), { at: 30_000 })).toEqual([30]);
    expect(times(peers, { at: 47_000 })).toEqual([...range(5, 19), 46, 47]);
  });

  test('is the value that was judged: here of the worst node', () => {
    const points = evidenceOf(peers, failed({ at: 59_000 }), { lines, windows });
    expect(points.find(([t]) => t === 10)).toEqual([10, 10]);
    expect(points.at(-1)).toEqual([59, 50]);
  });

  test('folds events over the window', () => {
    const depths = [5, 0, 2, 0, 3, 0].map((depth, second) =>
      line(second + 19, { nodes: { 'n-0': { reorg_depth: depth } } }),
    );
    const planned = { ...peers, metric: 'reorg_depth', window: during } as PlannedExpectation;
    const points = evidenceOf(planned, failed({}), { lines: depths, windows });
    expect(points.map(([, value]) => value)).toEqual([2, 2, 3, 3]);
  });

  test('is at most 120 points, the extreme and the last one among them', () => {
    const long = Array.from({ length: 5_000 }, (_, t) => line(t));
    const planned = tips({ kind: 'always', except: [], settleMs: 0 });
    const state = failed({ at: 4_999_000, extremeAt: 1_234_000 });
    const points = evidenceOf(planned, state, { lines: long, windows });
    expect(points.length).toBeLessThanOrEqual(120);
    expect(points.map(([t]) => t)).toEqual(expect.arrayContaining([0, 1_234, 4_999]));
  });

  test('of a log count, or of a fault that was never seen, is empty', () => {
    const log = {
      name: 'e',
      log: { of, matches: 'x' },
      claim: { compare: '==', value: 0 },
    } as const;
    expect(times(log, {})).toEqual([]);
    expect(evidenceOf(tips(during), failed({}), { lines, windows: new Map() })).toEqual([]);
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
