// The parts of the graph that have no connection between them.
import { componentsOf } from '../src/network/graph.ts';
import type { PageState } from '../src/web/state.ts';

export type Parts = {
  readonly of: ReadonlyMap<string, number>;
  readonly count: number;
};

export function componentsOfState({ nodes, edges }: Pick<PageState, 'nodes' | 'edges'>): Parts {
  return partsOf(
    Object.keys(nodes),
    Object.keys(edges).map((key) => key.split(' ')),
  );
}

/** The same of all but these nodes: who reaches whom without them. */
export function sidesOf(
  { nodes, edges }: Pick<PageState, 'nodes' | 'edges'>,
  without: ReadonlySet<string>,
): Parts {
  return partsOf(
    Object.keys(nodes).filter((name) => !without.has(name)),
    Object.keys(edges).map((key) => key.split(' ')),
  );
}

/** Nodes that no edge names are parts of their own. */
export function partsOf(
  names: readonly string[],
  edges: readonly (readonly (string | undefined)[])[],
): Parts {
  const numbers = new Map(names.map((name, index) => [name, index]));
  const pairs = edges.flatMap(([a = '', b = '']) => {
    const [from, to] = [numbers.get(a), numbers.get(b)];
    return from === undefined || to === undefined ? [] : [[from, to] as const];
  });
  const components = componentsOf(
    names.map(() => true),
    pairs,
  );
  return {
    of: new Map(names.map((name, index) => [name, components[index] ?? index])),
    count: new Set(components).size,
  };
}
