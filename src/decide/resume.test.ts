import { assert, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  epoch,
  healthy,
  metricExpectation,
  nodeFault,
  play,
  type Script,
  scriptedPlan,
  splitFault,
} from '../../test/scripted.ts';
import { nodeName } from '../names.ts';
import type { Plan, PlannedExpectation, PlannedFault } from '../plan/plan.ts';
import { initialState } from './decide.ts';
import type { RunState } from './state.ts';
import { restoreState, storeState } from './stored.ts';

const base = scriptedPlan(4);
const names = base.nodes.map(({ name }) => name);
const cut = splitFault(base, { name: 'cut', startMs: 5_000, endMs: 12_000, size: 2 });
const first = nodeName('full', 0);
const second = nodeName('full', 1);
const third = nodeName('full', 2);
const fourth = nodeName('full', 3);
const restart = { name: 'boot', startMs: 15_000, downtimeMs: 2_000, targets: [first, second] };
const pause = { name: 'nap', startMs: 6_000, endMs: 16_000, targets: [third] };
const kill = { name: 'end', startMs: 20_000, targets: [third] };
const faults: readonly PlannedFault[] = [
  cut,
  nodeFault('restart', restart),
  nodeFault('pause', pause),
  nodeFault('kill', kill),
];
const fork = metricExpectation('fork', {
  window: { kind: 'during', fault: 'cut', throughout: false, settleMs: 1_000, staysMs: 3_000 },
  metric: 'distinct_tips',
  claim: { compare: '>=', value: 2 },
});
const claims: readonly PlannedExpectation[] = [
  fork,
  metricExpectation('whole again', {
    window: { kind: 'after', fault: 'boot', withinMs: 6_000, settleMs: 0, staysMs: 3_000 },
    metric: 'components',
    claim: { compare: '==', value: 1 },
  }),
  metricExpectation('two parts', {
    window: { kind: 'during', fault: 'cut', throughout: true, settleMs: 1_000, staysMs: 0 },
    metric: 'components',
    claim: { compare: '==', value: 2 },
  }),
  metricExpectation('peers', {
    window: { kind: 'always', except: ['cut'], settleMs: 2_000 },
    metric: 'node_peers_live',
    of: names,
    claim: { compare: '>=', value: 2 },
  }),
  metricExpectation('all there', {
    window: { kind: 'at', atMs: 4_000 },
    metric: 'nodes_answering',
    claim: { compare: '==', value: 4 },
  }),
  { name: 'quiet', log: { of: names, matches: 'panic' }, claim: { compare: '==', value: 0 } },
];
const plan: Plan = {
  ...base,
  waves: [names.slice(0, 1), names.slice(1)],
  faults,
  expectations: claims,
};
const observe: Script['observe'] = (node, t) =>
  healthy(base, { tip: t > 7_000 && t < 13_000 && node === first ? 'b' : 'a' });
const good: Script = { plan, observe, logCounts: () => ({ quiet: 0 }) };
const scripts: Readonly<Record<string, Script>> = {
  good,
  'no fork': { ...good, observe: () => healthy(base) },
  'peerless later': {
    ...good,
    observe: (_, t) => healthy(base, t > 27_000 ? { peers: [] } : {}),
  },
  'a death': { ...good, deaths: [{ node: fourth, at: 17_000 }] },
  'a death at the start': { ...good, deaths: [{ node: first, at: -1 }] },
  'a death that is mended': {
    ...good,
    plan: { ...plan, groups: scriptedPlan(1, { restartPolicy: 'always' }).groups },
    deaths: [{ node: fourth, at: 17_000 }],
  },
  leak: { ...good, proof: (fault) => ({ outcome: fault === 'cut' ? 'unproved' : 'proved' }) },
  lapse: { ...good, lapseAt: 8_000 },
  late: { ...good, enforceAfterMs: 1_500 },
  'no enforcer': { ...good, enforceAfterMs: 1e9 },
  panics: { ...good, logCounts: (t) => ({ quiet: t > 9_000 ? 2 : 0 }) },
  'out of time': { ...good, plan: { ...plan, durationMs: 18_000 } },
  interrupted: {
    ...good,
    stop: { at: 14_000, stop: { code: 'signal', exit: 143, message: 'SIGTERM' } },
  },
  blind: { ...good, blind: [21_000, 40_000] },
};

/** What a user is told at the end. */
function verdictOf(state: RunState): unknown {
  return {
    exit: state.ended?.exit,
    codes: state.problems.map(({ code }) => code),
    proofs: Object.entries(state.faults).map(([name, { proof }]) => [name, proof]),
    expectations: Object.entries(state.expectations).map(([name, { verdict, reason }]) => [
      name,
      verdict,
      reason,
    ]),
  };
}

describe.each(Object.entries(scripts))('a supervisor killed in a run with %s', (_, script) => {
  const uncut = play(script);

  test('goes on to the same verdict, whenever it happens', () => {
    expect(uncut.state.ended).toBeDefined();
    const wanted = verdictOf(uncut.state);
    assert(
      property(nat(uncut.decisions.length - 1), (tick) => {
        expect(verdictOf(play(script, tick).state)).toEqual(wanted);
      }),
      { numRuns: 20 },
    );
  });
});

describe('the stored state', () => {
  test('is at most 64 KiB at the maxima of the schema, in any script', () => {
    const largest = largestRun();
    const text = JSON.stringify(storeState(largest.plan, largest.state));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
    expect(restoreState(largest.plan, JSON.parse(text))).toEqual(largest.state);
  });

  test('reads back as it was, at every tick', () => {
    for (const { state } of play(good).decisions) {
      expect(restoreState(plan, JSON.parse(JSON.stringify(storeState(plan, state))))).toEqual(
        state,
      );
    }
  });
});

function many<T>(make: (index: number) => T): T[] {
  return Array.from({ length: 256 }, (_, index) => make(index));
}

/** 256 faults and 256 expectations, every field there and as long as it gets. */
function largestRun(): { readonly plan: Plan; readonly state: RunState } {
  const day = 86_400_000;
  const largest: Plan = {
    ...base,
    faults: many((index) => ({ ...cut, name: `f${String(index).padStart(23, '0')}` })),
    expectations: many((index) => ({
      ...fork,
      name: `${index}`.padStart(80, '界'),
    })),
  };
  const t0 = epoch;
  const time = t0 + day - 1;
  const value = -0.123456789;
  const state: RunState = {
    ...initialState(largest),
    t0,
    wave: 59_999,
    generation: 99_999,
    lapsed: Number.MAX_SAFE_INTEGER,
    lastSample: day,
    faults: Object.fromEntries(
      largest.faults.map(({ name }) => [
        name,
        {
          start: time,
          end: time,
          enforced: time,
          healed: time,
          seen: time,
          proof: 'inconclusive',
          lost: true,
        },
      ]),
    ),
    expectations: Object.fromEntries(
      largest.expectations.map(({ name }) => [
        name,
        {
          verdict: 'pending',
          at: day,
          since: day,
          samples: 86_400,
          worst: value,
          last: value,
          best: value,
          extremeAt: day,
          node: `${'n'.repeat(24)}-59999`,
          reason: 'never-observed',
        },
      ]),
    ),
    problems: Array.from({ length: 20 }, (_, index) => ({
      code: 'EXPECTATION_UNJUDGED',
      exit: 143,
      message: `${index}`.padStart(200, '界'),
    })),
    ended: { at: time, exit: 143 },
  };
  return { plan: largest, state };
}
