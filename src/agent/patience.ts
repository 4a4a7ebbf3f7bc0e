// Puts off what may wait, so that what comes one after the other is done together.
import { systemClock } from '../runtime/clock.ts';

export type Patience = {
  /** So long after the last one. */
  readonly quietMs: number;
  /** So long after the first one, though more may come. */
  readonly mostMs: number;
};

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
