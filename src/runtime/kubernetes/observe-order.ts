// Who asks the nodes of a testnet how they are: up to a number of nodes the controller asks each,
// above it the agents ask their own, and the controller reads one answer from each host. Nodes that
// are asked with a password stay with the controller, which alone knows it. Pure.
import type { KindTable } from '../../kinds/kind.ts';
import type { Plan } from '../../plan/plan.ts';
import type { ObserveOrder } from './objects.ts';

/** Every agent reads it: a config beyond that is left to the controller. */
const mostConfig = 16_384;

/** What agents are to ask; undefined: nothing. */
export function observeOrder(
  { nodes, groups, sampleIntervalMs }: Plan,
  kinds: KindTable,
  above: number,
): ObserveOrder | undefined {
  if (nodes.length <= above) return undefined;
  const asked = groups
    .filter(({ kind }) => kinds.get(kind)?.needsPassword !== true)
    .map(({ name, kind, config }) => ({ name, kind, config: JSON.stringify(config) }))
    .filter(({ config }) => config.length <= mostConfig);
  return asked.length === 0 ? undefined : { everyMs: sampleIntervalMs, groups: asked };
}
