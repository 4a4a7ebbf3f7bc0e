// What an agent says of a testnet: the enforcement of all its pods on this host as one. A fault is
// enforced when its last pod is under it, begins to heal with the first, and is healed with the
// last. What was said of a fault stays said, and counters do not shrink when a pod goes.
import type { NodeName } from '../names.ts';
import type { TestnetReport } from '../runtime/kubernetes/objects.ts';
import type { Enforcement, FaultCounters } from '../runtime/runtime.ts';
import type { TestnetId } from './selection.ts';

type FaultTimes = Enforcement['faults'][string];

/** One pod under rules. */
export type EnforcedPod = {
  readonly node: NodeName;
  /** When rules were in force in it for the first time. */
  readonly since: number;
  readonly enforcement: Omit<Enforcement, 'host'>;
};

/** What is known of the testnet from before: of pods that are gone, of the agent before us. */
export type Ledger = {
  readonly faults: Enforcement['faults'];
  readonly counters: Enforcement['counters'];
  readonly lapsedPackets: number;
};

export const emptyLedger: Ledger = { faults: {}, counters: {}, lapsedPackets: 0 };

export type TestnetFacts = {
  readonly testnet: TestnetId;
  readonly pods: readonly EnforcedPod[];
  /** Of the schedule that is asked for. */
  readonly generation: number;
  readonly ledger: Ledger;
  /** Undefined: it is to be in force. Else since when it is to be over; -Infinity: always. */
  readonly overSince: (fault: string) => number | undefined;
  readonly nodes: TestnetReport['nodes'];
  readonly probe?: TestnetReport['probe'];
  /** Of the testnet as a whole. */
  readonly problem?: string | undefined;
};

export function testnetReport(facts: TestnetFacts): TestnetReport {
  const { testnet, pods, generation, nodes, probe } = facts;
  const current = pods.filter((pod) => pod.enforcement.generation >= generation);
  const appliedAt = current.map(({ enforcement }) => enforcement.appliedAt);
  return {
    ...testnet,
    enforcement: mergeEnforcement(facts),
    ...(appliedAt.length === 0
      ? {}
      : { appliedBetween: [Math.min(...appliedAt), Math.max(...appliedAt)] as const }),
    pods: current.length,
    nodes,
    ...(probe === undefined ? {} : { probe }),
  };
}

function mergeEnforcement(facts: TestnetFacts): Omit<Enforcement, 'host'> {
  const { pods, ledger, problem } = facts;
  const all = pods.map(({ enforcement }) => enforcement);
  const first = (key: 'drift' | 'problem') => {
    const pod = pods.find(({ enforcement }) => enforcement[key] !== undefined);
    return pod && `${pod.node}: ${pod.enforcement[key]}`;
  };
  const [drift, said] = [first('drift'), problem ?? first('problem')];
  const queueDrops = sum(all.map((each) => each.queueDrops ?? 0));
  return {
    generation: all.length === 0 ? 0 : Math.min(...all.map(({ generation }) => generation)),
    appliedAt: Math.max(0, ...all.map(({ appliedAt }) => appliedAt)),
    faults: mergeFaults(facts),
    counters: addCounters([ledger.counters, ...all.map(({ counters }) => counters)]),
    lapsedPackets: ledger.lapsedPackets + sum(all.map(({ lapsedPackets }) => lapsedPackets)),
    ...(queueDrops === 0 ? {} : { queueDrops }),
    ...(drift === undefined ? {} : { drift }),
    ...(said === undefined ? {} : { problem: said }),
  };
}

function mergeFaults({ pods, ledger, overSince }: TestnetFacts): Enforcement['faults'] {
  const names = new Set([
    ...Object.keys(ledger.faults),
    ...pods.flatMap(({ enforcement }) => Object.keys(enforcement.faults)),
  ]);
  const merged = [...names].map((name): [string, FaultTimes] => {
    const before = ledger.faults[name] ?? {};
    const each = pods.map(({ since, enforcement }) => ({ ...enforcement.faults[name], since }));
    const times = { ...enforcedIn(before, each), ...healedIn(before, each) };
    const over = overSince(name);
    const unseen = times.enforcedAt !== undefined && times.healedAt === undefined;
    const anywhere = each.some(({ enforcedAt }) => enforcedAt !== undefined);
    if (over === undefined || !unseen || anywhere || each.length === 0) return [name, times];
    return [name, { ...times, ...endedWithoutUs(over, each) }];
  });
  return Object.fromEntries(merged.filter(([, times]) => times.enforcedAt !== undefined));
}

type PodTimes = FaultTimes & { readonly since: number };

/** When the last one was under it; a pod that came later does not make it begin later. */
function enforcedIn(before: FaultTimes, pods: readonly PodTimes[]): FaultTimes {
  if (before.enforcedAt !== undefined) return { enforcedAt: before.enforcedAt };
  const began = pods.flatMap(({ enforcedAt }) => enforcedAt ?? []);
  if (began.length < pods.length || began.length === 0) return {};
  return { enforcedAt: Math.max(...began) };
}

function healedIn(before: FaultTimes, pods: readonly PodTimes[]): FaultTimes {
  const under = pods.filter(({ enforcedAt }) => enforcedAt !== undefined);
  const beginnings = [before, ...under].flatMap(({ healBeganAt }) => healBeganAt ?? []);
  const ends = [before, ...under].flatMap(({ healedAt }) => healedAt ?? []);
  const healed = ends.length > 0 && under.every(({ healedAt }) => healedAt !== undefined);
  return {
    ...(beginnings.length === 0 ? {} : { healBeganAt: Math.min(...beginnings) }),
    ...(healed ? { healedAt: Math.max(...ends) } : {}),
  };
}

/** It ended, in the kernel, while no agent was here: after its time, before we came. */
function endedWithoutUs(over: number, pods: readonly PodTimes[]): FaultTimes {
  const seen = pods.map(({ since }) => since);
  return { healBeganAt: Math.max(0, Math.min(over, ...seen)), healedAt: Math.max(...seen) };
}

/** What is left of a pod that goes. */
export function retire(ledger: Ledger, { enforcement }: EnforcedPod): Ledger {
  return {
    ...ledger,
    counters: addCounters([ledger.counters, enforcement.counters]),
    lapsedPackets: ledger.lapsedPackets + enforcement.lapsedPackets,
  };
}

/**
 * After a restart of the agent: times are taken over, and sums are not, because the counters are in
 * the kernel and still count.
 */
export function resumed({ enforcement }: TestnetReport): Ledger {
  return { ...emptyLedger, faults: enforcement.faults };
}

function addCounters(list: readonly Enforcement['counters'][]): Enforcement['counters'] {
  const total: Record<string, FaultCounters> = {};
  for (const [name, each] of list.flatMap((counters) => Object.entries(counters))) {
    const before = total[name];
    total[name] = {
      matchedPackets: (before?.matchedPackets ?? 0) + each.matchedPackets,
      matchedBytes: (before?.matchedBytes ?? 0) + each.matchedBytes,
      droppedPackets: (before?.droppedPackets ?? 0) + each.droppedPackets,
      droppedBytes: (before?.droppedBytes ?? 0) + each.droppedBytes,
    };
  }
  return total;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
