// Nodes that start together. The bootstrap nodes first, because the others are seeded with them;
// the rest in at most six batches of at least sixteen nodes, in order of birth (by index, then
// group): a wave costs at least one round of readiness, and all at once is slower than in turn (a
// hundred nodes that shake hands at the same time keep each other from it).
import type { NodeName } from '../names.ts';
import type { Plan, PlannedNode } from './plan.ts';

const wavesMaximum = 6;
const waveMinimum = 16;

/** `starting`: all nodes in the order in which they start, bootstrap nodes first. */
export function wavesOf(
  starting: readonly { readonly name: NodeName; readonly bootstrap: boolean }[],
): readonly (readonly NodeName[])[] {
  const names = starting.map(({ name }) => name);
  const bootstraps = starting.filter(({ bootstrap }) => bootstrap).length;
  const rest = names.slice(bootstraps);
  const size = Math.max(waveMinimum, Math.ceil(rest.length / wavesMaximum));
  const waves = [names.slice(0, bootstraps)];
  for (let at = 0; at < rest.length; at += size) waves.push(rest.slice(at, at + size));
  return waves.filter((wave) => wave.length > 0);
}

export type Contacts = Pick<Plan, 'waves' | 'groups' | 'discovers'> & {
  readonly nodes: readonly Pick<PlannedNode, 'name' | 'group' | 'dials'>[];
};

/**
 * From which wave on a node can be asked to have a peer before it counts as ready: when somebody
 * whom it dials, or who dials it, has started, or (where nodes find each other) somebody of its
 * seeds. Nodes that nobody can ever be a peer of are not in it.
 */
export function peersFrom(plan: Contacts): ReadonlyMap<NodeName, number> {
  const waveOf = new Map(plan.waves.flatMap((wave, at) => wave.map((name) => [name, at] as const)));
  const wave = (name: NodeName) => waveOf.get(name) ?? 0;
  const first = new Map<NodeName, number>();
  const note = (name: NodeName, other: NodeName) => {
    if (name === other) return;
    const both = Math.max(wave(name), wave(other));
    first.set(name, Math.min(first.get(name) ?? both, both));
  };
  // Of a long list of seeds only the two earliest can matter: a node skips itself.
  const seeds = new Map(
    plan.groups.map((group) => [
      group.name,
      plan.discovers ? group.seeds.toSorted((a, b) => wave(a) - wave(b)).slice(0, 2) : [],
    ]),
  );
  for (const { name, group, dials } of plan.nodes) {
    for (const other of dials) {
      note(name, other);
      note(other, name);
    }
    for (const seed of seeds.get(group) ?? []) note(name, seed);
  }
  return first;
}
