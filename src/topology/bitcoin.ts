// As in Bitcoin's network: every node dials `outbound` distinct others at random.
// Nodes have an order of birth: by index, then by group. The first outbound + 1 nodes dial each
// other, every later one dials nodes born before it, uniformly. So everybody has exactly
// min(outbound, n - 1) dials, the graph is connected, and a node that is born last changes no
// dial of anybody (in a network of more than `outbound` nodes). No rule could promise that for
// every growth: with two groups, whichever node of A-2 and B-2 is allowed to dial the other, there
// is an order of growing in which that dial is new on an old node. Here a node that is born in the
// middle (its group is not the largest) replaces at most one dial of an existing node: candidates
// are drawn from all names that could exist, and names that do not exist are passed over, so a new
// one only takes its place in the row. Mean degree is 2 x outbound less the core's double edges;
// inbound degree falls with birth, as in a network that grew.
import type { Draw, Generator, TopologyNode } from './generator.ts';

const defaultOutbound = 8;

export const bitcoin: Generator = {
  size: (nodes, { outbound = defaultOutbound }) => nodes * Math.min(outbound, nodes - 1),
  generate: (nodes, { outbound = defaultOutbound }, draw) => {
    const births = [...nodes.keys()].toSorted((a, b) => byBirth(nodes[a], nodes[b]));
    const core = births.slice(0, outbound + 1);
    const dials: number[][] = nodes.map(() => []);
    for (const position of core) dials[position] = core.filter((other) => other !== position);
    const positions = positionTable(nodes);
    for (const position of births.slice(outbound + 1)) {
      const node = nodes[position];
      if (node !== undefined) dials[position] = elders({ node, positions, outbound }, draw);
    }
    return { dials };
  },
};

function byBirth(a: TopologyNode | undefined, b: TopologyNode | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return a.index - b.index || a.group - b.group;
}

/** By group, then index. */
function positionTable(nodes: readonly TopologyNode[]): number[][] {
  const groups = 1 + nodes.reduce((most, { group }) => Math.max(most, group), 0);
  const table: number[][] = Array.from({ length: groups }, () => []);
  for (const [position, { group, index }] of nodes.entries()) {
    const row = table[group];
    if (row !== undefined) row[index] = position;
  }
  return table;
}

type Search = {
  readonly node: TopologyNode;
  readonly positions: readonly (readonly number[])[];
  readonly outbound: number;
};

/** The first `outbound` distinct names of the node's own stream that exist and are born before. */
function elders({ node, positions, outbound }: Search, draw: Draw): number[] {
  const random = draw('bitcoin', node.name);
  const found = new Set<number>();
  while (found.size < outbound) {
    const group = Math.floor(random() * positions.length);
    const index = Math.floor(random() * (node.index + 1));
    if (index === node.index && group >= node.group) continue;
    const position = positions[group]?.[index];
    if (position !== undefined) found.add(position);
  }
  return [...found];
}
