// A circle in the order of the spec: groups as they are written, nodes by index.
import { dialledByTheLater, type Generator } from './generator.ts';

export const ring: Generator = {
  size: (nodes) => nodes,
  generate: (nodes) => {
    const circle = [...nodes.entries()]
      .toSorted(([, a], [, b]) => a.group - b.group || a.index - b.index)
      .map(([position]) => position);
    const edges = circle.map(
      (position, at) => [position, circle[(at + 1) % circle.length] ?? position] as const,
    );
    // Two nodes are one edge, one node is none.
    const simple = edges.slice(0, nodes.length > 2 ? nodes.length : nodes.length - 1);
    return { dials: dialledByTheLater(nodes.length, simple) };
  },
};
