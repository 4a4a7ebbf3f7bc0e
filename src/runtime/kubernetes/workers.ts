// Workers on a queue of keys: each takes a key, makes the world as it is to be, and says when to
// look again. A failure is no end: it is reported, and the key comes back.
import type { Clock } from '../clock.ts';
import type { ReconcileMetrics } from './metrics.ts';
import type { WorkQueue } from './work-queue.ts';

/** Level-triggered: it gets a key and not an event. May ask to be called again after a time. */
export type Reconcile = (
  key: string,
  signal: AbortSignal,
) => Promise<{ readonly againMs?: number } | undefined | void>;

export type WorkersOptions = {
  readonly count: number;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  /** The key comes back by itself. */
  readonly onError: (key: string, error: unknown) => void;
  readonly metrics?: ReconcileMetrics;
};

/** Resolves when the signal was aborted and all that was in work has ended. */
export async function runWorkers(
  queue: WorkQueue,
  signal: AbortSignal,
  options: WorkersOptions,
): Promise<void> {
  const { count, metrics } = options;
  metrics?.workers(count);
  const close = () => queue.close();
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  await Promise.all(Array.from({ length: count }, () => work(queue, signal, options)));
  signal.removeEventListener('abort', close);
}

async function work(
  queue: WorkQueue,
  signal: AbortSignal,
  { reconcile, clock, onError, metrics }: WorkersOptions,
): Promise<void> {
  for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
    const began = clock.now();
    const seconds = () => (clock.now() - began) / 1000;
    metrics?.began();
    try {
      const againMs = (await reconcile(key, signal))?.againMs;
      queue.forget(key);
      if (againMs !== undefined) queue.addAfter(key, againMs);
      metrics?.ended(againMs === undefined ? 'success' : 'requeue_after', seconds());
    } catch (error) {
      queue.retry(key);
      metrics?.ended('error', seconds());
      onError(key, error);
    } finally {
      queue.done(key);
    }
  }
}
