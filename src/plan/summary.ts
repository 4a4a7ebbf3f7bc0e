// A plan in a few lines, for people.
import { formatDuration } from '../quantities/quantities.ts';
import type { Plan, PlannedFault } from './plan.ts';
import type { GraphStatistics } from './statistics.ts';

/** What no fault touches. */
export const exemptions: readonly string[] = [
  'loopback: what a node says to itself',
  'observation: what Peerstorm asks of nodes, their metrics, and the gateway',
  'DNS',
];

export function planSummary(plan: Plan, graph: GraphStatistics): readonly string[] {
  const { addressing, regions } = plan;
  return [
    `${plan.testnet}: ${count(graph.nodes, 'node')}, protocol ${plan.protocol}, ` +
      `randomSeed ${plan.randomSeed}, plan ${plan.hash.slice(0, 12)}`,
    `groups: ${groupsOf(plan).join(', ')}`,
    ...(regions.length === 0 ? [] : [`regions: ${regionsOf(plan).join(', ')}`]),
    `addresses: ${addressing.pool}, ${count(addressing.netgroups, 'netgroup')}`,
    `graph: ${graphOf(graph)}`,
    `waves: ${plan.waves.map(({ length }) => length).join(' + ')}`,
    ...(plan.faults.length === 0 ? ['faults: none'] : ['faults:', ...timelineOf(plan.faults)]),
    ...(plan.durationMs === undefined ? [] : [`end: ${formatDuration(plan.durationMs)}`]),
    `exempt from faults: ${exemptions.join('; ')}`,
  ];
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function groupsOf({ groups, nodes }: Plan): string[] {
  const sizes = tally(nodes.map(({ group }) => group));
  return groups.map(({ name, kind, role, bootstrap }) => {
    const traits = [kind, ...(role === 'full' ? [] : [role]), ...(bootstrap ? ['bootstrap'] : [])];
    return `${name} ${sizes.get(name) ?? 0} (${traits.join(', ')})`;
  });
}

function regionsOf({ regions, nodes }: Plan): string[] {
  const sizes = tally(nodes.map(({ region }) => region));
  return regions.map((name) => `${name} ${sizes.get(name) ?? 0}`);
}

function tally(names: readonly string[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const name of names) sizes.set(name, (sizes.get(name) ?? 0) + 1);
  return sizes;
}

function graphOf({ nodes, edges, degree, components, distance, clustering }: GraphStatistics) {
  const sampled = distance.from < nodes;
  return [
    count(edges, 'edge'),
    `degree ${degree.min} to ${degree.max} (mean ${degree.mean})`,
    count(components, 'component'),
    `diameter ${sampled ? 'at least ' : ''}${distance.diameter}`,
    `mean distance ${distance.mean}`,
    `clustering ${clustering.mean}`,
    ...(sampled ? [`(distances from ${distance.from} sampled nodes)`] : []),
    ...(clustering.of < nodes ? [`(clustering of ${clustering.of} sampled nodes)`] : []),
  ].join(', ');
}

function timelineOf(faults: readonly PlannedFault[]): string[] {
  return faults
    .toSorted((a, b) => a.startMs - b.startMs)
    .map(({ name, kind, startMs, endMs, nodes }) => {
      const length = endMs === undefined ? '' : ` for ${formatDuration(endMs - startMs)}`;
      const targets = nodes === undefined ? '' : ` (${nodes.targets.join(', ')})`;
      return `  ${formatDuration(startMs)}${length}: ${kind} ${name}${targets}`;
    });
}
