// Exactly the edges that the spec writes: the first of a pair dials the second. One that is there
// already, in either direction, is not made twice.
import type { Generator, TopologyProblem } from './generator.ts';

/** More unknown names than this are the same mistake again and again. */
const problemsMaximum = 1000;

export const edges: Generator = {
  size: (_, { edges = [] }) => edges.length,
  generate: (nodes, { edges = [] }) => {
    const positions = new Map<string, number>(nodes.map(({ name }, at) => [name, at]));
    const dials: number[][] = nodes.map(() => []);
    const known = new Set<number>();
    const problems: TopologyProblem[] = [];
    for (const [at, pair] of edges.entries()) {
      const [from, to] = pair.map((name) => positions.get(name));
      for (const [side, name] of pair.entries()) {
        if (positions.has(name) || problems.length >= problemsMaximum) continue;
        problems.push({ path: ['edges', at, side], unknown: name });
      }
      if (from === undefined || to === undefined || from === to) continue;
      const edge = Math.min(from, to) * nodes.length + Math.max(from, to);
      if (!known.has(edge)) dials[from]?.push(to);
      known.add(edge);
    }
    return problems.length > 0 ? { problems } : { dials };
  },
};
