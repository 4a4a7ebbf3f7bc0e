// Which node sits in which region. Nodes of a group take regions one after the other by the method
// of Sainte-Lague: index i goes where weight / (2 x nodes there + 1) is largest. Unlike rounding
// all shares at once (largest remainder), a node more never moves the others.
import { quantity } from '../quantities/quantities.ts';
import { error, type Path } from '../spec/problems.ts';
import type { Group } from '../spec/schema.ts';
import { type Report, unknownName } from './problem.ts';

/** The region of each node of the group by index; '' for all without regions. */
export function regionsOf(
  group: Group,
  regions: readonly string[],
  { path, report }: { readonly path: Path; readonly report: Report },
): readonly string[] {
  const declared = group.regions;
  if (regions.length === 0 && declared === undefined) return nowhere(group.count);
  const weights =
    declared === undefined ? undefined : weightsOf(declared, regions, { path, report });
  if (declared !== undefined && weights === undefined) return nowhere(group.count);
  const sequence = apportion(weights ?? regions.map(() => 1), group.count);
  const used = new Set(sequence);
  for (const name of Object.keys(declared ?? {})) {
    if (used.has(regions.indexOf(name))) continue;
    const message = `gets none of ${group.count} nodes; raise count, or leave the region out`;
    report(error([...path, 'regions', name], message));
  }
  return sequence.map((at) => regions[at] ?? '');
}

function nowhere(count: number): readonly string[] {
  return Array.from({ length: count }, () => '');
}

/** Weights in the order of `regions`, 0 where the group declares none; undefined with problems. */
function weightsOf(
  declared: NonNullable<Group['regions']>,
  regions: readonly string[],
  { path, report }: { readonly path: Path; readonly report: Report },
): readonly number[] | undefined {
  const strangers = Object.keys(declared).filter((name) => !regions.includes(name));
  for (const name of strangers) {
    report(error([...path, 'regions', name], unknownName('region', name, regions)));
  }
  if (strangers.length > 0) return undefined;
  // Whole numbers, so that ties are ties.
  return regions.map((name) => {
    const value = declared[name];
    if (value === undefined) return 0;
    return typeof value === 'number' ? value : Math.round(quantity('ratio', value) * 1e9);
  });
}

/** Positions in `weights`, one per index; ties go to the first. */
export function apportion(weights: readonly number[], count: number): readonly number[] {
  const taken = weights.map(() => 0);
  return Array.from({ length: count }, () => {
    let best = 0;
    for (const [at, weight] of weights.entries()) {
      const divisor = 2 * (taken[at] ?? 0) + 1;
      const bestDivisor = 2 * (taken[best] ?? 0) + 1;
      if (weight * bestDivisor > (weights[best] ?? 0) * divisor) best = at;
    }
    taken[best] = (taken[best] ?? 0) + 1;
    return best;
  });
}
