// What the compiler hands to an enforcement point: nft text and tc classes, as data.
import type { NodeName } from '../names.ts';
import type { Shape } from './effect.ts';

/** An htb class with its leaf. */
export type TcClass = {
  /** In a fabric, the router's side of this receiver's veth; in a pod, the sender's own device. */
  readonly port: NodeName;
  /** Minor under the root handle, 2 to 65534. Named by content: never changed, only added. */
  readonly minor: number;
  readonly shape: Omit<Shape, 'lossRatio' | 'reorder'>;
  /** Class that it borrows from (a rate shared by prompt and late packets); default: the root. */
  readonly parent?: number;
  /** Has children instead of a leaf qdisc. */
  readonly inner?: true;
};

/** Content of a class -> its minor. Grows over a run: a content never changes its number. */
export type Minors = ReadonlyMap<string, number>;

export type Ruleset = {
  readonly generation: number;
  /** Transactions that only add, to be run in order; nothing refers to them yet. May be none. */
  readonly load: readonly string[];
  /** One small transaction: from here on generation is in force. Empty if it says nothing new. */
  readonly flip: string;
  /**
   * Has the effect of the flip, which must follow. It deletes nothing: a process of nft ends only
   * when the kernel has freed what it deleted, tens of milliseconds after that took effect.
   */
  readonly overlay: string;
  /** Deletes what only `previous` used; run after the flip. */
  readonly retire: string;
  readonly classes: readonly TcClass[];
  readonly minors: Minors;
  /** Names of the counters of each fault in force. */
  readonly counters: Readonly<
    Record<string, { readonly matched: string; readonly dropped: string }>
  >;
  /** What the layers are, each kept from generation to generation as long as it says the same. */
  readonly base: Loaded;
  readonly faults: Loaded;
};

/** A layer in the kernel. */
export type Loaded = {
  /** Its names begin with `b` (base) or `g` (faults) and this. */
  readonly number: number;
  readonly load: readonly string[];
  readonly remove: string;
};

/** Root qdisc handle of ours, `tc` notation (hexadecimal major). */
export const rootHandle = '5053';
/** Our nft table, family inet. */
export const tableName = 'peerstorm';
