// From the reports of hosts to what is in force in a testnet. Above the port a fault is in force
// when the last host that says so has it; so hosts that have it say nothing until all have it that
// have nodes of it. Pure.
import type { NodeName } from '../../names.ts';
import type { Enforcement, Schedule } from '../runtime.ts';
import type { HostReport } from './objects.ts';

export type HostSeen = {
  readonly report?: HostReport;
  /** When its report changed last, or since when one is missing; by our clock. */
  readonly heardAt: number;
};

export type HostFacts = {
  readonly hosts: ReadonlyMap<string, HostSeen>;
  /** Hosts with pods of the testnet. */
  readonly nodesOn: ReadonlyMap<string, readonly NodeName[]>;
  readonly schedule: Schedule | undefined;
  readonly uid: string;
  readonly now: number;
};

/** Agents write every 30 s. */
const silentMs = 100_000;

export function hostEnforcement(facts: HostFacts): readonly Enforcement[] {
  const all = [...facts.hosts].flatMap(([host, seen]) => ofHost(facts, host, seen));
  const waiting = notYetEverywhere(facts, all);
  return all.map((one) => {
    const faults = Object.entries(one.faults).filter(([name]) => !waiting.has(name));
    return { ...one, faults: Object.fromEntries(faults) };
  });
}

/** Nothing of a host that never had a node; what is over is still counted where no node is left. */
function ofHost(
  { nodesOn, uid, now }: HostFacts,
  host: string,
  { report, heardAt }: HostSeen,
): readonly Enforcement[] {
  const said = report?.testnets.find((one) => one.uid === uid)?.enforcement;
  const occupied = nodesOn.has(host);
  const silent = occupied && now - heardAt > silentMs;
  if (said === undefined && !silent) return [];
  const nothing = { generation: 0, appliedAt: 0, faults: {}, counters: {}, lapsedPackets: 0 };
  const problem = silent ? silence(host, report, now - heardAt) : undefined;
  return [{ ...nothing, ...said, host, ...(problem === undefined ? {} : { problem }) }];
}

function silence(host: string, report: HostReport | undefined, ms: number): string {
  const since = `for ${Math.round(ms / 1000)} s`;
  return report === undefined
    ? `no agent of host ${host} reports ${since}; is its pod of the DaemonSet running?`
    : `the agent of host ${host} has not reported ${since}`;
}

/** Faults that some host with nodes of it does not have yet. */
function notYetEverywhere(
  { nodesOn, schedule }: HostFacts,
  all: readonly Enforcement[],
): ReadonlySet<string> {
  const has = new Map(all.map(({ host, faults }) => [host, faults]));
  const effects = Map.groupBy(schedule?.effects ?? [], ({ fault }) => fault);
  const waiting = new Set<string>();
  for (const [fault, parts] of effects) {
    const touched = new Set(parts.flatMap(({ from, to }) => [...from, ...to]));
    for (const [host, nodes] of nodesOn) {
      if (has.get(host)?.[fault]?.enforcedAt !== undefined) continue;
      if (nodes.some((node) => touched.has(node))) waiting.add(fault);
    }
  }
  return waiting;
}
