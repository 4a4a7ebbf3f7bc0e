// How fast, and how many at once: a token bucket as client-go has it, and slots. First come, first
// served; who waits for its turn may be aborted.
import type { Clock } from '../clock.ts';

export interface Bucket {
  /** Milliseconds until the next may go; taken at once. */
  reserve(): number;
}

/** `burst` at once after a pause, `perSecond` in the long run. */
export function createBucket(perSecond: number, burst: number, clock: Clock): Bucket {
  let tokens = burst;
  let at = clock.now();
  return {
    reserve: () => {
      const now = clock.now();
      tokens = Math.min(burst, tokens + ((now - at) * perSecond) / 1000) - 1;
      at = now;
      // Below zero are those who wait already: each in its turn.
      return tokens >= 0 ? 0 : (-tokens * 1000) / perSecond;
    },
  };
}

export interface Slots {
  /** Resolves with what gives the slot back. Fails with the signal's reason. */
  take(signal: AbortSignal | undefined): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting = new Set<() => void>();
  const give = () => {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else {
      waiting.delete(next);
      next();
    }
  };
  const take = async (signal: AbortSignal | undefined) => {
    signal?.throwIfAborted();
    if (free > 0) free -= 1;
    else await turn(waiting, signal);
    let given = false;
    return () => {
      if (!given) give();
      given = true;
    };
  };
  return { take };
}

async function turn(waiting: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = () => {
    if (waiting.delete(resolve)) reject(signal?.reason);
  };
  waiting.add(resolve);
  signal?.addEventListener('abort', leave, { once: true });
  await promise.finally(() => signal?.removeEventListener('abort', leave));
}
