// The live part of the peer graph. Nodes are numbers here (their place in the plan), so that a
// sample of hundreds of nodes costs a few milliseconds: faults are tested as two bit masks each,
// never as lists of pairs, and components are a union-find of a dozen lines, for which building a
// graph object each second would cost more than the answer.

export type Reports = {
  /** How many nodes the plan has. */
  readonly count: number;
  /** Whom each node reports as its peers; undefined: nobody asked it or it did not answer. */
  readonly peers: readonly (readonly number[] | undefined)[];
  /** Drops and rejects in force. */
  readonly cuts: readonly { readonly from: readonly number[]; readonly to: readonly number[] }[];
};

/** Edge between two nodes, the smaller number first. */
export type Edge = readonly [number, number];

const reportedByFirst = 1;
const reportedBySecond = 2;

/**
 * Edges that are reported by both ends (or by the one that is observed) and cut by no fault in
 * either direction; each once, in order.
 */
export function liveEdges({ count, peers, cuts }: Reports): readonly Edge[] {
  const cut = cutTest(count, cuts);
  const edges: Edge[] = [];
  for (const [key, reports] of reportedPairs(count, peers)) {
    const first = Math.floor(key / count);
    const second = key % count;
    const needed =
      (peers[first] === undefined ? 0 : reportedByFirst) |
      (peers[second] === undefined ? 0 : reportedBySecond);
    if ((reports & needed) === needed && !cut(first, second)) edges.push([first, second]);
  }
  return edges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

function reportedPairs(count: number, peers: Reports['peers']): Map<number, number> {
  const pairs = new Map<number, number>();
  peers.forEach((list, node) => {
    for (const peer of list ?? []) {
      if (peer === node) continue;
      const key = Math.min(node, peer) * count + Math.max(node, peer);
      const report = node < peer ? reportedByFirst : reportedBySecond;
      pairs.set(key, (pairs.get(key) ?? 0) | report);
    }
  });
  return pairs;
}

const sends = 1;
const receives = 2;

function cutTest(count: number, cuts: Reports['cuts']): (a: number, b: number) => boolean {
  const masks = cuts.map(({ from, to }) => {
    const mask = new Uint8Array(count);
    for (const node of from) mask[node] = sends;
    for (const node of to) mask[node] = (mask[node] ?? 0) | receives;
    return mask;
  });
  return (a, b) =>
    masks.some((mask) => {
      const both = [mask[a] ?? 0, mask[b] ?? 0] as const;
      return (
        ((both[0] & sends) !== 0 && (both[1] & receives) !== 0) ||
        ((both[1] & sends) !== 0 && (both[0] & receives) !== 0)
      );
    });
}

/** For each node the number of its component; -1 for nodes that are left out. */
export function componentsOf(
  included: readonly boolean[],
  edges: readonly Edge[],
): readonly number[] {
  const parent = included.map((_, node) => node);
  const root = (start: number): number => {
    let node = start;
    while (parent[node] !== node) {
      parent[node] = parent[parent[node] ?? node] ?? node; // halves the path for the next one
      node = parent[node] ?? node;
    }
    return node;
  };
  for (const [a, b] of edges) if (included[a] && included[b]) parent[root(a)] = root(b);
  return included.map((counts, node) => (counts ? root(node) : -1));
}

export type Surroundings = {
  /** Live peers of each node, and how many of them attack. */
  readonly degree: readonly number[];
  readonly attackers: readonly number[];
  /** Nodes whose every way to an honest node leads through attackers. */
  readonly enclosed: readonly boolean[];
};

/**
 * Who is around each node. Victims of one eclipse may have each other: they are enclosed as long
 * as nobody among them reaches a node that is neither attacker nor victim.
 */
export function surroundings(
  edges: readonly Edge[],
  attacker: readonly boolean[],
  victim: readonly boolean[],
): Surroundings {
  const degree = attacker.map(() => 0);
  const attackers = attacker.map(() => 0);
  const meet = (node: number, peer: number): void => {
    degree[node] = (degree[node] ?? 0) + 1;
    if (attacker[peer]) attackers[node] = (attackers[node] ?? 0) + 1;
  };
  for (const [a, b] of edges) {
    meet(a, b);
    meet(b, a);
  }
  const honest = componentsOf(
    attacker.map((is) => !is),
    edges,
  );
  const open = new Set<number>();
  const touched = new Set<number>();
  honest.forEach((component, node) => {
    if (!victim[node]) open.add(component);
    if ((attackers[node] ?? 0) > 0) touched.add(component);
  });
  return {
    degree,
    attackers,
    enclosed: honest.map(
      (component) => component >= 0 && !open.has(component) && touched.has(component),
    ),
  };
}
