// Sets of nodes as they are written for the agents: `full 0-19`, `miner 3`. A set of thousands of
// nodes is a few words, and does not depend on which pods there are.
import { groupOfNode, type NodeName, nodeName } from '../../names.ts';

/** More than a testnet can have: what claims to be larger was not written by us. */
const mostNodes = 100_000;

/** Groups by name, each in ranges of indices; a name that comes twice counts once. */
export function packNodes(nodes: readonly NodeName[]): readonly string[] {
  const groups = Map.groupBy(new Set(nodes), groupOfNode);
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([group, members]) => {
      const indices = members.map((node) => Number(node.slice(group.length + 1)));
      return rangesOf(indices.toSorted((a, b) => a - b)).map(([first, last]) =>
        first === last ? `${group} ${first}` : `${group} ${first}-${last}`,
      );
    });
}

export function unpackNodes(ranges: readonly string[]): readonly NodeName[] {
  return ranges.flatMap((range) => {
    const match = /^([a-z][a-z0-9-]*) (\d+)(?:-(\d+))?$/.exec(range);
    if (match === null) throw new TypeError(`"${range}" is not a range of nodes`);
    const [, group = '', from, to = from] = match;
    const [first, last] = [Number(from), Number(to)];
    if (last < first || last - first >= mostNodes) throw new TypeError(`"${range}" is no range`);
    return Array.from({ length: last - first + 1 }, (_, at) => nodeName(group, first + at));
  });
}

function rangesOf(sorted: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (const index of sorted) {
    const open = ranges.at(-1);
    if (open !== undefined && index === open[1] + 1) open[1] = index;
    else ranges.push([index, index]);
  }
  return ranges;
}
