// What decide is told at each tick, and what it passes to its parts.
import type { NodeName } from '../names.ts';
import type { Sample } from '../network/sample.ts';
import type { Plan } from '../plan/plan.ts';
import type { World } from '../runtime/runtime.ts';
import type { FaultState } from './state.ts';

export type Proof = {
  readonly outcome: NonNullable<FaultState['proof']>;
  readonly note?: string;
};

/** Ends the run now; exit 0 is a wanted end (`down` of a testnet that nothing else ends). */
export type Stop = { readonly code: string; readonly exit: number; readonly message: string };

export type Observed = {
  readonly world: World;
  /** The newest one; the same sample given twice is judged once. None counts before time 0. */
  readonly sample?: Sample;
  /** Nodes whose *present* incarnation is ready; after time 0 that never needs a peer. */
  readonly ready: ReadonlySet<NodeName>;
  /** Before time 0: nodes that have not answered since all were ready. Default: none. */
  readonly unheard?: readonly NodeName[];
  /** Lines that matched, by the name of the log expectation. */
  readonly logCounts: Readonly<Record<string, number>>;
  /** By fault. `unproved` counts at once, the others when the fault is over and not pending. */
  readonly proofs: Readonly<Record<string, Proof>>;
  /** Faults whose probes still run. */
  readonly proofsPending?: ReadonlySet<string>;
  readonly stop?: Stop;
  /** Guards that make the run void, one sentence each. */
  readonly voids: readonly string[];
  readonly failFast: boolean;
  /** The nodes stay after the end. */
  readonly keep: boolean;
  /** News may come so late, and so long a gap of samples is borne; default: 10 s of samples. */
  readonly contactLossMs?: number;
};

/** One tick; `now` is epoch milliseconds, whole. */
export type Moment = {
  readonly plan: Plan;
  readonly observed: Observed;
  readonly now: number;
};

/** As much of it as says which nodes are up. */
export type NodeMoment = Omit<Moment, 'observed'> & {
  readonly observed: Pick<Observed, 'world' | 'ready'>;
};
