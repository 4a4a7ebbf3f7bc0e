// Faults as values: what a fault does to packets, between sets of nodes. Healing is the empty list.
import type { NodeName } from '../names.ts';

/** What happens to the packets of one directed pair. All parts of `shape` are optional. */
export type Impairment =
  | { readonly kind: 'drop' }
  | { readonly kind: 'reject' }
  | ({ readonly kind: 'shape' } & Shape);

export type Shape = {
  /** Independent loss, 0 to 1. */
  readonly lossRatio?: number;
  /** Gilbert-Elliott: chances per packet to enter and leave the lossy state, and its loss. */
  readonly burst?: {
    readonly enterRatio: number;
    readonly leaveRatio: number;
    readonly lossRatio: number;
  };
  /** One way. */
  readonly delayMs?: number;
  /** Sigma of a normal distribution. */
  readonly jitterMs?: number;
  /** Per ordered pair of nodes. */
  readonly rateBitsPerSecond?: number;
  readonly duplicateRatio?: number;
  readonly corruptRatio?: number;
  /** `shareRatio` of the packets get `byMs` more delay. */
  readonly reorder?: { readonly shareRatio: number; readonly byMs: number };
};

/** An impairment on every ordered pair (f, t), f in `from`, t in `to`, f !== t. */
export type PlacedEffect = {
  /** The fault that causes it; `''` for region links, which are the base layer. */
  readonly fault: string;
  readonly from: readonly NodeName[];
  readonly to: readonly NodeName[];
  readonly impairment: Impairment;
};

/** In force from `start` until `end`, both in epoch milliseconds; without an end until cleared. */
export type ScheduledEffect = PlacedEffect & { readonly start: number; readonly end?: number };
