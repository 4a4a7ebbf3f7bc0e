// The plan of a running testnet after its spec has changed: groups grown or shrunk, faults added or
// removed. What exists stays as it is: names, addresses, dials, targets of what has begun. Nobody
// is redrawn to dial a newcomer; it dials those that are there.
import type { NodeName } from '../names.ts';
import { hashNumber } from '../random.ts';
import type { Topology } from '../spec/schema.ts';
import type { Plan, PlannedFault, PlannedNode } from './plan.ts';

export type Change = {
  /** Of the spec as it is now. */
  readonly next: Plan;
  readonly topology: Topology;
  /** Milliseconds from time 0; negative before it. */
  readonly atMs: number;
  /** Faults of the plan that came from elsewhere than the spec, with their effects as of now. */
  readonly adHoc: ReadonlyMap<string, PlannedFault>;
};

export function rescale(running: Plan, change: Change): Plan {
  const { next } = change;
  const there = new Map(running.nodes.map((node) => [node.name, node]));
  const dialsOf = newcomersDials(running, change);
  const nodes = next.nodes.map(
    (node): PlannedNode => there.get(node.name) ?? { ...node, dials: dialsOf(node), joins: true },
  );
  const names = new Set(nodes.map(({ name }) => name));
  const waves = running.waves.map((wave) => wave.filter((name) => names.has(name)));
  const joining = nodes.filter(({ name }) => !there.has(name)).map(({ name }) => name);
  return {
    ...running,
    groups: next.groups,
    nodes,
    base: next.base,
    waves: joining.length === 0 ? waves : [...waves, joining],
    faults: faultsAfter(running, { ...change, names }),
    expectations: next.expectations,
  };
}

/** How many peers a newcomer looks for where the topology is redrawn by a plan. */
const degrees: Partial<Record<Topology['model'], number>> = { ring: 2, 'random-regular': 8 };

function newcomersDials(
  running: Plan,
  { topology, next }: Change,
): (node: PlannedNode) => readonly NodeName[] {
  const left = new Set(next.nodes.map(({ name }) => name));
  const there = running.nodes.map(({ name }) => name).filter((name) => left.has(name));
  return ({ name, dials }) => {
    const usual = degrees[topology.model];
    if (usual === undefined) return dials;
    const rank = (other: NodeName) => hashNumber(running.randomSeed, 'joins', name, other);
    return there
      .map((other) => ({ other, rank: rank(other) }))
      .sort((a, b) => a.rank - b.rank)
      .slice(0, topology.degree ?? usual)
      .map(({ other }) => other);
  };
}

type Faults = Change & { readonly names: ReadonlySet<NodeName> };

/** In the order in which they came: the stored state is read by it. */
function faultsAfter(running: Plan, change: Faults): readonly PlannedFault[] {
  const planned = new Map(change.next.faults.map((fault) => [fault.name, fault]));
  const known = new Set(running.faults.map(({ name }) => name));
  return [
    ...running.faults.map((fault) => {
      const now = planned.get(fault.name) ?? change.adHoc.get(fault.name);
      return now === undefined ? endedAt(fault, change.atMs) : followed(fault, now, change);
    }),
    ...change.next.faults.filter(({ name }) => !known.has(name)),
  ];
}

/** One that has not begun ends as it begins: it is cancelled. */
export function endedAt(fault: PlannedFault, atMs: number): PlannedFault {
  const end = Math.max(0, atMs, fault.startMs);
  return { ...fault, endMs: Math.min(end, fault.endMs ?? end) };
}

/** Its times stay; network faults take in who has come, node faults only until they begin. */
function followed(before: PlannedFault, now: PlannedFault, { atMs, names }: Faults): PlannedFault {
  const { startMs, endMs } = before;
  const { endMs: _, ...rest } = now;
  const times = { startMs, ...(endMs === undefined ? {} : { endMs }) };
  if (before.nodes === undefined || startMs > atMs) return { ...rest, ...times };
  const targets = before.nodes.targets.filter((name) => names.has(name));
  return { ...before, nodes: { ...before.nodes, targets } };
}
