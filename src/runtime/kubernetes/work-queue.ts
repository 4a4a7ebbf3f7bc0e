// A queue of keys, as client-go has it: what is to be done is looked up when it is done, so a key
// that was added a hundred times is worked once. Guarantees: no two workers have the same key; a
// key added while it is worked is worked again; none is lost. A key whose work fails comes back
// after 5 ms, 10 ms, ... up to 1000 s, and all that failed together at most ten times a second.
import type { Clock } from '../clock.ts';
import type { QueueMetrics } from './metrics.ts';
import { createBucket } from './pace.ts';

export interface WorkQueue {
  add(key: string): void;
  /** Not before that; of two such times the earlier holds. */
  addAfter(key: string, ms: number): void;
  /** Its work failed: later each time. */
  retry(key: string): void;
  /** Its work went well: the next failure is the first again. */
  forget(key: string): void;
  /** Waits for a key; undefined when the queue is closed. The worker says `done` afterwards. */
  next(): Promise<string | undefined>;
  done(key: string): void;
  /** Nothing comes out any more, and nobody waits. */
  close(): void;
}

export type WorkQueueOptions = {
  readonly clock: Clock;
  readonly metrics?: QueueMetrics;
  readonly backoffMs?: readonly [first: number, longest: number];
  /** Of retries, all keys together. */
  readonly retriesPerSecond?: number;
  readonly retryBurst?: number;
};

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, metrics, backoffMs = [5, 1_000_000] } = options;
  const { retriesPerSecond = 10, retryBurst = 100 } = options;
  const state: State = {
    clock,
    metrics,
    ready: new Map(),
    again: new Set(),
    inWork: new Map(),
    waiting: [],
    later: new Map(),
    closed: false,
  };
  const bucket = createBucket(retriesPerSecond, retryBurst, clock);
  const failures = new Map<string, number>();
  metrics?.show(() => ({
    depth: state.ready.size,
    inWork: [...state.inWork.values()].map((since) => (clock.now() - since) / 1000),
  }));
  return {
    add: (key) => add(state, key),
    addAfter: (key, ms) => addLater(state, key, ms),
    retry: (key) => {
      const before = failures.get(key) ?? 0;
      failures.set(key, before + 1);
      metrics?.retried();
      const own = Math.min(backoffMs[1], backoffMs[0] * 2 ** Math.min(40, before));
      addLater(state, key, Math.max(own, bucket.reserve()));
    },
    forget: (key) => void failures.delete(key),
    next: () => next(state),
    done: (key) => done(state, key),
    close: () => close(state),
  };
}

type State = {
  readonly clock: Clock;
  readonly metrics: QueueMetrics | undefined;
  /** Keys that nobody works, in order, and since when. */
  readonly ready: Map<string, number>;
  /** Keys in work that were added meanwhile. */
  readonly again: Set<string>;
  readonly inWork: Map<string, number>;
  /** Workers without a key. */
  readonly waiting: ((key: string | undefined) => void)[];
  readonly later: Map<string, { readonly at: number; readonly timer: AbortController }>;
  closed: boolean;
};

function add(state: State, key: string): void {
  if (state.closed || state.ready.has(key) || state.again.has(key)) return;
  state.metrics?.added();
  if (state.inWork.has(key)) state.again.add(key);
  else {
    state.ready.set(key, state.clock.now());
    hand(state);
  }
}

function addLater(state: State, key: string, ms: number): void {
  const { clock, later } = state;
  if (state.closed) return;
  if (ms <= 0) return add(state, key);
  const at = clock.now() + ms;
  const known = later.get(key);
  if (known !== undefined && known.at <= at) return;
  known?.timer.abort();
  const timer = new AbortController();
  later.set(key, { at, timer });
  void clock.sleep(ms, timer.signal).then(() => {
    if (timer.signal.aborted) return;
    later.delete(key);
    add(state, key);
  });
}

function next(state: State): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  if (state.closed) resolve(undefined);
  else {
    state.waiting.push(resolve);
    hand(state);
  }
  return promise;
}

/** Gives the oldest key to the worker that waited longest. */
function hand({ ready, waiting, inWork, clock, metrics }: State): void {
  const [first] = ready;
  if (first === undefined) return;
  const worker = waiting.shift();
  if (worker === undefined) return;
  const [key, since] = first;
  ready.delete(key);
  inWork.set(key, clock.now());
  metrics?.started((clock.now() - since) / 1000);
  worker(key);
}

function done(state: State, key: string): void {
  const since = state.inWork.get(key);
  if (since === undefined) throw new TypeError(`nobody works ${key}`);
  state.inWork.delete(key);
  state.metrics?.worked((state.clock.now() - since) / 1000);
  if (!state.again.delete(key) || state.closed) return;
  state.ready.set(key, state.clock.now());
  hand(state);
}

function close(state: State): void {
  state.closed = true;
  state.ready.clear();
  for (const { timer } of state.later.values()) timer.abort();
  state.later.clear();
  for (const worker of state.waiting.splice(0)) worker(undefined);
}
