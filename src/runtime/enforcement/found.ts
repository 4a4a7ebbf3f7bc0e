// What the kernel holds of ours when an enforcer begins, or when it has been meddled with: rules of
// an earlier process go on until the first change puts new ones beside them, points the hooks at
// those, and deletes the old, all at once; counters are kept.
import { skeleton } from '../../faults/compile.ts';
import type { Place } from '../../faults/place.ts';
import { classesIn, hasSkeleton, leftovers } from '../../faults/readback.ts';
import { type Minors, type TcClass, tableName } from '../../faults/ruleset.ts';
import type { NodeName } from '../../names.ts';
import { output, type Tool } from './kernel-state.ts';

export type Found = {
  /** There was nothing of ours: all counters are zero. */
  readonly untouched: boolean;
  /** Makes our table, or makes it anew; to be run with the first change. */
  readonly prelude: string;
  /** Deletes earlier generations; to be run with the first change. */
  readonly leftovers: string;
  /** Numbers above it are free. */
  readonly generation: number;
  readonly minors: Minors;
  readonly classes: readonly TcClass[];
};

export function nothingFound(place: Place): Found {
  const prelude = skeleton(place);
  return {
    untouched: true,
    prelude,
    leftovers: '',
    generation: 0,
    minors: new Map(),
    classes: [],
  };
}

export type Looking = {
  readonly place: Place;
  readonly tool: Tool;
  readonly deviceOf: (node: NodeName) => string;
};

export async function lookAround({ place, tool, deviceOf }: Looking): Promise<Found> {
  const listing = await tool('nft', ['list', 'table', 'inet', tableName]);
  if (!listing.ok) return nothingFound(place);
  const { last, remove } = leftovers(listing.stdout);
  const show = (node: NodeName) => output(tool, 'tc', ['class', 'show', 'dev', deviceOf(node)]);
  const classes = place.kind === 'pod' ? classesIn(await show(place.node), place.node) : [];
  // What they are made of is not known, so no content may get their numbers.
  const taken = Math.max(0, ...classes.map(({ minor }) => minor));
  // A table of another version is replaced in the transaction of the first change.
  const sound = hasSkeleton(listing.stdout, place);
  return {
    untouched: false,
    prelude: sound ? '' : `delete table inet ${tableName}\n${skeleton(place)}`,
    leftovers: sound ? remove : '',
    generation: last,
    minors: taken === 0 ? new Map() : new Map([['inherited', taken]]),
    classes,
  };
}
