// One node in the middle; all others dial it.
import type { Generator, TopologyNode } from './generator.ts';

export const star: Generator = {
  size: (nodes) => nodes,
  generate: (nodes, { hub }) => {
    const middle =
      hub === undefined ? firstOfSpec(nodes) : nodes.findIndex(({ name }) => name === hub);
    if (middle === -1) return { problems: [{ path: ['hub'], unknown: hub ?? '' }] };
    return { dials: nodes.map((_, position) => (position === middle ? [] : [middle])) };
  },
};

function firstOfSpec(nodes: readonly TopologyNode[]): number {
  return nodes.findIndex(({ group, index }) => group === 0 && index === 0);
}
