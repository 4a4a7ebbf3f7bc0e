// The dead man's switch: the kernel lets faults act only while a set has an element, and the
// element has a timeout. As long as the enforcer lives it renews it; with everything of ours dead,
// all faults end together, in the kernel, at the lease's end or one second after the next planned
// end, whichever comes first. The base layer stays.

import { renewLease } from '../../faults/compile.ts';
import type { ScheduledEffect } from '../../faults/effect.ts';
import type { Place } from '../../faults/place.ts';
import { systemClock } from '../clock.ts';

const graceMs = 1_000;

/**
 * How long from now the faults in force may go on by themselves, in seconds. Zero: a planned end
 * is overdue by more than the grace, so the lease must run out.
 */
export function leaseFor(
  leaseSeconds: number,
  { ends, now }: { readonly ends: readonly number[]; readonly now: number },
): number {
  const untilEnd = Math.min(...ends) - now + graceMs;
  return Math.max(0, Math.min(leaseSeconds, untilEnd / 1_000));
}

/** Between two renewals: two may fail before the lease runs out. */
export function heartbeatMs(leaseSeconds: number): number {
  return (leaseSeconds * 1_000) / 3;
}

/** The ends of those effects that act in that place. */
function endsAt(place: Place, effects: readonly ScheduledEffect[]): readonly number[] {
  return effects.flatMap(({ end, from, to }) => {
    if (end === undefined) return [];
    return place.kind === 'fabric' || from.includes(place.node) || to.includes(place.node)
      ? [end]
      : [];
  });
}

/** The effects in force, and how long they may go on by themselves. */
export type Leased = {
  readonly effects: readonly ScheduledEffect[];
  readonly leaseSeconds: number;
};

export type Renewal = {
  /** The statements of nft that make it one from now on. */
  readonly text: string;
  /** Unix ms. */
  readonly until: number;
  /** They are in force. */
  taken(): void;
};

/** The lease of one place: what it covers, and when it is to be renewed. */
export interface Lease {
  /** Unix ms. */
  renewAt(): number;
  /** Unix ms. */
  until(): number;
  /** It is the one to have with these, and not due to be renewed. */
  covers(leased: Leased): boolean;
  renewal(leased: Leased): Renewal;
  /** What is in force is not known. */
  lost(): void;
}

/**
 * Without a fault in force nothing depends on it, and of a hundred pods each heartbeat is a process
 * that reads their rules: theirs is longer then. The first fault makes it short.
 */
const calmPod = 5;

export function leaseOf(place: Place): Lease {
  // Of many in one process, not all renew at the same instant.
  const phase = place.kind === 'pod' ? 0.75 + Math.random() / 4 : 1;
  const endsOf = ({ effects }: Leased) => endsAt(place, effects);
  const isCalm = ({ effects }: Leased) => place.kind === 'pod' && effects.length === 0;
  const lengthOf = (leased: Leased) => leased.leaseSeconds * (isCalm(leased) ? calmPod : 1);
  const keyOf = (leased: Leased) => [isCalm(leased), leased.leaseSeconds, ...endsOf(leased)].join();
  let [renewAt, until] = [0, 0];
  /** The ends that the lease in force knows of. */
  let known = '';
  return {
    renewAt: () => renewAt,
    until: () => until,
    covers: (leased) => {
      const now = systemClock.now();
      return now < renewAt && now < until && known === keyOf(leased);
    },
    renewal: (leased) => {
      const now = systemClock.now();
      const length = lengthOf(leased);
      const seconds = leaseFor(length, { ends: endsOf(leased), now });
      const next = { renewAt: now + heartbeatMs(length) * phase, until: now + seconds * 1_000 };
      return {
        text: seconds > 0 ? renewLease(seconds) : '',
        until: next.until,
        taken: () => {
          ({ renewAt, until } = next);
          known = keyOf(leased);
        },
      };
    },
    lost: () => {
      until = 0;
    },
  };
}
