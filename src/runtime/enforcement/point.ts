// What an enforcer is told of the place where it acts.
import type { Addresses } from '../../faults/addresses.ts';
import type { Place } from '../../faults/place.ts';
import type { NodeName } from '../../names.ts';
import type { Ahead } from './ahead.ts';
import type { Tool } from './kernel-state.ts';

/** Where rules are put in force, and how. */
export type EnforcementPoint = {
  readonly place: Place;
  readonly tool: Tool;
  readonly addresses: () => Addresses;
  /** Of the port of a node. */
  readonly deviceOf: (node: NodeName) => string;
  /** Text for the next transaction that is not of faults; `done` when the kernel has taken it. */
  readonly extra?: { pending(): string; done(): void };
  /** Numbers of faults, the same for the whole run; may grow. Default: as they come. */
  readonly faultIds?: ReadonlyMap<string, number>;
  readonly counterAgeMs?: number;
  /** What can be done of a change before its moment. */
  readonly ahead?: Ahead;
};
