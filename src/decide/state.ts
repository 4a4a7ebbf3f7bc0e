// The state of a run: small plain JSON, all that a restarted supervisor needs. Stored (stored.ts)
// it is at most 64 KiB, whatever the spec.

export type Status = 'pending' | 'passed' | 'failed' | 'error';

/** Why a claim did not pass. */
export type Reason =
  /** A sample broke it. */
  | 'violated'
  /** It never held for long enough in its window. */
  | 'not-reached'
  /** Nobody reported the metric in its window. */
  | 'never-observed'
  /** A selected node that should be up did not answer in three samples running. */
  | 'silent'
  /** Log lines: too many or too few. */
  | 'count'
  /** spec.duration ended the run before it settled. */
  | 'unsettled'
  /** Error: too long without samples. */
  | 'unobserved'
  /** Error: its fault never was in force, or never over. */
  | 'no-window'
  /** Error: the run was ended before it settled. */
  | 'aborted';

/** Times are epoch milliseconds. */
export type FaultState = {
  /** Planned, absolute; a fault that became known later starts then. */
  readonly start: number;
  readonly end?: number;
  /** Seen in force / gone. A node fault is in force once it has been asked for. */
  readonly enforced?: number;
  readonly healed?: number;
  /** When the world showed it on every target; of a fault of the network: that it is gone. */
  readonly seen?: number;
  /** It did not show, or did not go, for so long that it was given up: unproved and over. */
  readonly lost?: true;
  /** Absent until judged. */
  readonly proof?: 'proved' | 'unproved' | 'inconclusive';
};

export type ExpectationState = {
  readonly verdict: Status;
  /** Milliseconds from time 0 at which it settled. */
  readonly at?: number;
  /** Since when it has held without a break (milliseconds from time 0). */
  readonly since?: number;
  /** Samples that counted. */
  readonly samples: number;
  /** The most unfavourable value and the latest one. */
  readonly worst?: number;
  readonly last?: number;
  /** The most favourable value; only of claims that need to hold once. */
  readonly best?: number;
  /** When `best` was seen, or `worst` where there is no best (milliseconds from time 0). */
  readonly extremeAt?: number;
  /** The node of that value, or the one that kept silent; not with an aggregate. */
  readonly node?: string;
  readonly reason?: Reason;
};

export type RunState = {
  readonly planHash: string;
  /** Epoch milliseconds of time 0; absent while starting. */
  readonly t0?: number;
  /** Index of the newest wave that was started. */
  readonly wave: number;
  /** Raised with each change of the scheduled effects. */
  readonly generation: number;
  /** What ends it: all that the plan declares is settled, its duration, or only the user. */
  readonly endsWhen: 'settled' | 'duration' | 'stopped';
  /** Packets that had passed for want of a lease at the newest look. */
  readonly lapsed?: number;
  readonly faults: Readonly<Record<string, FaultState>>;
  readonly expectations: Readonly<Record<string, ExpectationState>>;
  /** Milliseconds from time 0 of the newest sample that was judged. */
  readonly lastSample?: number;
  /** Why the run is over or void, first cause of each exit status. */
  readonly problems: readonly {
    readonly code: string;
    readonly exit: number;
    readonly message: string;
  }[];
  /** Set once, when everything is settled. */
  readonly ended?: { readonly at: number; readonly exit: number };
};
