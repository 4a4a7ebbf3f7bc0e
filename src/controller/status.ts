// The status of a Testnet, from what its run is at the moment: a pure function, so that a status
// that says nothing new is never written. Conditions are observations, and there from the first
// look on; Ready, Reconciling and Stalled follow kstatus (sigs.k8s.io/cli-utils, pkg/kstatus), by
// which Helm, Flux and Argo CD wait. Nothing in it grows with the number of nodes.
import type { FaultState, RunState } from '../decide/state.ts';
import { explain } from '../expect/explain.ts';
import { windowsOf } from '../expect/windows.ts';
import type { Plan, PlannedFault } from '../plan/plan.ts';
import {
  type Condition,
  type ConditionType,
  edgesMissing,
  type TestnetStatus,
} from '../runtime/kubernetes/objects.ts';

/** What is known of a testnet. */
export type Situation =
  /** The spec has problems. */
  | { readonly is: 'refused'; readonly message: string; readonly reason?: typeof edgesMissing }
  /** It is to begin, or another try is due. */
  | { readonly is: 'opening'; readonly message: string }
  /** It cannot go on by itself. */
  | { readonly is: 'stalled'; readonly reason: string; readonly message: string }
  | { readonly is: 'deleting'; readonly message: string }
  | { readonly is: 'run'; readonly run: ShownRun };

export type ShownRun = {
  readonly plan: Plan;
  readonly state: RunState;
  readonly cleared: ReadonlySet<string>;
  readonly running: number;
  readonly ready: number;
  /** The verdict is there and all about the run is written down. */
  readonly over: boolean;
  /** Why nodes do not start, one sentence each. */
  readonly obstacles: readonly string[];
  /** What of the spec could not be taken over. */
  readonly refused?: string;
};

export type Look = {
  readonly generation: number;
  readonly previous: TestnetStatus | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
};

const mostProblems = 10;
const longestMessage = 500;

export function statusOf(situation: Situation, look: Look): TestnetStatus {
  const conditions = conditionsOf(situation).map((found) => dated(found, look));
  const { previous, generation } = look;
  if (situation.is !== 'run') {
    const { nodes, nodesReady } = previous ?? none;
    return { ...previous, observedGeneration: generation, conditions, nodes, nodesReady };
  }
  const { run } = situation;
  const { plan, state } = run;
  const planned = plan.nodes.length;
  return {
    observedGeneration: generation,
    conditions,
    planHash: state.planHash,
    nodes: { planned, running: run.running, ready: run.ready },
    nodesReady: `${run.ready}/${planned}`,
    ...(state.t0 === undefined ? {} : { startedAt: timeOf(state.t0) }),
    ...verdictOf(run),
    faultsActive: `${activeFaults(run).length}/${plan.faults.length}`,
    faults: plan.faults.map((fault) => faultStatus(fault, state.faults[fault.name], run)),
    expectations: expectationsOf(plan, state),
    ...problemsOf(run),
  };
}

const none: Pick<TestnetStatus, 'nodes' | 'nodesReady'> = {
  nodes: { planned: 0, running: 0, ready: 0 },
  nodesReady: '0/0',
};

export function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** A condition without what only history knows. */
export type Found = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The time stays as long as the status does. */
export function dated(
  found: Found,
  { previous, generation, now }: { previous: Conditioned | undefined } & Omit<Look, 'previous'>,
): Condition {
  const before = previous?.conditions.find(({ type }) => type === found.type);
  const since = before?.status === found.status ? before.lastTransitionTime : undefined;
  return {
    ...found,
    message: cut(found.message),
    observedGeneration: generation,
    lastTransitionTime: since ?? `${timeOf(now).slice(0, 19)}Z`,
  };
}

type Conditioned = { readonly conditions: readonly Condition[] };

function conditionsOf(situation: Situation): readonly Found[] {
  switch (situation.is) {
    case 'refused': {
      const { message, reason = 'SpecInvalid' } = situation;
      const isMissing = reason === edgesMissing;
      const stalled = isMissing ? 'the edges must be brought' : 'the spec must be corrected';
      return summary({
        accepted: condition('Accepted', 'False', reason, message),
        ready: condition('Ready', 'False', reason, isMissing ? message : 'the spec has problems'),
        stalled: condition('Stalled', 'True', reason, stalled),
      });
    }
    case 'opening':
      return summary({ ready: condition('Ready', 'Unknown', 'Starting', situation.message) });
    case 'stalled': {
      const { reason, message } = situation;
      return summary({
        ready: condition('Ready', 'False', reason, message),
        stalled: condition('Stalled', 'True', reason, message),
      });
    }
    case 'deleting':
      return summary({ ready: condition('Ready', 'False', 'Deleting', situation.message) });
    case 'run':
      return runConditions(situation.run);
    default:
      return situation satisfies never;
  }
}

type Summary = {
  readonly accepted?: Found;
  readonly ready: Found;
  readonly stalled?: Found;
  /** FaultsApplied, Finished, Succeeded. */
  readonly rest?: readonly Found[];
};

/** Reconciling is whatever is neither ready nor stalled. */
function summary({ accepted, ready, stalled, rest = unknown }: Summary): readonly Found[] {
  const isStalled = stalled?.status === 'True';
  const moves = ready.status !== 'True' && !isStalled;
  return [
    accepted ?? condition('Accepted', 'True', 'SpecValid', 'the spec is valid'),
    ready,
    condition('Reconciling', moves ? 'True' : 'False', ready.reason, moves ? ready.message : ''),
    stalled ?? condition('Stalled', 'False', 'Working', ''),
    ...rest,
  ];
}

const unknown: readonly Found[] = [
  condition('FaultsApplied', 'Unknown', 'NotStarted', 'time 0 has not come'),
  condition('Finished', 'False', 'NotStarted', ''),
  condition('Succeeded', 'Unknown', 'NotStarted', ''),
];

function runConditions(run: ShownRun): readonly Found[] {
  const { state, plan, ready, refused, obstacles } = run;
  const rest = [faultsApplied(run), ...finished(run)];
  const accepted =
    refused === undefined
      ? {}
      : { accepted: condition('Accepted', 'False', 'ChangeRefused', refused) };
  const counted = `${ready} of ${plan.nodes.length} nodes are ready`;
  if (state.ended !== undefined && state.t0 === undefined) {
    const message = state.problems[0]?.message ?? 'the testnet could not be started';
    return summary({
      ...accepted,
      ready: condition('Ready', 'False', 'StartFailed', message),
      stalled: condition('Stalled', 'True', 'StartFailed', message),
      rest,
    });
  }
  if (state.t0 === undefined) {
    const wave = `${counted}; wave ${state.wave + 1} of ${plan.waves.length}`;
    const message = obstacles[0] === undefined ? wave : `${wave}; ${obstacles[0]}`;
    return summary({ ...accepted, ready: condition('Ready', 'False', 'Starting', message), rest });
  }
  const joining = plan.nodes.filter(({ joins }) => joins === true).length;
  if (joining > 0 && ready < plan.nodes.length && state.ended === undefined && !isDisturbed(run)) {
    return summary({ ...accepted, ready: condition('Ready', 'False', 'Scaling', counted), rest });
  }
  const message = run.over ? 'the run is over' : 'time 0 has come';
  const reason = run.over ? 'Finished' : 'Running';
  return summary({ ...accepted, ready: condition('Ready', 'True', reason, message), rest });
}

/** A fault that takes nodes down is no reason to call the testnet unready. */
function isDisturbed({ plan, state }: ShownRun): boolean {
  return plan.faults.some(({ name, nodes }) => nodes !== undefined && state.faults[name]?.enforced);
}

function activeFaults({ plan, state }: ShownRun): readonly string[] {
  return plan.faults.flatMap(({ name }) => {
    const { enforced, healed } = state.faults[name] ?? {};
    return enforced !== undefined && healed === undefined ? [name] : [];
  });
}

function faultsApplied(run: ShownRun): Found {
  const { plan, state } = run;
  const type = 'FaultsApplied';
  if (state.t0 === undefined)
    return condition(type, 'Unknown', 'NotStarted', 'time 0 has not come');
  const named = (is: (fault: FaultState) => boolean) =>
    plan.faults
      .map(({ name }) => name)
      .filter((name) => {
        const known = state.faults[name];
        return known !== undefined && is(known);
      });
  const lost = named((fault) => fault.lost === true);
  if (lost.length > 0) return condition(type, 'False', 'NotApplied', `given up: ${list(lost)}`);
  const active = activeFaults(run);
  return active.length > 0
    ? condition(type, 'True', 'Active', `in force: ${list(active)}`)
    : condition(type, 'True', 'NoneActive', 'no fault is in force');
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

const verdicts = { passed: 'Passed', failed: 'Failed', error: 'Error' } as const;

function finished(run: ShownRun): readonly Found[] {
  const { verdict } = verdictOf(run);
  if (verdict === undefined) {
    const reason = run.state.t0 === undefined ? 'NotStarted' : 'Running';
    return [
      condition('Finished', 'False', reason, ''),
      condition('Succeeded', 'Unknown', reason, ''),
    ];
  }
  const reason = verdicts[verdict];
  const message = run.state.problems[0]?.message ?? 'everything that was claimed was seen';
  return [
    condition('Finished', 'True', reason, message),
    condition('Succeeded', verdict === 'passed' ? 'True' : 'False', reason, message),
  ];
}

function verdictOf({
  state,
  over,
}: ShownRun): Pick<TestnetStatus, 'verdict' | 'exitCode' | 'finishedAt'> {
  const { ended } = state;
  if (ended === undefined || !over) return {};
  const verdict = ended.exit === 0 ? 'passed' : ended.exit === 1 ? 'failed' : 'error';
  return { finishedAt: timeOf(ended.at), verdict, exitCode: ended.exit };
}

function problemsOf({ state, obstacles }: ShownRun): Pick<TestnetStatus, 'problems'> {
  const all = [...state.problems.map(({ message }) => message), ...obstacles];
  return all.length === 0 ? {} : { problems: all.slice(0, mostProblems).map(cut) };
}

type FaultStatus = NonNullable<TestnetStatus['faults']>[number];

function faultStatus(
  { name, kind }: PlannedFault,
  known: FaultState | undefined,
  { cleared }: ShownRun,
): FaultStatus {
  const times = (['start', 'end', 'enforced', 'healed'] as const).flatMap((key) => {
    const time = known?.[key];
    return time === undefined ? [] : [[key, timeOf(time)] as const];
  });
  return {
    name,
    kind,
    state: cleared.has(name) ? 'cleared' : stateOf(known),
    ...Object.fromEntries(times),
    ...(known?.proof === undefined ? {} : { proof: known.proof }),
  };
}

function stateOf(known: FaultState | undefined): FaultStatus['state'] {
  if (known?.healed !== undefined || known?.lost === true) return 'over';
  return known?.enforced === undefined ? 'planned' : 'active';
}

function expectationsOf(plan: Plan, state: RunState): NonNullable<TestnetStatus['expectations']> {
  const windows = windowsOf(plan, state);
  return plan.expectations.map((planned) => {
    const known = state.expectations[planned.name];
    const { name } = planned;
    // What is not settled changes with each sample: it is for the live view.
    if (known === undefined || known.verdict === 'pending') return { name, status: 'pending' };
    return {
      name,
      status: known.verdict,
      ...(known.reason === undefined ? {} : { reason: known.reason }),
      message: cut(explain(planned, known, windows)),
    };
  });
}

// Four plain words that are read as one sentence.
// oxlint-disable-next-line max-params
export function condition(
  type: ConditionType,
  status: Condition['status'],
  reason: string,
  message: string,
): Found {
  return { type, status, reason, message };
}

function cut(message: string): string {
  return message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 3)}...`;
}
