// What the NetworkStates of one testnet say together: who is where, and what is in force when.
import type { Impairment } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import { unpackNodes } from '../runtime/kubernetes/node-sets.ts';
import type {
  NetworkSchedule,
  NetworkState,
  NodeEntry,
  WireEffect,
} from '../runtime/kubernetes/objects.ts';
import type { Schedule } from '../runtime/runtime.ts';
import type { Claim } from './selection.ts';

export type NetworkView = {
  /** Absent: nothing is known yet, or there is nothing any more. */
  readonly wire?: NetworkSchedule;
  readonly schedule?: Schedule;
  readonly nodes: ReadonlyMap<NodeName, NodeEntry>;
};

type Part = Pick<NetworkState, 'testnet' | 'nodes' | 'schedule'>;

/** `before`: keeps what has not changed the same object, so that nothing is done over again. */
export function networkView(
  parts: readonly Part[],
  { uid, before }: { readonly uid: string; readonly before?: NetworkView | undefined },
): NetworkView {
  const own = parts.filter(({ testnet }) => testnet.uid === uid);
  const wire = own
    .flatMap(({ schedule }) => schedule ?? [])
    .toSorted((a, b) => b.generation - a.generation)[0];
  const entries = own.flatMap(({ nodes = [] }) => nodes);
  const nodes = new Map(entries.map((entry) => [entry.name, entry]));
  if (wire === undefined) return { nodes };
  const same = wire === before?.wire ? before.schedule : undefined;
  return { nodes, wire, schedule: same ?? expand(wire) };
}

/** runtime.ts's shape, with the sets written out once and shared. */
function expand(wire: NetworkSchedule): Schedule {
  const sets = wire.sets.map(unpackNodes);
  const placed = ({ fault, from, to, impairment }: WireEffect) => ({
    fault,
    from: sets[from] ?? [],
    to: sets[to] ?? [],
    impairment,
  });
  return {
    generation: wire.generation,
    leaseSeconds: wire.leaseSeconds,
    base: wire.base.map(placed),
    effects: wire.effects.map((effect) => ({
      ...placed(effect),
      start: effect.start,
      ...(effect.end === undefined ? {} : { end: effect.end }),
    })),
  };
}

/** Addresses of all nodes; of those on this host as their pods say, which is newer. */
export function addressesOf(
  { nodes }: NetworkView,
  here: readonly { readonly node: NodeName; readonly ips: readonly string[] }[],
): ReadonlyMap<NodeName, readonly string[]> {
  const addresses = new Map<NodeName, readonly string[]>();
  for (const [name, { ips }] of nodes) if (ips.length > 0) addresses.set(name, ips);
  for (const { node, ips } of here) if (ips.length > 0) addresses.set(node, ips);
  return addresses;
}

/** When a pod may go through its gate: `unknown` while nobody has told of it. */
export type Turn = 'now' | 'later' | 'unknown';

export function turnOf(
  view: NetworkView | undefined,
  { node, uid, gated, ahead }: Pick<Claim, 'node' | 'uid' | 'gated' | 'ahead'>,
): Turn {
  // It has started: the sooner it is under its rules, the better.
  if (!gated) return 'now';
  const entry = view?.nodes.get(node);
  if (entry?.uid !== uid) return ahead ? 'later' : 'unknown';
  return entry.waits === true ? 'later' : 'now';
}

/** The longest that a packet can be on its way, whatever of the schedule is in force. */
export function longestDelayMs({ base, effects }: Schedule): number {
  const longest = Math.max(0, ...base.map(({ impairment }) => delayOf(impairment)));
  const byFault = Map.groupBy(effects, ({ fault }) => fault);
  const added = [...byFault.values()].map((all) =>
    Math.max(...all.map(({ impairment }) => delayOf(impairment))),
  );
  return added.reduce((sum, each) => sum + each, longest);
}

function delayOf(impairment: Impairment): number {
  if (impairment.kind !== 'shape') return 0;
  const { delayMs = 0, jitterMs = 0, reorder } = impairment;
  return delayMs + 4 * jitterMs + (reorder?.byMs ?? 0);
}

/** Undefined: the fault is to be in force. Else since when it is over; -Infinity: nobody knows. */
export function overSince(
  schedule: Schedule | undefined,
  { fault, now }: { readonly fault: string; readonly now: number },
): number | undefined {
  if (schedule === undefined) return undefined;
  const parts = schedule.effects.filter((effect) => effect.fault === fault);
  if (parts.some(({ start, end = Infinity }) => start <= now && now < end)) return undefined;
  return Math.max(...parts.map(({ end = -Infinity }) => end));
}
