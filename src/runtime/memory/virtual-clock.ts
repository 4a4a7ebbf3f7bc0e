// Virtual time: nothing waits. When all that can run has run, time jumps to the next timer. Works
// for code that waits for this clock and for promises; for real input and output time must be held.
import type { Clock } from '../clock.ts';

type Timer = { readonly at: number; readonly order: number; readonly fire: () => void };

export interface VirtualClock extends Clock {
  /** Calls back at that moment; returns a function that takes the call back. */
  at(time: number, call: () => void): () => void;
  /** Lets time pass until the promise is settled. Throws when nothing is left to wait for. */
  run<T>(main: Promise<T>): Promise<T>;
  /** Time stands still until this work, of real input and output, is done. */
  hold<T>(work: Promise<T>): Promise<T>;
}

export function virtualClock(start: number): VirtualClock {
  let now = start;
  let order = 0;
  const timers = new Set<Timer>();
  const held = new Set<Promise<unknown>>();
  const at = (time: number, fire: () => void) => {
    const timer = { at: Math.max(time, now), order: order++, fire };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted === true) return resolve();
      const forget = () => {
        cancel();
        resolve();
      };
      const cancel = at(now + Math.max(0, ms), () => {
        signal?.removeEventListener('abort', forget);
        resolve();
      });
      signal?.addEventListener('abort', forget, { once: true });
    });
  const run = async <T>(main: Promise<T>): Promise<T> => {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    main.then(mark, mark);
    while (true) {
      // An immediate runs when all microtasks are done, that is, when everybody waits.
      await new Promise((resolve) => setImmediate(resolve));
      if (settled) return await main;
      if (held.size > 0) {
        await Promise.allSettled(held);
        continue;
      }
      const next = earliest(timers);
      if (next === undefined) throw new Error('virtual time: everybody waits and nothing is due');
      timers.delete(next);
      now = next.at;
      next.fire();
    }
  };
  const hold = async <T>(work: Promise<T>): Promise<T> => {
    held.add(work);
    try {
      return await work;
    } finally {
      held.delete(work);
    }
  };
  return { now: () => now, sleep, at, run, hold };
}

function earliest(timers: ReadonlySet<Timer>): Timer | undefined {
  let first: Timer | undefined;
  for (const timer of timers) {
    if (first === undefined || timer.at < first.at) first = timer;
    else if (timer.at === first.at && timer.order < first.order) first = timer;
  }
  return first;
}
