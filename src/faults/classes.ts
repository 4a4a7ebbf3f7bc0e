// Nodes into equivalence classes by the effects they are under: all nodes of a class of senders
// and all nodes of a class of receivers have one composed impairment, so the compiler works on
// pairs of classes and never on pairs of addresses. Found by partition refinement: each effect
// splits the classes that exist by its set of nodes, in time proportional to the size of that set.
import type { NodeName } from '../names.ts';
import { combine } from './algebra.ts';
import type { PlacedEffect } from './effect.ts';

/** Nodes under the same effects on one side (as sender, or as receiver). */
export type NodeClass = {
  readonly nodes: readonly NodeName[];
  /** Indexes into the list of sets that was refined by, ascending. */
  readonly members: readonly number[];
};

/** The classes of those of `nodes` that are in at least one of the sets. */
export function classesOf(
  nodes: readonly NodeName[],
  sets: readonly (readonly NodeName[])[],
): readonly NodeClass[] {
  const indexOf = new Map(nodes.map((node, index) => [node, index]));
  const classOf = new Int32Array(nodes.length);
  // Class 0 is in no set; each further class is its parent and one set more.
  const parents = [-1];
  const lastSet = [-1];
  // Faults often share one array of nodes: look its names up once.
  const positions = new Map<readonly NodeName[], Int32Array>();
  for (const [set, members] of sets.entries()) {
    let found = positions.get(members);
    if (found === undefined) {
      found = Int32Array.from(members.map((node) => indexOf.get(node) ?? -1));
      positions.set(members, found);
    }
    refine({ classOf, parents, lastSet }, found, set);
  }
  return collect(nodes, { classOf, parents, lastSet });
}

/** Why these effects cannot be in force together, as sentences; empty if they can. */
export function conflictsOf(effects: readonly PlacedEffect[]): readonly string[] {
  const bursts = effects.filter(
    ({ impairment }) => impairment.kind === 'shape' && impairment.burst !== undefined,
  );
  const problems = new Set<string>();
  for (const [index, one] of bursts.entries()) {
    for (const other of bursts.slice(0, index)) {
      if (one.fault === other.fault || !meet(one, other)) continue;
      const composed = combine([one.impairment, other.impairment]);
      if (composed.kind !== 'conflict') continue;
      problems.add(`${composed.reason}: by "${other.fault}" and "${one.fault}"`);
    }
  }
  return [...problems];
}

type Refinement = {
  readonly classOf: Int32Array;
  readonly parents: number[];
  readonly lastSet: number[];
};

function refine(state: Refinement, members: Int32Array, set: number): void {
  const { classOf, parents, lastSet } = state;
  const split = new Map<number, number>();
  for (const node of members) {
    if (node < 0) continue;
    const old = classOf[node] ?? 0;
    if (lastSet[old] === set) continue; // named twice in this set
    let next = split.get(old);
    if (next === undefined) {
      next = parents.length;
      parents.push(old);
      lastSet.push(set);
      split.set(old, next);
    }
    classOf[node] = next;
  }
}

function collect(nodes: readonly NodeName[], state: Refinement): readonly NodeClass[] {
  const byClass = new Map<number, NodeName[]>();
  for (const [index, node] of nodes.entries()) {
    const id = state.classOf[index] ?? 0;
    if (id === 0) continue;
    const list = byClass.get(id);
    if (list === undefined) byClass.set(id, [node]);
    else list.push(node);
  }
  return [...byClass].map(([id, members]) => ({ nodes: members, members: setsOf(state, id) }));
}

function setsOf({ parents, lastSet }: Refinement, id: number): readonly number[] {
  const sets: number[] = [];
  for (let at = id; at > 0; at = parents[at] ?? 0) sets.push(lastSet[at] ?? -1);
  return sets.reverse();
}

/** True if there is an ordered pair that both hit. */
function meet(one: PlacedEffect, other: PlacedEffect): boolean {
  const senders = new Set(one.from).intersection(new Set(other.from));
  const receivers = new Set(one.to).intersection(new Set(other.to));
  if (senders.size === 0 || receivers.size === 0) return false;
  return senders.size > 1 || receivers.size > 1 || senders.isDisjointFrom(receivers);
}
