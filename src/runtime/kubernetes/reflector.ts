// A cache that follows a list: it lists, watches from there, and never ends by itself. A watch
// that is cut goes on where it was; what the server refuses, forgets (410) or stops speaking of is
// listed anew, as is everything every ten minutes. All failures wait for a growing, jittered time
// first, so that a server in trouble is not asked tens of times a second. Listeners hear of each
// object once per version, however often it is listed; what they throw is reported, and stops
// nothing. client-node's informer does none of this reliably: docs/adr says what it does.
import { PeerstormError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Cache, KubernetesObject } from './api.ts';
import { hasCode, statusOf } from './api-errors.ts';
import type { WatchFailure, WatchMetrics } from './metrics.ts';

/** The requests that a cache is made of. */
export interface ListSource<T extends KubernetesObject> {
  list(signal: AbortSignal): Promise<{
    readonly items: readonly T[];
    readonly resourceVersion: string;
  }>;
  /** Lines of JSON, each an event. */
  watch(
    from: { readonly resourceVersion: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<string>>;
}

export type Times = {
  /** The server sends a bookmark about once a minute. */
  readonly inactivityMs: number;
  readonly relistMs: number;
  /** How long a watch is asked for: between the first and the second. */
  readonly watchSeconds: readonly [number, number];
  /** How much longer than that one may take to end. */
  readonly graceMs: number;
  /** First and longest pause after a failure. */
  readonly backoffMs: readonly [number, number];
  /** A watch that ends sooner, without an event, counts as a failure. */
  readonly briefMs: number;
};

/** client-go has 5 to 10 minutes, and 0.8 to 30 s: a run would be blind for that long after it. */
const defaults: Times = {
  inactivityMs: 150_000,
  relistMs: 600_000,
  watchSeconds: [300, 600],
  graceMs: 15_000,
  backoffMs: [800, 10_000],
  briefMs: 1000,
};

export type FollowOptions<T extends KubernetesObject> = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly onProblem: (error: unknown) => void;
  readonly metrics?: WatchMetrics;
  readonly times?: Partial<Times>;
  /** What is kept of an object; default: all. */
  readonly keep?: (object: T) => T;
};

export function followList<T extends KubernetesObject>(
  source: ListSource<T>,
  signal: AbortSignal,
  options: FollowOptions<T>,
): Cache<T> {
  const { clock, metrics } = options;
  const first = Promise.withResolvers<void>();
  // Whoever does not ask is not told.
  first.promise.catch(() => undefined);
  const following: Following<T> = {
    source,
    signal,
    options,
    times: { ...defaults, ...options.times },
    objects: new Map(),
    listeners: [],
    synced: first.resolve,
    heardAt: clock.now(),
    listedAt: 0,
    version: '',
    failures: 0,
  };
  const { objects, listeners } = following;
  const silentMs = () => clock.now() - following.heardAt;
  const hide = metrics?.show(() => ({ silentSeconds: silentMs() / 1000, objects: objects.size }));
  void run(following).finally(() => {
    hide?.();
    first.reject(signal.reason);
  });
  return {
    synced: () => first.promise,
    get: (key) => objects.get(key),
    values: () => [...objects.values()],
    onChange: (listener) => void listeners.push(listener),
    silentMs,
  };
}

/** `namespace/name`; `/name` where there is no namespace. */
function keyOf({ metadata: { namespace, name } }: KubernetesObject): string {
  return `${namespace ?? ''}/${name}`;
}

type Following<T extends KubernetesObject> = {
  readonly source: ListSource<T>;
  readonly signal: AbortSignal;
  readonly options: FollowOptions<T>;
  readonly times: Times;
  readonly objects: Map<string, T>;
  readonly listeners: ((key: string, object: T | undefined) => void)[];
  readonly synced: () => void;
  heardAt: number;
  listedAt: number;
  /** Of the newest that was heard. */
  version: string;
  /** In a row, without an event in between. */
  failures: number;
};

async function run<T extends KubernetesObject>(following: Following<T>): Promise<void> {
  const { signal, options, times } = following;
  const due = () => options.clock.now() - following.listedAt >= times.relistMs;
  while (!signal.aborted) {
    try {
      await listAnew(following);
      while (!signal.aborted && !due()) await keepWatching(following);
    } catch (error) {
      if (signal.aborted) return;
      await afterFailure(following, error);
    }
  }
}

async function listAnew<T extends KubernetesObject>(following: Following<T>): Promise<void> {
  const { source, signal, objects, options } = following;
  const startedAt = options.clock.now();
  const { items, resourceVersion } = await source.list(signal);
  signal.throwIfAborted();
  options.metrics?.listed();
  following.heardAt = options.clock.now();
  following.listedAt = startedAt;
  following.version = resourceVersion;
  const listed = new Map(items.map((item) => [keyOf(item), item]));
  const gone = [...objects.keys()].filter((key) => !listed.has(key));
  const changed = [...listed]
    .filter(([key, object]) => !isSame(objects.get(key), object))
    .map(([key, object]) => [key, kept(following, object)] as const);
  // Everything first: who hears of one may look at others.
  for (const key of gone) objects.delete(key);
  for (const [key, object] of changed) objects.set(key, object);
  for (const key of gone) tell(following, key, undefined);
  for (const [key, object] of changed) tell(following, key, object);
  following.synced();
}

/** One watch; throws what needs a new list. */
async function keepWatching<T extends KubernetesObject>(following: Following<T>): Promise<void> {
  const { clock } = following.options;
  const began = clock.now();
  const version = following.version;
  try {
    await watchOnce(following);
  } catch (error) {
    if (following.signal.aborted || !isCut(error)) throw error;
    await afterFailure(following, error);
    return;
  }
  const quiet = following.version === version;
  if (quiet && clock.now() - began < following.times.briefMs) {
    await afterFailure(following, new WatchEnded('cut', 'the watch ended at once'));
  } else following.failures = 0;
}

async function watchOnce<T extends KubernetesObject>(following: Following<T>): Promise<void> {
  const { source, signal, options, times, version } = following;
  const { clock, random, metrics } = options;
  const [least, most] = times.watchSeconds;
  const untilList = (following.listedAt + times.relistMs - clock.now()) / 1000;
  const wanted = Math.min(least + random() * (most - least), untilList);
  const timeoutSeconds = Math.max(1, Math.ceil(wanted));
  const watch = new AbortController();
  const end = () => watch.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    metrics?.watched();
    const lines = await source.watch({ resourceVersion: version, timeoutSeconds }, watch.signal);
    following.heardAt = clock.now();
    void guard(following, watch, clock.now() + timeoutSeconds * 1000 + times.graceMs);
    for await (const line of lines) {
      following.heardAt = clock.now();
      heard(following, line);
    }
  } catch (error) {
    const reason: unknown = watch.signal.aborted ? watch.signal.reason : error;
    if (reason !== overdue) throw reason;
  } finally {
    signal.removeEventListener('abort', end);
    watch.abort(overdue);
  }
}

/** The server did not end it; that is as good as its end. */
const overdue = Symbol('overdue');

/** Ends a watch that is silent, or longer than was asked for. */
async function guard<T extends KubernetesObject>(
  following: Following<T>,
  watch: AbortController,
  endsAt: number,
): Promise<void> {
  const { clock } = following.options;
  const { inactivityMs } = following.times;
  while (!watch.signal.aborted) {
    const silentAt = following.heardAt + inactivityMs;
    const left = Math.min(silentAt, endsAt) - clock.now();
    if (left > 0) await clock.sleep(left, watch.signal);
    else if (silentAt <= endsAt) {
      watch.abort(new WatchEnded('silent', `not a word within ${inactivityMs / 1000} s`));
    } else watch.abort(overdue);
  }
}

type Event<T> = { readonly type: string; readonly object: T };

function heard<T extends KubernetesObject>(following: Following<T>, line: string): void {
  if (line === '') return;
  const { type, object } = parse<T>(line);
  if (type === 'ERROR') {
    const { code, message = '' } = object as unknown as { code?: number; message?: string };
    throw new WatchEnded(code === 410 ? 'expired' : 'refused', `${code}: ${message}`);
  }
  const { objects } = following;
  following.version = object.metadata.resourceVersion ?? following.version;
  following.failures = 0;
  if (type === 'BOOKMARK') return;
  const key = keyOf(object);
  delete (object.metadata as { managedFields?: unknown }).managedFields;
  if (type === 'DELETED') {
    if (objects.delete(key)) tell(following, key, undefined);
  } else if (!isSame(objects.get(key), object)) {
    const own = kept(following, object);
    objects.set(key, own);
    tell(following, key, own);
  }
}

function kept<T extends KubernetesObject>({ options: { keep } }: Following<T>, object: T): T {
  return keep === undefined ? object : keep(object);
}

function parse<T>(line: string): Event<T> {
  try {
    return JSON.parse(line) as Event<T>;
  } catch {
    // Half a line, from a connection that broke.
    throw new WatchEnded('cut', `the watch ended within ${line.slice(0, 80)}`);
  }
}

/** A version stands for all there is in an object; versions of two objects may be the same. */
function isSame(one: KubernetesObject | undefined, other: KubernetesObject): boolean {
  return (
    one !== undefined &&
    one.metadata.uid === other.metadata.uid &&
    one.metadata.resourceVersion === other.metadata.resourceVersion
  );
}

function tell<T extends KubernetesObject>(
  { listeners, options }: Following<T>,
  key: string,
  object: T | undefined,
): void {
  for (const listener of listeners) {
    try {
      listener(key, object);
    } catch (error) {
      options.onProblem(error);
    }
  }
}

class WatchEnded extends Error {
  override readonly name = 'WatchEnded';
  readonly reason: WatchFailure;

  constructor(reason: WatchFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The connection broke, or there was none: nothing says that what is known is wrong. */
function isCut(error: unknown): boolean {
  return failureOf(error) === 'cut';
}

function failureOf(error: unknown): WatchFailure {
  if (error instanceof WatchEnded) return error.reason;
  if (statusOf(error)?.code === 410) return 'expired';
  if (hasCode(error, 'API_UNREACHABLE')) return 'cut';
  return error instanceof PeerstormError ? 'refused' : 'cut';
}

async function afterFailure<T extends KubernetesObject>(
  following: Following<T>,
  error: unknown,
): Promise<void> {
  const { options, times, signal } = following;
  following.failures += 1;
  const reason = failureOf(error);
  options.metrics?.failed(reason);
  // A server forgets old versions, and sends no bookmarks of what never changes: that is how it
  // works, and only a reason to list anew.
  if (reason !== 'expired' && reason !== 'silent') options.onProblem(error);
  const [first, longest] = times.backoffMs;
  const pause = Math.min(longest / 2, first * 2 ** Math.min(20, following.failures - 1));
  await options.clock.sleep(pause * (1 + options.random()), signal);
}
