// What a generator of a topology is given and gives back. Nodes are handed over in the order in
// which they start (bootstrap nodes first, then by index, then by group), and are spoken of by
// their position in that list. Every edge is one dial, from the node that starts later to the one
// that is there already, so that a first attempt finds somebody.
import type { NodeName } from '../names.ts';
import type { Topology } from '../spec/schema.ts';

export type TopologyNode = {
  readonly name: NodeName;
  /** Position of its group in the spec. */
  readonly group: number;
  readonly index: number;
};

/** The stream of uniform numbers in [0, 1) that belongs to this path. */
export type Draw = (...path: readonly (string | number)[]) => () => number;

export type TopologyOptions = Omit<Topology, 'model'>;

/** `path` is inside `topology`. */
export type TopologyProblem = {
  readonly path: readonly (string | number)[];
} & ({ readonly message: string } /** No node has this name. */ | { readonly unknown: string });

/** `dials[i]` are the positions that node i is told to dial. */
export type Generated =
  | { readonly dials: readonly (readonly number[])[] }
  | { readonly problems: readonly TopologyProblem[] };

export type Generator = {
  /** How many dials it makes, to refuse what no machine can hold before it is built. */
  readonly size: (nodes: number, options: TopologyOptions) => number;
  readonly generate: (
    nodes: readonly TopologyNode[],
    options: TopologyOptions,
    draw: Draw,
  ) => Generated;
};

/** Each edge once, dialled by the later of the two. */
export function dialledByTheLater(
  nodes: number,
  edges: Iterable<readonly [number, number]>,
): number[][] {
  const dials: number[][] = Array.from({ length: nodes }, () => []);
  for (const [a, b] of edges) dials[Math.max(a, b)]?.push(Math.min(a, b));
  for (const list of dials) list.sort((a, b) => a - b);
  return dials;
}
