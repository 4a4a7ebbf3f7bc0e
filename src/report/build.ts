// From evidence to report: what a run has shown, in one value that report.json, JUnit and the page
// are written from. It is the last check before an exit code: whatever went wrong on the way, a
// run is `passed` only if everything that was declared was seen. A void run, a fault without proof
// and an expectation that never settled are errors, whatever else the run has shown. Pure: the same
// evidence gives the same report.
import { isCancelled } from '../decide/faults.ts';
import type { FaultState, RunState } from '../decide/state.ts';
import { errorCodes } from '../errors.ts';
import { evidenceOf } from '../expect/evidence.ts';
import { explain } from '../expect/explain.ts';
import { type Windows, windowsOf } from '../expect/windows.ts';
import type { Plan, PlannedExpectation, PlannedFault } from '../plan/plan.ts';
import type { HistoryLine, RunRecord } from './history.ts';
import type { ObservedFault, ReportedExpectation, ReportedNode, Validity } from './parts.ts';
import type { Report } from './result.ts';

export type Evidence = {
  readonly plan: Plan;
  readonly state: RunState;
  readonly run: RunRecord;
  readonly history: readonly HistoryLine[];
  /** Of the planned faults and of those applied by hand, in the order of their starts. */
  readonly faults: readonly ObservedFault[];
  readonly validity: readonly Validity[];
  readonly nodes: readonly ReportedNode[];
};

export function buildReport(evidence: Evidence): Report {
  const { plan, state, run, validity, nodes } = evidence;
  const windows = windowsOf(plan, state);
  const expectations = plan.expectations.map((planned) =>
    reportExpectation(planned, evidence, windows),
  );
  const faults = [...evidence.faults, ...unseenFaults(evidence)];
  const findings = { state, validity, expectations, faults };
  const exitCode = exitCodeOf(findings);
  const started = Date.parse(run.startedAt);
  const ended = run.endedAt === undefined ? state.ended?.at : Date.parse(run.endedAt);
  return {
    schemaVersion: 1,
    testnet: plan.testnet,
    runtime: run.runtime,
    verdict: verdictOf(exitCode),
    exitCode,
    problems: problemsOf(findings),
    validity,
    randomSeed: plan.randomSeed,
    planHash: plan.hash,
    startedAt: run.startedAt,
    ...optional('readySeconds', state.t0 === undefined ? undefined : seconds(state.t0 - started)),
    durationSeconds: seconds((ended ?? started) - started),
    versions: run.versions,
    expectations,
    faults,
    nodes,
  };
}

type Findings = Pick<Report, 'validity' | 'expectations' | 'faults'> & { readonly state: RunState };

const infrastructure = errorCodes.ENFORCE_FAILED.exit;
const expectationFailed = 1;
const severity = [130, 143, errorCodes.INTERNAL.exit, infrastructure, errorCodes.TIMEOUT.exit, 1];

function exitCodeOf({ state, validity, expectations, faults }: Findings): number {
  const decided = worstOf([state.ended?.exit ?? 0, ...state.problems.map(({ exit }) => exit)]);
  const codes = [decided === 0 && state.ended === undefined ? infrastructure : decided];
  if (validity.some(({ result }) => result === 'void')) codes.push(infrastructure);
  // Only a run that ended well has to show everything: what stopped a run early explains the rest.
  if (codes[0] === 0) {
    if (unprovedOf(state, faults).length > 0) codes.push(infrastructure);
    for (const { status } of expectations) {
      if (status !== 'passed') codes.push(status === 'failed' ? expectationFailed : infrastructure);
    }
  }
  return worstOf(codes);
}

/** A fault that was cleared before it began has nothing to prove. */
function unprovedOf({ faults: known }: RunState, faults: readonly ObservedFault[]) {
  return faults.filter(({ name, proved }) => {
    const state = known[name];
    return !proved && (state === undefined || !isCancelled(state));
  });
}

/** The order of exit codes when several things went wrong; an unknown one counts most. */
function worstOf(codes: readonly number[]): number {
  return codes.toSorted((a, b) => rankOf(a) - rankOf(b))[0] ?? 0;
}

function rankOf(code: number): number {
  return code === 0 ? severity.length : severity.indexOf(code);
}

function verdictOf(exitCode: number): Report['verdict'] {
  if (exitCode === 0) return 'passed';
  return exitCode === expectationFailed ? 'failed' : 'error';
}

/** What is wrong with the run; an expectation that failed says so itself. */
function problemsOf({ state, validity, faults }: Findings): string[] {
  const stated = state.problems.filter(({ code }) => code !== 'EXPECTATION_FAILED');
  const problems = stated.map(({ message }) => message);
  const isStated = (code: string) => stated.some((problem) => problem.code === code);
  if (!isStated('RUN_VOID')) {
    for (const { guard, limit, worst, result } of validity) {
      if (result === 'void')
        problems.push(`the run is void: ${guard} was ${worst}, limit ${limit}`);
    }
  }
  if (state.ended?.exit === 0 && !isStated('FAULT_UNPROVED')) {
    for (const { name } of unprovedOf(state, faults)) problems.push(`fault ${name} is not proved`);
  }
  if (state.ended === undefined && problems.length === 0) {
    problems.push('the run was cut off before it ended');
  }
  return [...new Set(problems)];
}

function reportExpectation(
  planned: PlannedExpectation,
  { state, history }: Evidence,
  windows: Windows,
): ReportedExpectation {
  const { name } = planned;
  const known = state.expectations[name];
  if (known === undefined) {
    return { name, status: 'error', reason: 'It was never judged.', evidence: [] };
  }
  const reason = explain(planned, known, windows);
  const settled = known.verdict !== 'pending';
  return {
    name,
    status: known.verdict === 'pending' ? 'error' : known.verdict,
    ...optional('at', known.at === undefined ? undefined : seconds(known.at)),
    reason: settled ? reason : `${reason}; not settled when the run ended`,
    evidence: evidenceOf(planned, known, { lines: history, windows }),
  };
}

/** Planned faults that nobody has reported on: they count as not proved. */
function unseenFaults({ plan, faults, state }: Evidence): ObservedFault[] {
  const seen = new Set(faults.map(({ name }) => name));
  return plan.faults
    .filter(({ name }) => !seen.has(name))
    .map((fault) => unseenFault(fault, state.faults[fault.name], state.t0));
}

function unseenFault(
  fault: PlannedFault,
  state: FaultState | undefined,
  t0: number | undefined,
): ObservedFault {
  const since = (at: number | undefined) =>
    at === undefined || t0 === undefined ? undefined : seconds(at - t0);
  const { name, kind, startMs, endMs } = fault;
  return {
    name,
    kind,
    planned: {
      start: seconds(startMs),
      ...optional('end', endMs === undefined ? undefined : seconds(endMs)),
    },
    actual: {
      ...optional('start', since(state?.enforced)),
      ...optional('end', since(state?.healed)),
    },
    spreadSeconds: 0,
    pairsProbed: 0,
    leaks: 0,
    asked: {},
    measured: {},
    packets: { matched: 0, dropped: 0, probes: 0 },
    proved: false,
    notes: [whyUnseen(state)],
  };
}

function whyUnseen(state: FaultState | undefined): string {
  if (state !== undefined && isCancelled(state)) return 'It was cleared before it began.';
  return state?.enforced === undefined ? 'It never started.' : 'The run ended before its proof.';
}

function optional<Key extends string>(
  key: Key,
  value: number | undefined,
): { readonly [K in Key]?: number } {
  const known = value === undefined ? {} : { [key]: value };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed key loses its type
  return known as { readonly [K in Key]?: number };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
