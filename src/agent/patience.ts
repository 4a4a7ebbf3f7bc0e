// Puts off what may wait, so that what comes one after the other is done together.
import { systemClock } from '../runtime/clock.ts';

export type Patience = {
  /** So long after the last one. */
  readonly quietMs: number;
  /** So long after the first one, though more may come. */
  readonly mostMs: number;
};

type Network = {
  /** On this host. */
  readonly pods: number;
  /** A fault is on or to come. */
  readonly isUrgent: boolean;
  /** Some of them wait at their gates, for their turn or for their rules. */
  readonly isGrowing: boolean;
};

/**
 * How long a pod that runs may wait to hear of other nodes. While a network grows, everybody hears
 * of newcomers, and a change of a pod takes some 25 ms of a processor. Newcomers dial who runs, and
 * over TCP are answered by who has not heard of them (closed-egress.ts): so it hears of them when
 * nobody waits at a gate any more, which is before time 0. Whoever is not heard of is not held back
 * by a fault, so these hurry it.
 */
export function patienceWithNews({ pods, isUrgent, isGrowing }: Network): Patience {
  const quietMs = isUrgent ? 250 : Math.min(2_000, 250 + pods * 20);
  const mostMs = Math.max(quietMs, isUrgent ? pods * 20 : Math.min(60_000, pods * 300));
  return { quietMs: isGrowing && !isUrgent ? mostMs : quietMs, mostMs };
}

export interface Postponed {
  /** Once more: it is done later, together with what waits already. */
  later(): void;
  /** The patience may have changed for what waits. */
  reconsider(): void;
  /** Nothing waits any more. */
  cancel(): void;
}

export function postpone(task: () => void, patience: () => Patience): Postponed {
  let waiting: { readonly first: number; readonly last: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const run = () => {
    waiting = undefined;
    task();
  };
  const reconsider = () => {
    if (waiting === undefined) return;
    clearTimeout(timer);
    const { quietMs, mostMs } = patience();
    const at = Math.min(waiting.last + quietMs, waiting.first + mostMs);
    timer = setTimeout(run, Math.max(0, at - systemClock.now()));
  };
  return {
    reconsider,
    cancel: () => {
      clearTimeout(timer);
      waiting = undefined;
    },
    later: () => {
      const now = systemClock.now();
      waiting = { first: waiting?.first ?? now, last: now };
      reconsider();
    },
  };
}
