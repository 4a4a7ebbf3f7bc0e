// Topologies: the graphs of dials that a plan hands to its nodes. One file per model; the table
// below is all that knows them. A model is a pure function of the nodes, its options and a seeded
// stream, and gives a simple graph in which every edge is dialled once (`bitcoin`: every node dials
// its own). Growth, a node added at the end of the order of birth (by index, then group): keeps
// every existing dial for full-mesh, star, bitcoin, edges and none; ring and random-regular are
// redrawn. A node added in the middle (its group is not the largest) is dialled by those after it
// in full-mesh, and replaces at most one dial of an existing node in bitcoin.
import type { NodeName } from '../names.ts';
import type { Topology } from '../spec/schema.ts';
import { bitcoin } from './bitcoin.ts';
import { edges } from './edges.ts';
import { fullMesh } from './full-mesh.ts';
import type { Draw, Generator, TopologyNode, TopologyProblem } from './generator.ts';
import { none } from './none.ts';
import { randomRegular } from './random-regular.ts';
import { ring } from './ring.ts';
import { star } from './star.ts';

const topologies: Readonly<Record<Topology['model'], Generator>> = {
  'full-mesh': fullMesh,
  ring,
  star,
  'random-regular': randomRegular,
  bitcoin,
  edges,
  none,
};

/** 60,000 nodes with 8 neighbours are 240,000; a full mesh reaches this at 2,000 nodes. */
const dialsMaximum = 2_000_000;

/** Whom each node dials, in the order of `nodes`, or why there is no such graph. */
export function dialsOf(
  nodes: readonly TopologyNode[],
  topology: Topology,
  draw: Draw,
): {
  readonly dials: readonly (readonly NodeName[])[];
  readonly problems: readonly TopologyProblem[];
} {
  const { model, ...options } = topology;
  const generator = topologies[model];
  const nobody = nodes.map(() => []);
  const size = generator.size(nodes.length, options);
  if (size > dialsMaximum) {
    const made = `${model} makes ${size} dials of ${nodes.length} nodes`;
    const message = `${made}; at most ${dialsMaximum}`;
    return { dials: nobody, problems: [{ path: ['model'], message }] };
  }
  const generated = generator.generate(nodes, options, draw);
  if ('problems' in generated) return { dials: nobody, problems: generated.problems };
  const dials = generated.dials.map((list) =>
    list.flatMap((position) => nodes[position]?.name ?? []),
  );
  return { dials, problems: [] };
}
