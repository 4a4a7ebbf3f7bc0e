// What happens in a run, as lines for the timeline and for whoever watches.
import type { Clock } from '../runtime/clock.ts';
import type { Status, TimelineEvent } from '../session/session.ts';
import type { Journal } from './journal.ts';
import type { Running } from './run.ts';
import { statusOf } from './views.ts';

export type Watched = { readonly status?: Status; readonly event?: TimelineEvent };

export interface EventLog {
  note(event: string, message: string, details?: Readonly<Record<string, unknown>>): void;
  /** Events that decide has made. */
  follow(events: readonly TimelineEvent[]): void;
  /** Shows the status to those who watch, at most once a second. */
  publish(running: Running): void;
  /** From the n-th of those that are kept (the newest 10,000 and more) on. */
  past(from: number): readonly TimelineEvent[];
  /** Everything so far, at most the newest 10,000; then what comes, until the signal is aborted. */
  watch(signal: AbortSignal): AsyncIterable<Watched>;
}

const statusEveryMs = 1_000;
/** A watcher who does not read loses what is newer than that many items. */
const queuedMax = 10_000;
/** Events that are kept for those who begin to watch; all are in the journal. */
const keptMax = 10_000;

type Watcher = (item: Watched) => void;

export function createEventLog(options: {
  readonly journal: Pick<Journal, 'event'>;
  readonly clock: Clock;
  readonly timeZero: () => number | undefined;
  /** Of a run that goes on. */
  readonly past?: readonly TimelineEvent[];
}): EventLog {
  const { journal, clock, timeZero } = options;
  const past: TimelineEvent[] = [...(options.past ?? [])];
  const watchers = new Set<Watcher>();
  let latest: Status | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  const show = (item: Watched) => {
    for (const watcher of watchers) watcher(item);
  };
  const add = (event: TimelineEvent) => {
    journal.event(event);
    past.push(event);
    // Seldom, since it moves all that stay.
    if (past.length > 2 * keptMax) past.splice(0, past.length - keptMax);
    show({ event });
  };
  return {
    note: (event, message, details = {}) => {
      const now = clock.now();
      const zero = timeZero();
      const t = zero === undefined ? {} : { t: Math.round(now - zero) / 1000 };
      add({ at: new Date(now).toISOString(), ...t, event, message, ...details });
    },
    follow: (events) => {
      for (const event of events) add(event);
    },
    publish: (running) => {
      const now = clock.now();
      const moved = latest?.phase !== running.phase;
      if (!moved && now - shownAt < statusEveryMs) return;
      shownAt = now;
      latest = statusOf(running);
      show({ status: latest });
    },
    past: (from) => past.slice(from),
    watch: async function* (signal) {
      const queue: Watched[] = past.slice(-keptMax).map((event) => ({ event }));
      if (latest) queue.push({ status: latest });
      yield* itemsOf(queue, watchers, signal);
    },
  };
}

/** When the signal is aborted, what has come by then is still given. */
async function* itemsOf(
  queue: Watched[],
  watchers: Set<Watcher>,
  signal: AbortSignal,
): AsyncIterable<Watched> {
  let wake = () => {};
  const watcher = (item: Watched) => {
    if (queue.length < queuedMax) queue.push(item);
    wake();
  };
  const stop = () => wake();
  watchers.add(watcher);
  signal.addEventListener('abort', stop, { once: true });
  try {
    while (true) {
      for (let item = queue.shift(); item; item = queue.shift()) yield item;
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    watchers.delete(watcher);
    signal.removeEventListener('abort', stop);
  }
}
