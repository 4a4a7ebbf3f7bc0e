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
  /** Nothing waits any more. */
  cancel(): void;
}

export function postpone(task: () => void, patience: () => Patience): Postponed {
  let waiting: { readonly since: number; readonly timer: NodeJS.Timeout } | undefined;
  const cancel = () => {
    clearTimeout(waiting?.timer);
    waiting = undefined;
  };
  return {
    cancel,
    later: () => {
      const now = systemClock.now();
      const { quietMs, mostMs } = patience();
      const { since } = waiting ?? { since: now };
      cancel();
      const run = () => {
        waiting = undefined;
        task();
      };
      const at = Math.min(now + quietMs, since + mostMs);
      const timer = setTimeout(run, Math.max(0, at - now));
      waiting = { since, timer };
    },
  };
}
