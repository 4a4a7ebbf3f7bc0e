// Statistics of the graph of dials, taken as undirected: degrees, components, distances,
// clustering. Over plain arrays of neighbours: of 60,000 nodes, a graph library's maps alone took
// 3 s to build.
import { randomOf } from '../random.ts';
import type { Plan } from './plan.ts';

export type GraphStatistics = {
  readonly nodes: number;
  readonly edges: number;
  readonly degree: { readonly min: number; readonly mean: number; readonly max: number };
  readonly components: number;
  /** Between nodes that reach each other. */
  readonly distance: {
    /** The longest; of a sample a lower bound. */
    readonly diameter: number;
    readonly mean: number;
    /** From so many nodes; all of them unless the graph is large. */
    readonly from: number;
  };
  /** Mean share of a node's pairs of neighbours that are neighbours (Watts and Strogatz 1998). */
  readonly clustering: { readonly mean: number; readonly of: number };
};

/** Steps along edges that are affordable: 2,000 nodes of degree 12, walked from every node. */
const stepsMaximum = 50_000_000;
const pairsMaximum = 20_000_000;
/** The mean of so many nodes' distances to all others is within a hundredth or two. */
const sampleMaximum = 32;

export function statisticsOf(plan: Pick<Plan, 'nodes' | 'randomSeed'>): GraphStatistics {
  const lists = neighbourLists(plan);
  const degrees = lists.map(({ length }) => length);
  const nodes = lists.length;
  const edges = degrees.reduce((sum, degree) => sum + degree, 0) / 2;
  const pairs = degrees.reduce((sum, degree) => sum + degree * degree, 0) / 2;
  const sample = (label: string, steps: number, most: number) => {
    if (steps <= most) return [...lists.keys()];
    const count = Math.min(sampleMaximum, Math.floor((nodes * most) / steps));
    const random = randomOf(plan.randomSeed, label);
    const drawn = new Set<number>();
    while (drawn.size < Math.max(1, count)) drawn.add(Math.floor(random() * nodes));
    return [...drawn];
  };
  const sources = sample('distance', nodes * (nodes + 2 * edges), stepsMaximum);
  const centres = sample('clustering', pairs, pairsMaximum);
  return {
    nodes,
    edges,
    degree: {
      min: degrees.reduce((least, degree) => Math.min(least, degree), nodes),
      mean: rounded(nodes === 0 ? 0 : (2 * edges) / nodes),
      max: degrees.reduce((most, degree) => Math.max(most, degree), 0),
    },
    components: components(lists),
    distance: { ...distances(lists, sources), from: sources.length },
    clustering: { mean: clustering(lists, centres), of: centres.length },
  };
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}

/** By position of the node, each neighbour once. */
function neighbourLists({ nodes }: Pick<Plan, 'nodes'>): readonly Int32Array[] {
  const positions = new Map(nodes.map(({ name }, at) => [name, at]));
  const lists: number[][] = nodes.map(() => []);
  for (const [from, { dials }] of nodes.entries()) {
    for (const name of dials) {
      const to = positions.get(name) ?? from;
      lists[from]?.push(to);
      lists[to]?.push(from);
    }
  }
  return lists.map((list) => Int32Array.from(new Set(list)));
}

function components(lists: readonly Int32Array[]): number {
  const reached = new Uint8Array(lists.length);
  let count = 0;
  for (const start of lists.keys()) {
    if (reached[start] === 1) continue;
    count += 1;
    reached[start] = 1;
    const queue = [start];
    for (const node of queue) {
      for (const next of lists[node] ?? nobody) {
        if (reached[next] === 1) continue;
        reached[next] = 1;
        queue.push(next);
      }
    }
  }
  return count;
}

const nobody = new Int32Array();

/** Breadth-first from each source. */
function distances(
  lists: readonly Int32Array[],
  sources: readonly number[],
): { readonly diameter: number; readonly mean: number } {
  const reached = new Int32Array(lists.length);
  const queue = new Int32Array(lists.length);
  let [diameter, sum, pairs] = [0, 0, 0];
  for (const source of sources) {
    reached.fill(-1);
    reached[source] = 0;
    queue[0] = source;
    let length = 1;
    for (let at = 0; at < length; at += 1) {
      const node = queue[at] ?? 0;
      const steps = reached[node] ?? 0;
      diameter = Math.max(diameter, steps);
      sum += steps;
      const list = lists[node] ?? nobody;
      // An iterator here takes several times as long.
      for (let place = 0; place < list.length; place += 1) {
        const next = list[place] ?? 0;
        if (reached[next] !== -1) continue;
        reached[next] = steps + 1;
        queue[length] = next;
        length += 1;
      }
    }
    pairs += length - 1;
  }
  return { diameter, mean: rounded(pairs === 0 ? 0 : sum / pairs) };
}

/** A node with fewer than two neighbours counts as 0. */
function clustering(lists: readonly Int32Array[], centres: readonly number[]): number {
  let sum = 0;
  const near = new Uint8Array(lists.length);
  for (const centre of centres) {
    const list = lists[centre] ?? nobody;
    for (const node of list) near[node] = 1;
    let links = 0;
    for (const node of list) {
      const second = lists[node] ?? nobody;
      for (let place = 0; place < second.length; place += 1) links += near[second[place] ?? 0] ?? 0;
    }
    for (const node of list) near[node] = 0;
    if (list.length > 1) sum += links / (list.length * (list.length - 1));
  }
  return rounded(centres.length === 0 ? 0 : sum / centres.length);
}
