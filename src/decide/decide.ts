// The centre: what the plan wants and what was observed become what must run, which effects must
// be in force, and in the end the verdict. A pure function of plan, state, observation and time;
// everything it needs to go on is in the state, so a supervisor killed and started again comes to
// the same verdict. It says what is wanted, never how to get there: the same wish repeated is no
// new wish. The order of a tick: waves and time 0, faults and their proofs, claims, problems, end.
// Faults may be appended to the plan while it runs and be given an earlier end.
import { openExpectation, step } from '../expect/expect.ts';
import { windowsOf } from '../expect/windows.ts';
import type { ScheduledEffect } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import type { Plan } from '../plan/plan.ts';
import type { TimelineEvent } from '../session/session.ts';
import { eventsBetween } from './events.ts';
import { followFaults, scheduledEffects } from './faults.ts';
import { type DesiredRun, desiredNodes, isUp } from './nodes.ts';
import type { Moment, Observed } from './observed.ts';
import type { RunState } from './state.ts';
import { collectProblems, endsWhen, endWhenDue, enforceDuration } from './verdict.ts';

export type Decision = {
  readonly state: RunState;
  /** The whole set; the launch is the shell's to add. */
  readonly desired: ReadonlyMap<NodeName, DesiredRun>;
  /** For Schedule; the base layer and the lease are the shell's to add. */
  readonly schedule: {
    readonly generation: number;
    readonly effects: readonly ScheduledEffect[];
  };
  readonly wave: { readonly index: number; readonly of: number };
  readonly phase: 'starting' | 'running' | 'ended';
  readonly events: readonly TimelineEvent[];
};

export function initialState(plan: Plan): RunState {
  return {
    planHash: plan.hash,
    wave: 0,
    generation: 0,
    endsWhen: endsWhen(plan),
    faults: {},
    expectations: Object.fromEntries(
      plan.expectations.map((planned) => [planned.name, openExpectation(planned)]),
    ),
    problems: [],
  };
}

// The sentence of the design: plan, state, observed, now.
// oxlint-disable-next-line max-params
export function decide(plan: Plan, before: RunState, observed: Observed, now: number): Decision {
  const moment: Moment = { plan, observed, now: Math.round(now) };
  const followed = followFaults(moment, advanceWaves(moment, before));
  const state = before.ended === undefined ? judge(moment, followed) : followed;
  return {
    state,
    desired: desiredNodes(moment, state),
    schedule: { generation: state.generation, effects: scheduledEffects(plan, state) },
    wave: { index: state.wave, of: plan.waves.length },
    phase: phaseOf(state),
    events: eventsBetween(moment, before, state),
  };
}

function judge(moment: Moment, followed: RunState): RunState {
  const stepped = enforceDuration(moment, stepAll(moment, followed));
  return endWhenDue(moment, collectProblems(moment, stepped));
}

/** Time 0 is when every node is ready, and answers. */
function advanceWaves(moment: Moment, state: RunState): RunState {
  const { plan, observed, now } = moment;
  if (state.t0 !== undefined || state.ended !== undefined) return state;
  if (state.wave + 1 < plan.waves.length) {
    return isNextDue(moment, state) ? { ...state, wave: state.wave + 1 } : state;
  }
  if (!plan.waves.flat().every((name) => isUp(moment, name))) return state;
  // Else the first sample would hold it against the network that some were asked too early.
  if (observed.unheard !== undefined && observed.unheard.length > 0) return state;
  return { ...state, t0: now };
}

/**
 * The next wave starts when half of the newest is ready, so that whoever starts nodes has always
 * some to start, and all before it, so that no more are under way at once. The first is ready as a
 * whole: the others are seeded with it.
 */
function isNextDue(moment: Moment, { wave }: RunState): boolean {
  const { waves } = moment.plan;
  const newest = waves[wave] ?? [];
  const ready = newest.filter((name) => isUp(moment, name)).length;
  if (ready < (wave === 0 ? newest.length : newest.length / 2)) return false;
  return waves.slice(0, wave).every((names) => names.every((name) => isUp(moment, name)));
}

function stepAll(moment: Moment, state: RunState): RunState {
  const { plan, observed, now } = moment;
  if (state.t0 === undefined) return state;
  const sample = newSample(moment, state);
  const windows = windowsOf(plan, state);
  const look = {
    t: now - state.t0,
    windows,
    logCounts: observed.logCounts,
    intervalMs: plan.sampleIntervalMs,
    ...(observed.contactLossMs !== undefined && { contactLossMs: observed.contactLossMs }),
    ...(sample !== undefined && { sample }),
    ...(state.lastSample !== undefined && { previous: state.lastSample }),
  };
  const expectations = Object.fromEntries(
    plan.expectations.map((planned) => {
      const open = state.expectations[planned.name] ?? openExpectation(planned);
      return [planned.name, step(planned, open, look)];
    }),
  );
  return {
    ...state,
    expectations,
    ...(sample !== undefined && { lastSample: Math.round(sample.t) }),
  };
}

function newSample({ observed }: Moment, state: RunState): Observed['sample'] {
  const { sample } = observed;
  if (sample === undefined || sample.t < 0) return undefined;
  return Math.round(sample.t) > (state.lastSample ?? -1) ? sample : undefined;
}

function phaseOf(state: RunState): Decision['phase'] {
  if (state.ended !== undefined) return 'ended';
  return state.t0 === undefined ? 'starting' : 'running';
}
