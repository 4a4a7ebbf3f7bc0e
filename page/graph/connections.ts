// The connections of the graph as they come and go: those that are cut stay to be seen for a
// moment.
import type { PageState } from '../../src/web/state.ts';
import type { Layout, Place } from './layout.ts';

type Line = readonly [Place, Place];
type Edges = PageState['edges'];

export interface Connections {
  readonly lines: readonly Line[];
  /** Takes those of this state and lets the layout follow; true: they are the first there are. */
  follow(state: PageState, adversaries: ReadonlySet<string>): boolean;
  /** Cut lately, and how much of them is still to be seen (1 to 0). */
  fading(): readonly (readonly [Place, Place, number])[];
}

const fadeMs = 1_600;

export function createConnections(layout: Layout): Connections {
  let lines: readonly Line[] = [];
  let edges: Edges = {};
  let cut: { readonly line: Line; readonly since: number }[] = [];
  const placed = ([a, b]: readonly [string, string]): readonly Line[] => {
    const [from, to] = [layout.place(a), layout.place(b)];
    return from && to ? [[from, to]] : [];
  };
  return {
    get lines() {
      return lines;
    },
    follow: (state, adversaries) => {
      if (state.edges === edges && layout.places.length > 0) return false;
      const gone = Object.keys(edges).filter((key) => state.edges[key] === undefined);
      const first = Object.keys(edges).length === 0;
      edges = state.edges;
      const pairs = Object.keys(edges).map(namesOf);
      layout.update({ names: Object.keys(state.nodes), edges: pairs, adversaries });
      lines = pairs.flatMap(placed);
      const since = performance.now();
      cut.push(...gone.flatMap((key) => placed(namesOf(key))).map((line) => ({ line, since })));
      return first;
    },
    fading: () => {
      const now = performance.now();
      cut = cut.filter(({ since }) => now - since < fadeMs);
      return cut.map(({ line: [from, to], since }) => [from, to, 1 - (now - since) / fadeMs]);
    },
  };
}

function namesOf(key: string): readonly [string, string] {
  const [a = '', b = ''] = key.split(' ');
  return [a, b];
}
