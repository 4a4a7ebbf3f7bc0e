// What the nodes' chains say together.
import type { Observation } from './observation.ts';
import type { Metrics } from './sample.ts';

/** distinct_tips, chain_forks, agreement_ratio and height_spread, as far as they were observed. */
export function chainMetrics(observations: readonly Observation[]): Metrics {
  const tips = countTips(observations);
  const told = observations.reduce((sum, { tip }) => sum + (tip === undefined ? 0 : 1), 0);
  const heights = observations.flatMap(({ height }) => (height === undefined ? [] : [height]));
  const forks = chainForks(observations);
  return {
    ...(tips.size > 0 && {
      distinct_tips: tips.size,
      agreement_ratio: Math.max(...tips.values()) / told,
    }),
    ...(forks !== undefined && { chain_forks: forks }),
    ...(heights.length > 0 && { height_spread: Math.max(...heights) - Math.min(...heights) }),
  };
}

function countTips(observations: readonly Observation[]): ReadonlyMap<string, number> {
  const tips = new Map<string, number>();
  for (const { tip } of observations) {
    if (tip !== undefined) tips.set(tip, (tips.get(tip) ?? 0) + 1);
  }
  return tips;
}

/**
 * Tips that are no ancestor of another. Kinds tell a limited number of ancestors: a tip that is
 * lower than some other node's list reaches may well be on that chain, and is not called a fork.
 */
function chainForks(observations: readonly Observation[]): number | undefined {
  const heightOf = new Map<string, number | undefined>();
  const ancestors = new Set<string>();
  let reach = Number.NEGATIVE_INFINITY;
  let told = false;
  for (const { tip, height, ancestors: list } of observations) {
    if (tip === undefined) continue;
    heightOf.set(tip, height);
    if (list === undefined) continue;
    told = true;
    const below = list.filter((hash) => hash !== tip);
    for (const hash of below) ancestors.add(hash);
    if (height !== undefined) reach = Math.max(reach, height - below.length);
  }
  if (!told) return undefined;
  const forks = [...heightOf].filter(
    ([tip, height]) => !ancestors.has(tip) && (height === undefined || height >= reach),
  );
  return forks.length;
}
