// A random graph in which every node has exactly `degree` neighbours, simple and connected.
// The pairing model (Bollobás 1980): each node has `degree` stubs, a shuffle pairs them; pairs that
// are loops or doubles are then switched with random good ones (McKay and Wormald 1990). Above
// half of all possible edges the complement is drawn instead, where switches are easy to find.
import { type Draw, dialledByTheLater, type Generator } from './generator.ts';

const defaultDegree = 8;

export const randomRegular: Generator = {
  size: (nodes, { degree = defaultDegree }) => (nodes * degree) / 2,
  generate: (nodes, options, draw) => {
    const count = nodes.length;
    // n - 1 is always possible: n x (n - 1) is even.
    const degree = options.degree ?? Math.min(defaultDegree, count - 1);
    const message = impossible(count, degree);
    if (message !== undefined) return { problems: [{ path: ['degree'], message }] };
    const sparse = degree <= (count - 1) / 2;
    const random = randomStream(draw, sparse);
    const edges = sparse
      ? connect(count, regularEdges(count, degree, random))
      : complement(count, regularEdges(count, count - 1 - degree, random));
    return { dials: dialledByTheLater(count, edges) };
  },
};

function randomStream(draw: Draw, sparse: boolean): () => number {
  return draw('random-regular', sparse ? 'edges' : 'gaps');
}

function impossible(count: number, degree: number): string | undefined {
  if (degree >= count && count > 1) {
    const needed = `degree ${degree} needs more than ${degree} nodes, there are ${count}`;
    return `${needed}; at most ${count - 1}`;
  }
  if (degree >= count && degree > 0) return 'a single node has no neighbours';
  if ((count * degree) % 2 === 1) {
    const odd = `${count} nodes of degree ${degree} do not add up to whole edges`;
    return `${odd}; use ${degree - 1} or ${degree + 1}, or one node more`;
  }
  if (degree === 1 && count > 2) return 'degree 1 connects no more than two nodes; at least 2';
  return undefined;
}

type Edge = [number, number];

function edgeAt(edges: readonly Edge[], at: number): Edge {
  const edge = edges[at];
  if (edge === undefined) throw new RangeError(`no edge ${at}`);
  return edge;
}

/** Simple and regular, not yet connected; `degree` is at most half of the other nodes. */
function regularEdges(count: number, degree: number, random: () => number): Edge[] {
  // Seen to succeed at the first attempt but for the smallest graphs.
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const edges = pairStubs(count, degree, random);
    if (repair(edges, count, random)) return edges;
  }
  return circulant(count, degree);
}

function pairStubs(count: number, degree: number, random: () => number): Edge[] {
  const stubs = new Int32Array(count * degree);
  for (let at = 0; at < stubs.length; at += 1) stubs[at] = Math.floor(at / degree);
  for (let at = stubs.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    const held = stubs[at] ?? 0;
    stubs[at] = stubs[other] ?? 0;
    stubs[other] = held;
  }
  const edges: Edge[] = [];
  for (let at = 0; at < stubs.length; at += 2) {
    edges.push([stubs[at] ?? 0, stubs[at + 1] ?? 0]);
  }
  return edges;
}

/** Switches loops and doubles away, in place; false if it did not find how. */
function repair(edges: Edge[], count: number, random: () => number): boolean {
  const keyOf = (a: number, b: number) => Math.min(a, b) * count + Math.max(a, b);
  const present = new Set<number>();
  const bad = new Set<number>();
  for (const [at, [a, b]] of edges.entries()) {
    if (a === b || present.has(keyOf(a, b))) bad.add(at);
    else present.add(keyOf(a, b));
  }
  for (const at of bad) {
    const [a, b] = edgeAt(edges, at);
    for (let attempt = 0; bad.has(at); attempt += 1) {
      if (attempt === 2_000) return false;
      const partner = Math.floor(random() * edges.length);
      const swap = random() < 0.5;
      if (bad.has(partner)) continue;
      const [first, second] = edgeAt(edges, partner);
      const [c, d] = swap ? [second, first] : [first, second];
      const [one, two] = [keyOf(a, c), keyOf(b, d)];
      const free = a !== c && b !== d && one !== two && !present.has(one) && !present.has(two);
      if (!free) continue;
      present.delete(keyOf(c, d));
      present.add(one).add(two);
      edges[at] = [a, c];
      edges[partner] = [b, d];
      bad.delete(at);
    }
  }
  return true;
}

/** Neighbours at distances 1, 2, ... around a circle: exists for every even n x degree. */
function circulant(count: number, degree: number): Edge[] {
  const edges: Edge[] = [];
  for (let node = 0; node < count; node += 1) {
    for (let step = 1; step <= degree / 2; step += 1) edges.push([node, (node + step) % count]);
  }
  if (degree % 2 === 1) {
    for (let node = 0; node < count / 2; node += 1) edges.push([node, node + count / 2]);
  }
  return edges;
}

/**
 * Joins the components by switching one edge of each that closes a circle (there is one wherever
 * every node has two neighbours): both stay whole without it, and two edges now lead across, of
 * which either may be switched next.
 */
function connect(count: number, edges: Edge[]): Edge[] {
  const parents = Int32Array.from({ length: count }, (_, node) => node);
  const rootOf = (node: number): number => {
    let at = node;
    for (let parent = parents[at] ?? at; parent !== at; parent = parents[at] ?? at) {
      parents[at] = parents[parent] ?? parent;
      at = parent;
    }
    return at;
  };
  const closing: number[] = [];
  for (const [at, [a, b]] of edges.entries()) {
    const [rootA, rootB] = [rootOf(a), rootOf(b)];
    if (rootA === rootB) closing.push(at);
    else parents[rootA] = rootB;
  }
  const byRoot = new Map(closing.map((at) => [rootOf(edgeAt(edges, at)[0]), at]));
  let last: number | undefined;
  for (const at of byRoot.values()) {
    if (last !== undefined) {
      const [a, b] = edgeAt(edges, last);
      const [c, d] = edgeAt(edges, at);
      edges[last] = [a, c];
      edges[at] = [b, d];
    }
    last = at;
  }
  return edges;
}

/** All edges that are not there. Connected, as every node has at least half of all neighbours. */
function* complement(count: number, edges: readonly Edge[]): IterableIterator<Edge> {
  const missing = new Set(edges.map(([a, b]) => Math.min(a, b) * count + Math.max(a, b)));
  for (let a = 0; a < count; a += 1) {
    for (let b = a + 1; b < count; b += 1) {
      if (!missing.has(a * count + b)) yield [a, b];
    }
  }
}
