// Writes something again and again, one write at a time: whatever is asked while one is under way
// is in the next. A write that fails is repeated until it succeeds; nobody is told of it but those
// who wait, for as long as they care to.
import type { Clock } from '../runtime/clock.ts';

export interface Writer {
  ask(): void;
  /** Everything asked until now is written, or the writer has been stopped. */
  settled(): Promise<void>;
}

const firstRetryMs = 500;
const longestRetryMs = 10_000;

export function createWriter(
  write: () => Promise<void>,
  { clock, onFailure }: { readonly clock: Clock; readonly onFailure: (error: unknown) => void },
  signal: AbortSignal,
): Writer {
  let asked = 0;
  let written = 0;
  let work: Promise<void> | undefined;
  const run = async () => {
    let retryMs = firstRetryMs;
    while (written < asked && !signal.aborted) {
      const now = asked;
      try {
        await write();
        written = now;
        retryMs = firstRetryMs;
      } catch (error) {
        onFailure(error);
        await clock.sleep(retryMs, signal);
        retryMs = Math.min(longestRetryMs, retryMs * 2);
      }
    }
    work = undefined;
  };
  return {
    ask: () => {
      asked += 1;
      work ??= run();
    },
    settled: async () => {
      await work;
    },
  };
}
