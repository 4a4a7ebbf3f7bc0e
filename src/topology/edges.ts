// Exactly the edges that the spec writes: the first of a pair dials the second. One that is there
// already, in either direction, is not made twice.
import type { Generator, TopologyProblem } from './generator.ts';

export const edges: Generator = {
  size: (_, { edges = [] }) => edges.length,
  generate: (nodes, { edges = [] }) => {
    const positions = new Map<string, number>(nodes.map(({ name }, at) => [name, at]));
    const dials: number[][] = nodes.map(() => []);
    const problems: TopologyProblem[] = [];
    for (const [at, pair] of edges.entries()) {
      const [from, to] = pair.map((name) => positions.get(name));
      for (const [side, name] of pair.entries()) {
        if (positions.has(name)) continue;
        problems.push({ path: ['edges', at, side], message: `no node is named ${name}` });
      }
      if (from === undefined || to === undefined || from === to) continue;
      const known = dials[from]?.includes(to) === true || dials[to]?.includes(from) === true;
      if (!known) dials[from]?.push(to);
    }
    return problems.length > 0 ? { problems } : { dials };
  },
};
