// When a run is over and with what exit status. All that went wrong is collected as problems; of
// each exit status at least the first cause is kept, so the status never depends on what a cap
// dropped.
import { close, type Ending } from '../expect/expect.ts';
import { windowsOf } from '../expect/windows.ts';
import type { Plan } from '../plan/plan.ts';
import { formatDuration } from '../quantities/quantities.ts';
import { cutShort, isCancelled, isOver, lateMs } from './faults.ts';
import { unaskedExits } from './nodes.ts';
import type { Moment } from './observed.ts';
import type { FaultState, RunState } from './state.ts';

export type Problem = RunState['problems'][number];

/** The subject tells problems apart; the detail may change while a problem lasts. */
type Found = Omit<Problem, 'message'> & { readonly subject: string; readonly detail?: string };

const mostOfCode = 4;
const mostProblems = 16;
const longestMessage = 480;
/** So long a run waits for a sample after its last fault. */
const sampleWaitMs = 10_000;

export function collectProblems(moment: Moment, state: RunState): RunState {
  const problems = [...state.problems];
  for (const found of problemsNow(moment, state)) {
    const { code, exit, subject, detail } = found;
    const message = (detail === undefined ? subject : `${subject}: ${detail}`).slice(
      0,
      longestMessage,
    );
    const problem = { code, exit, message };
    const known = problems.some(
      ({ code, message }) => code === found.code && message.startsWith(found.subject),
    );
    const first = !problems.some(({ exit }) => exit === problem.exit);
    const few =
      problems.length < mostProblems &&
      problems.filter(({ code }) => code === problem.code).length < mostOfCode;
    if (!known && (first || few)) problems.push(problem);
  }
  return problems.length === state.problems.length ? state : { ...state, problems };
}

/** Signal, our bug, infrastructure, time limit, expectation: the first that there is. */
function exitOf(problems: readonly Problem[]): number {
  const signal = problems.find(({ exit }) => exit >= 128);
  const isThere = (exit: number): boolean => problems.some((problem) => problem.exit === exit);
  return signal?.exit ?? [70, 3, 4, 1].find(isThere) ?? 0;
}

/** Ends the run if it is time to: settles what is open, heals what is in force. */
export function endWhenDue(moment: Moment, state: RunState): RunState {
  const ending = endingNow(moment, state);
  if (ending === undefined) return state;
  const closed = collectProblems(moment, closeAll(moment, state, ending));
  const ended = { at: moment.now, exit: exitOf(closed.problems) };
  return { ...cutShort(closed, moment), ended };
}

/** At spec.duration claims settle and faults end; the run ends as soon as their proofs are in. */
export function enforceDuration(moment: Moment, state: RunState): RunState {
  return hasDurationPassed(moment, state)
    ? cutShort(closeAll(moment, state, 'duration'), moment)
    : state;
}

/** What a plan leaves to end its run. */
export function endsWhen(plan: Plan): RunState['endsWhen'] {
  const settles = plan.expectations.some((one) => 'metric' in one && one.window.kind !== 'always');
  if (plan.faults.length > 0 || settles) return 'settled';
  return plan.durationMs === undefined ? 'stopped' : 'duration';
}

function hasDurationPassed({ plan, now }: Moment, { t0 }: RunState): boolean {
  return t0 !== undefined && plan.durationMs !== undefined && now - t0 >= plan.durationMs;
}

function closeAll(moment: Moment, state: RunState, ending: Ending): RunState {
  const { plan, observed, now } = moment;
  const windows = windowsOf(plan, state);
  const expectations = { ...state.expectations };
  for (const planned of plan.expectations) {
    const open = expectations[planned.name];
    if (open === undefined) continue;
    expectations[planned.name] = close(planned, open, {
      ending,
      t: state.t0 === undefined ? 0 : now - state.t0,
      windows,
      logCounts: observed.logCounts,
      intervalMs: plan.sampleIntervalMs,
      ...(observed.contactLossMs !== undefined && { contactLossMs: observed.contactLossMs }),
      ...(state.lastSample !== undefined && { previous: state.lastSample }),
    });
  }
  return { ...state, expectations };
}

function endingNow(moment: Moment, state: RunState): Ending | undefined {
  const { stop, failFast } = moment.observed;
  if (stop !== undefined) {
    return state.endsWhen === 'stopped' && stop.exit === 0 && state.t0 !== undefined
      ? 'settled'
      : 'aborted';
  }
  if (state.problems.length > 0 && (failFast || state.t0 === undefined)) return 'aborted';
  if (state.t0 === undefined || !faultsAreIn(moment, state)) return undefined;
  if (hasDurationPassed(moment, state)) return 'duration';
  return state.endsWhen === 'settled' && isSettled(moment, state) ? 'settled' : undefined;
}

/** Every fault is over, and its proof is in. */
function faultsAreIn({ plan }: Moment, state: RunState): boolean {
  return plan.faults.every((planned) => {
    const fault = state.faults[planned.name];
    if (fault === undefined || !isOver(fault)) return false;
    return fault.proof !== undefined || isCancelled(fault);
  });
}

function isSettled({ plan, now }: Moment, state: RunState): boolean {
  const open = plan.expectations.filter(
    ({ name }) => state.expectations[name]?.verdict === 'pending',
  );
  if (open.some((one) => 'metric' in one && one.window.kind !== 'always')) return false;
  const t0 = state.t0 ?? now;
  const over = Math.max(0, ...Object.values(state.faults).map(({ healed }) => (healed ?? t0) - t0));
  const waited = now - t0 > over + sampleWaitMs;
  return open.every((one) => 'log' in one) || waited || (state.lastSample ?? -1) >= over;
}

function* problemsNow(moment: Moment, state: RunState): Iterable<Found> {
  const { observed } = moment;
  const { stop } = observed;
  if (stop !== undefined && stop.exit !== 0) yield problem(stop.code, stop.exit, stop.message);
  yield* nodeProblems(moment, state);
  for (const host of observed.world.enforcement) {
    if (host.problem !== undefined) yield problem('ENFORCE_FAILED', 3, host.problem);
    if (host.drift !== undefined) {
      const subject = `rules on ${host.host} differ`;
      yield { ...problem('ENFORCE_FAILED', 3, subject), detail: host.drift };
    }
  }
  for (const message of observed.voids) yield problem('RUN_VOID', 3, message);
  for (const planned of moment.plan.faults) {
    const fault = state.faults[planned.name];
    if (fault !== undefined) {
      yield* faultProblems(planned.name, fault, observed.proofs[planned.name]?.note);
    }
  }
  yield* expectationProblems(state);
}

function* nodeProblems(moment: Moment, state: RunState): Iterable<Found> {
  for (const { name, world } of unaskedExits(moment, state)) {
    const { code, signal, at, words } = world.exit ?? { code: null, signal: null, at: moment.now };
    const said = words === undefined ? {} : { detail: `it said last:\n${words}` };
    const how = signal === null ? `with status ${code}` : `by ${signal}`;
    if (state.t0 === undefined) {
      const subject = `${name} ended ${how} before the network was ready`;
      yield { ...problem('START_FAILED', 3, subject), ...said };
    } else {
      const when = formatDuration(Math.max(0, Math.round(at - state.t0)));
      const subject = `${name} ended by itself ${how} at ${when}`;
      yield { ...problem('NODE_FAILED', 1, subject), ...said };
    }
  }
}

function* faultProblems(name: string, fault: FaultState, note?: string): Iterable<Found> {
  const { start, end, enforced, healed, proof } = fault;
  const late = (enforced ?? start) - start;
  if (late > lateMs) {
    yield problem('RUN_VOID', 3, `fault ${name} began ${formatDuration(late)} late`);
  }
  const longer = (healed ?? 0) - (end ?? Number.POSITIVE_INFINITY);
  if (longer > lateMs) {
    yield problem('RUN_VOID', 3, `fault ${name} ended ${formatDuration(longer)} late`);
  }
  if (proof === undefined || proof === 'proved') return;
  const detail = note ?? (enforced === undefined ? 'it was never in force' : 'see its entry');
  yield { ...problem('FAULT_UNPROVED', 3, `fault ${name} is not proved`), detail };
}

function* expectationProblems(state: RunState): Iterable<Found> {
  for (const [name, { verdict, reason }] of Object.entries(state.expectations)) {
    if (verdict === 'failed') {
      const failed = problem('EXPECTATION_FAILED', 1, `expectation "${name}" failed`);
      yield { ...failed, ...(reason !== undefined && { detail: reason }) };
    }
    // What an early end left open has its cause among the problems already.
    if (verdict === 'error' && reason !== 'aborted') {
      const subject = `expectation "${name}" could not be judged`;
      yield { ...problem('EXPECTATION_UNJUDGED', 3, subject), detail: reason ?? '' };
    }
  }
}

function problem(code: string, exit: number, subject: string): Found {
  return { code, exit, subject };
}
