import { describe, expect, test } from 'vitest';
import { scriptedPlan, splitFault } from '../../test/scripted.ts';
import { initialState } from '../decide/decide.ts';
import type { RunState } from '../decide/state.ts';
import { type ShownRun, type Situation, statusOf } from './status.ts';

const plan = scriptedPlan(3);
const look = { generation: 4, previous: undefined, now: Date.UTC(2026, 0, 1) };
const base: ShownRun = {
  plan,
  state: initialState(plan),
  cleared: new Set(),
  running: 2,
  ready: 1,
  over: false,
  obstacles: [],
};
const run = (change: Partial<ShownRun>, state: Partial<RunState> = {}): Situation => ({
  is: 'run',
  run: { ...base, ...change, state: { ...base.state, ...state } },
});
const of = (situation: Situation) =>
  Object.fromEntries(
    statusOf(situation, look).conditions.map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  );

/** kstatus, of what generation and deletion do not say already. */
function kstatus(situation: Situation): string {
  const { Ready = '', Reconciling = '', Stalled = '' } = of(situation);
  if (Reconciling.startsWith('True')) return 'InProgress';
  if (Stalled.startsWith('True')) return 'Failed';
  return Ready.startsWith('True') ? 'Current' : 'InProgress';
}

const t0 = look.now;
const ended = (exit: number) => ({ t0, ended: { at: t0 + 9_000, exit } });

describe('those who wait by kstatus see', () => {
  test.each<[string, Situation, string]>([
    ['opening', { is: 'opening', message: 'm' }, 'InProgress'],
    ['refused', { is: 'refused', message: 'm' }, 'Failed'],
    ['stalled', { is: 'stalled', reason: 'CapabilityMissing', message: 'm' }, 'Failed'],
    ['deleting', { is: 'deleting', message: 'm' }, 'InProgress'],
    ['starting', run({}), 'InProgress'],
    ['failed to start', run({ over: true }, { ended: { at: t0, exit: 3 } }), 'Failed'],
    ['running', run({}, { t0 }), 'Current'],
    ['over', run({ over: true }, ended(1)), 'Current'],
    [
      'growing',
      run(
        { plan: { ...plan, nodes: plan.nodes.map((node) => ({ ...node, joins: true })) } },
        { t0 },
      ),
      'InProgress',
    ],
  ])('%s', (_, situation, seen) => {
    expect(kstatus(situation)).toBe(seen);
  });
});

test.each([
  [0, 'passed', 'True Passed', 'True Passed'],
  [1, 'failed', 'True Failed', 'False Failed'],
  [3, 'error', 'True Error', 'False Error'],
])('exit status %i is the verdict %s', (exit, verdict, ...reasons) => {
  const [finished, succeeded] = reasons;
  const situation = run({ over: true }, ended(exit));
  expect(statusOf(situation, look)).toMatchObject({ verdict, exitCode: exit });
  expect(of(situation)).toMatchObject({ Finished: finished, Succeeded: succeeded });
});

test('no verdict is shown before all about the run is written down', () => {
  const situation = run({ over: false }, ended(0));
  expect(statusOf(situation, look).verdict).toBeUndefined();
  expect(of(situation)['Finished']).toBe('False Running');
});

test('a start that is held up says by whom and why', () => {
  const status = statusOf(run({ obstacles: ['full-2: ErrImagePull', 'full-3: x'] }), look);
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  expect(ready?.message).toBe('1 of 3 nodes are ready; wave 1 of 1; full-2: ErrImagePull');
  expect(status.problems).toEqual(['full-2: ErrImagePull', 'full-3: x']);
});

test('a time of transition stays as long as the status of its condition', () => {
  const first = statusOf(run({}), look);
  const later = { ...look, previous: first, now: look.now + 60_000 };
  const times = statusOf(run({}, { t0 }), later).conditions.map(({ type, lastTransitionTime }) => [
    type,
    lastTransitionTime.slice(14, 16),
  ]);
  expect(Object.fromEntries(times)).toMatchObject({ Accepted: '00', Ready: '01', Finished: '00' });
});

test('at the maxima of a spec it is far below what etcd takes, whatever the number of nodes', () => {
  const big = scriptedPlan(5_000);
  const many = <T>(make: (index: number) => T) => Array.from({ length: 256 }, (_, at) => make(at));
  const faults = many((at) => ({
    ...splitFault(plan, { name: `f${at}`.padEnd(24, 'x'), startMs: 0, endMs: 1_000, size: 1 }),
  }));
  const expectations = many((at) => ({
    name: `${at}`.padEnd(80, '界'),
    log: { of: big.nodes.map(({ name }) => name), matches: '界'.repeat(500) },
    claim: { compare: '==' as const, value: 0 },
  }));
  const whole = { ...big, faults, expectations };
  const state: RunState = {
    ...initialState(whole),
    ...ended(3),
    faults: Object.fromEntries(
      faults.map(({ name }) => [
        name,
        { start: t0, end: t0, enforced: t0, healed: t0, proof: 'inconclusive' },
      ]),
    ),
    expectations: Object.fromEntries(
      expectations.map(({ name }) => [name, { verdict: 'failed', samples: 9, reason: 'count' }]),
    ),
    problems: many((at) => ({ code: 'RUN_VOID', exit: 3, message: `${at}`.padEnd(480, '界') })),
  };
  const status = statusOf({ is: 'run', run: { ...base, plan: whole, state, over: true } }, look);
  expect(status.problems).toHaveLength(10);
  expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(600 * 1024);
});
