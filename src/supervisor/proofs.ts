// Proves the faults of a run: a round of probes while a fault is in force, and one after its heal;
// then a judgement of both with the counters. One round at a time, since more would spoil each
// other's timing; all faults that wait for one share it, so that faults of a few seconds have
// theirs however many begin together. Where a round has to be asked for ahead (agents learn of it
// by the API server), that of a fault is asked for before the fault begins, for the moment after:
// a fault of two seconds is over before it could be asked for then. A round that fails for what
// goes by (an agent begins anew, a pod too) is repeated while it can still say something. Sockets
// are opened ahead, from when the nodes run on.
import type { Proof } from '../decide/observed.ts';
import type { FaultState } from '../decide/state.ts';
import { messageOf } from '../errors.ts';
import { type Judgement, judge } from '../faults/verify.ts';
import type { NodeName } from '../names.ts';
import type { PlannedFault } from '../plan/plan.ts';
import type { ObservedFault } from '../report/parts.ts';
import type { FaultCounters, World } from '../runtime/runtime.ts';
import { isPassing } from './passing.ts';
import {
  coldNodes,
  mostFaultsAtOnce,
  openSockets,
  type ProbeDependencies,
  type Probed,
  probeTogether,
  roundOf,
} from './probe-round.ts';
import type { Running } from './run.ts';

export interface Prover {
  /** Starts what is due and returns. */
  follow(running: ProvedRun): void;
  proofs(): Readonly<Record<string, Proof>>;
  /** Faults whose probes are not done. */
  pending(): ReadonlySet<string>;
  observedFaults(running: ProvedRun): readonly ObservedFault[];
  /** When no probe is under way. */
  settled(): Promise<void>;
}

/** As much of a run as is needed to prove its faults. */
export type ProvedRun = Pick<Running, 'plan' | 'state' | 'world' | 'phase'> & {
  readonly metrics: Pick<Running['metrics'], 'probed' | 'unprobed'>;
};

/** What is known of one fault. */
type Case = {
  /** Empty again when it is judged. */
  rounds: Probed[];
  readonly lapsedBefore: number;
  /** Rounds that are asked for and not done. */
  open: number;
  healProbed: boolean;
  problem?: string;
  judgement?: Judgement;
};

type Wanted = {
  readonly fault: PlannedFault;
  readonly one: Case;
  readonly of: 'fault' | 'heal';
  /** Epoch milliseconds: it is of no use before. */
  readonly from: number;
};

type Proving = ProbeDependencies & {
  readonly cases: Map<string, Case>;
  /** Faults whose next round has not begun. */
  readonly waiting: Wanted[];
  /** Nodes whose sockets are to be opened, and the faults for which that is arranged. */
  readonly cold: (readonly NodeName[])[];
  readonly warm: Set<string>;
  /** Faults that were judged before this process began. */
  readonly judged: ReadonlySet<string>;
  /** Is the worker at it? `done` is when it has ended. */
  busy: boolean;
  done: Promise<void>;
};

const tickMs = 200;
const againMs = 1_000;
/** What is left of a fault is too short for another round. */
const leastMs = 3_000;
/** From the planned start of a fault to a round that was asked for ahead: rules take a while. */
const settleMs = 600;
/** So long after a heal its round is repeated. */
const healPatienceMs = 60_000;

/** `earlier`: what a process before this one has judged; these faults are not proved again. */
export function createProver(
  deps: ProbeDependencies,
  earlier: readonly ObservedFault[] = [],
): Prover {
  const done = Promise.resolve();
  const proving: Proving = {
    ...deps,
    cases: new Map(),
    waiting: [],
    cold: [],
    warm: new Set(earlier.map(({ name }) => name)),
    judged: new Set(earlier.map(({ name }) => name)),
    busy: false,
    done,
  };
  const { cases } = proving;
  const judgedBefore = new Map(earlier.map((fault) => [fault.name, fault]));
  return {
    follow: (running) => follow(proving, running),
    proofs: () =>
      Object.fromEntries(
        [...cases].flatMap(([name, { judgement }]) =>
          judgement === undefined ? [] : [[name, proofOf(judgement)]],
        ),
      ),
    pending: () => new Set([...cases].filter(([, { open }]) => open > 0).map(([name]) => name)),
    observedFaults: (running) =>
      running.plan.faults.map(
        (fault) =>
          judgedBefore.get(fault.name) ?? observedFault(running, fault, cases.get(fault.name)),
      ),
    settled: async () => {
      await proving.done;
    },
  };
}

function follow(proving: Proving, running: ProvedRun): void {
  const { plan, state, world, phase } = running;
  const { cases, waiting } = proving;
  if (phase === 'stopping') return;
  for (const fault of plan.faults) {
    const known = state.faults[fault.name];
    if (fault.effects.length === 0 || known === undefined) continue;
    if (proving.judged.has(fault.name) || !isNear(proving, known)) continue;
    const one = cases.get(fault.name);
    if (one === undefined) {
      const fresh = newCase(world);
      cases.set(fault.name, fresh);
      waiting.push({ fault, one: fresh, of: 'fault', from: known.start + settleMs });
    } else if (known.healed !== undefined && !one.healProbed) {
      one.healProbed = true;
      one.open += 1;
      waiting.push({ fault, one, of: 'heal', from: 0 });
    } else if (cameTooEarly(one, known)) {
      one.rounds = [];
      one.open += 1;
      waiting.push({ fault, one, of: 'fault', from: 0 });
    }
  }
  proving.cold.push(...coldNodes(proving, running, proving.warm));
  if (!proving.busy) proving.done = work(proving, running);
}

/** In force, or so near that its round must be asked for now. */
function isNear({ runtime, clock }: Proving, { start, enforced, end }: FaultState): boolean {
  if (enforced !== undefined) return true;
  const { probeLeadMs } = runtime;
  if (probeLeadMs === undefined || (end !== undefined && end <= start)) return false;
  return clock.now() >= start + settleMs - probeLeadMs - tickMs;
}

/** The rules were not there yet when the probes went out. */
function cameTooEarly({ rounds, open, healProbed }: Case, { enforced, healed }: FaultState) {
  const over = open === 0 && !healProbed && healed === undefined && rounds.length > 0;
  return over && enforced !== undefined && rounds.every(({ at }) => at < enforced);
}

/** Those that can share the round that begins next, and when that is. */
function nextRound({ waiting, runtime, clock }: Proving) {
  const first = Math.min(...waiting.map(({ from }) => from));
  const { probeLeadMs } = runtime;
  const at = probeLeadMs === undefined ? undefined : Math.max(clock.now() + probeLeadMs, first);
  const due = waiting.filter(({ from }) => at === undefined || from <= at);
  return { at, due: due.slice(0, mostFaultsAtOnce) };
}

/** Until nothing is to be done. Rounds first: sockets that a later fault needs can wait. */
async function work(proving: Proving, running: ProvedRun): Promise<void> {
  const { cold, signal } = proving;
  proving.busy = true;
  while (!signal.aborted) {
    const round = nextRound(proving);
    const nodes = round.due.length > 0 ? undefined : cold.shift();
    if (round.due.length > 0) await prove(proving, running, round);
    else if (nodes !== undefined) await openSockets(proving, nodes);
    else break;
  }
  proving.busy = false;
}

/** One round for all of them. Never throws: what goes wrong is said of each. */
async function prove(
  proving: Proving,
  running: ProvedRun,
  { due, at }: ReturnType<typeof nextRound>,
): Promise<void> {
  let done = due;
  for (const wanted of due) proving.waiting.splice(proving.waiting.indexOf(wanted), 1);
  try {
    const faults = due.map(({ fault }) => fault);
    const round = await probeTogether(proving, running, { faults, at });
    for (const { one } of due) one.rounds.push(round);
  } catch (error) {
    running.metrics.unprobed();
    const again = due.filter((wanted) => isPassing(error) && isStillOf(wanted, proving, running));
    done = due.filter((wanted) => !again.includes(wanted));
    for (const { one } of done) one.problem = messageOf(error);
    proving.waiting.push(...again);
    if (again.length > 0) await proving.clock.sleep(againMs, proving.signal);
  }
  for (const { fault, one } of done) {
    one.open -= 1;
    if (one.open > 0 || !one.healProbed) continue;
    try {
      one.judgement = judged(running, fault, one);
      // Every delay of every packet is in there.
      one.rounds = [];
    } catch (error) {
      one.problem = messageOf(error);
    }
  }
}

/** Would another round say what this one was to say? */
function isStillOf(
  { fault, of }: Wanted,
  { clock }: Pick<Proving, 'clock'>,
  { state }: Pick<ProvedRun, 'state'>,
): boolean {
  const { healed, end = Infinity } = state.faults[fault.name] ?? {};
  const now = clock.now();
  if (of === 'heal') return now < (healed ?? now) + healPatienceMs;
  return healed === undefined && now + leastMs < end;
}

function newCase({ enforcement }: World): Case {
  const lapsedBefore = enforcement.reduce((sum, { lapsedPackets }) => sum + lapsedPackets, 0);
  return { rounds: [], lapsedBefore, open: 1, healProbed: false };
}

function judged(running: ProvedRun, fault: PlannedFault, one: Case): Judgement {
  const { world } = running;
  const lapsed = world.enforcement.reduce((sum, { lapsedPackets }) => sum + lapsedPackets, 0);
  const drift = world.enforcement.find((each) => each.drift !== undefined)?.drift;
  return judge({
    name: fault.name,
    kind: fault.kind,
    effects: fault.effects,
    rounds: one.rounds.map((round) => roundOf(round, running)),
    counters: countersOf(world, fault.name),
    lapsedPackets: lapsed - one.lapsedBefore,
    ...(drift === undefined ? {} : { drift }),
  });
}

function countersOf({ enforcement }: World, fault: string): FaultCounters {
  const sum = { matchedPackets: 0, matchedBytes: 0, droppedPackets: 0, droppedBytes: 0 };
  for (const { counters } of enforcement) {
    const one = counters[fault];
    if (one === undefined) continue;
    sum.matchedPackets += one.matchedPackets;
    sum.matchedBytes += one.matchedBytes;
    sum.droppedPackets += one.droppedPackets;
    sum.droppedBytes += one.droppedBytes;
  }
  return sum;
}

function proofOf({ outcome, observed }: Judgement): Proof {
  const [note] = observed.notes;
  return { outcome, ...(note === undefined ? {} : { note }) };
}

function observedFault(
  running: ProvedRun,
  fault: PlannedFault,
  one: Case | undefined,
): ObservedFault {
  const { state, world } = running;
  const known = state.faults[fault.name];
  const zero = state.t0 ?? 0;
  const seconds = (time: number) => Math.round(time - zero) / 1000;
  const nodeFault = fault.nodes !== undefined;
  const judgement = one?.judgement ?? (one && !nodeFault ? judged(running, fault, one) : undefined);
  const { name, kind, startMs, endMs } = fault;
  const nothing = { pairsProbed: 0, leaks: 0, asked: {}, measured: {}, notes: [] };
  const packets = { matched: 0, dropped: 0, probes: 0 };
  const seen = judgement?.observed ?? { ...nothing, name, kind, packets, proved: false };
  const { enforced, healed } = known ?? {};
  return {
    ...seen,
    planned: { start: startMs / 1000, ...(endMs === undefined ? {} : { end: endMs / 1000 }) },
    actual: {
      ...(enforced === undefined ? {} : { start: seconds(enforced) }),
      ...(healed === undefined ? {} : { end: seconds(healed) }),
    },
    spreadSeconds: spreadOf(world, name),
    proved: known?.proof === 'proved',
    notes: [
      ...seen.notes,
      ...(one?.problem === undefined ? [] : [`probes failed: ${one.problem}`]),
    ],
  };
}

/** Between the first and the last host that had it in force. */
function spreadOf({ enforcement }: World, fault: string): number {
  const times = enforcement.flatMap(({ faults }) => faults[fault]?.enforcedAt ?? []);
  return times.length < 2 ? 0 : (Math.max(...times) - Math.min(...times)) / 1000;
}
