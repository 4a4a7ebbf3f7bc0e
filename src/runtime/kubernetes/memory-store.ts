// What an API server in memory stores, and how it changes: versions, uids, generations, deletion
// and garbage collection.
import { randomUUID } from 'node:crypto';
import { fail } from '../../errors.ts';
import { type Api, type KubernetesObject, type Named, type Resource, resources } from './api.ts';
import { isObject, type Json, type JsonObject, mergePatched, textOf } from './memory-merge.ts';

export type MemoryCall = {
  readonly manager: string;
  readonly verb: string;
  readonly plural: string;
  readonly name?: string;
};

export type MemoryServerOptions = {
  /** Epoch milliseconds, for creation and deletion timestamps; default: the time of day. */
  readonly now?: () => number;
  /** Called before each call of a client; what it throws is the answer. */
  readonly before?: (call: MemoryCall) => void | Promise<void>;
  /** The kubelet: called when a pod was created, and when it is to end (then `remove` it). */
  readonly onPod?: (event: 'created' | 'deleting', pod: KubernetesObject) => void;
  /** Bodies of raw GETs; undefined is a 404. */
  readonly text?: (path: string) => string | undefined;
  readonly lines?: (path: string, signal: AbortSignal) => AsyncIterable<string>;
  readonly exec?: Api['exec'];
};

export type Change = { readonly key: string; readonly before?: Stored; readonly after?: Stored };
export type Stored = KubernetesObject & { readonly metadata: { readonly uid: string } };

/** What the clients of one server share. */
export type Store = {
  readonly options: MemoryServerOptions;
  readonly calls: MemoryCall[];
  /** By resource, then by `namespace/name`. */
  readonly objects: Map<string, Map<string, Stored>>;
  readonly watchers: Set<(resource: Resource, change: Change) => void>;
  /** Last applied configuration by uid, manager and subresource. */
  readonly applied: Map<string, JsonObject>;
  version: number;
};

/** Its users say what shape an object has, as with a real server. */
export function typed<T extends KubernetesObject>(object: KubernetesObject): T {
  return object as T;
}

export function keyOf({ namespace, name }: Named): string {
  return namespace === undefined ? `/${name}` : `${namespace}/${name}`;
}

export function tableOf({ objects }: Store, { prefix, plural }: Resource): Map<string, Stored> {
  const name = `${prefix}/${plural}`;
  const known = objects.get(name);
  if (known !== undefined) return known;
  const table = new Map<string, Stored>();
  objects.set(name, table);
  return table;
}

export function stored(store: Store, resource: Resource, named: Named): Stored | undefined {
  return tableOf(store, resource).get(keyOf(named));
}

/** A copy as plain JSON: what nobody outside can change any more. */
export function jsonOf(value: unknown): JsonObject {
  const copy: Json = JSON.parse(JSON.stringify(value));
  if (!isObject(copy)) throw fail('API_CONFLICT', 'not a JSON object');
  return copy;
}

/** Stores a new state, numbers it, and tells the watchers; ends what was only waiting to go. */
export function put(store: Store, resource: Resource, object: JsonObject): Stored {
  const metadata = isObject(object['metadata']) ? object['metadata'] : {};
  const name = textOf(metadata['name']);
  const namespace = metadata['namespace'];
  const key = keyOf({ name, ...(typeof namespace === 'string' ? { namespace } : {}) });
  const table = tableOf(store, resource);
  const before = table.get(key);
  const after = numbered(store, { ...object, metadata }, before);
  if (before !== undefined && sameBut(before, after)) return before;
  table.set(key, after);
  tell(store, resource, { key, after, ...(before === undefined ? {} : { before }) });
  const { deletionTimestamp, finalizers = [] } = after.metadata;
  const isPod = resource.plural === resources.pods.plural;
  if (deletionTimestamp !== undefined && finalizers.length === 0 && !isPod) {
    drop(store, resource, key);
  }
  if (before === undefined && isPod) store.options.onPod?.('created', after);
  return after;
}

function numbered(store: Store, object: JsonObject, before: Stored | undefined): Stored {
  store.version += 1;
  const metadata = isObject(object['metadata']) ? object['metadata'] : {};
  const generation = before?.metadata.generation ?? 0;
  const changed = before === undefined || !sameSpec(jsonOf(before), object);
  const numberedObject = {
    ...object,
    metadata: {
      ...metadata,
      uid: before?.metadata.uid ?? randomUUID(),
      resourceVersion: String(store.version),
      generation: changed ? generation + 1 : generation,
      creationTimestamp: before?.metadata.creationTimestamp ?? timestamp(store),
    },
  };
  return typed<Stored>(deepFrozen(numberedObject) as unknown as KubernetesObject);
}

function timestamp({ options }: Store): string {
  return `${new Date(options.now?.() ?? Date.now()).toISOString().slice(0, 19)}Z`;
}

/** Generation counts changes of what was asked: everything but metadata and status. */
function sameSpec(a: JsonObject, b: JsonObject): boolean {
  const asked = ({ metadata: _m, status: _s, ...rest }: JsonObject) => JSON.stringify(rest);
  return asked(a) === asked(b);
}

/** A write that changes nothing makes no new version. */
function sameBut(before: Stored, after: Stored): boolean {
  const plain = ({ metadata: { resourceVersion: _v, ...metadata }, ...rest }: Stored) =>
    JSON.stringify({ ...rest, metadata });
  return plain(before) === plain(after);
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFrozen(part);
  }
  return value;
}

/** Takes it away, and then all that it owned. */
export function drop(store: Store, resource: Resource, key: string): void {
  const table = tableOf(store, resource);
  const before = table.get(key);
  if (before === undefined) return;
  table.delete(key);
  store.version += 1;
  tell(store, resource, { key, before });
  queueMicrotask(() => collect(store, before.metadata.uid));
}

function collect(store: Store, ownerUid: string): void {
  for (const resource of Object.values(resources)) {
    for (const object of [...tableOf(store, resource).values()]) {
      const { ownerReferences = [] } = object.metadata;
      if (ownerReferences.some(({ uid }) => uid === ownerUid)) end(store, { resource, object });
    }
  }
}

type Ending = {
  readonly resource: Resource;
  readonly object: Stored;
  readonly graceSeconds?: number | undefined;
};

/** What DELETE does: finalizers and graceful pods stay for a while, marked. */
export function end(store: Store, { resource, object, graceSeconds }: Ending): void {
  const { namespace, name, finalizers = [], deletionTimestamp } = object.metadata;
  const key = keyOf({ name, ...(namespace === undefined ? {} : { namespace }) });
  const graceful =
    resource.plural === resources.pods.plural &&
    store.options.onPod !== undefined &&
    graceSeconds !== 0;
  if (finalizers.length === 0 && !graceful) return drop(store, resource, key);
  if (deletionTimestamp !== undefined) return;
  const marked = put(
    store,
    resource,
    mergePatched(jsonOf(object), { metadata: { deletionTimestamp: timestamp(store) } }),
  );
  if (graceful) store.options.onPod?.('deleting', marked);
}

/** In order, after the caller has gone on. */
function tell(store: Store, resource: Resource, change: Change): void {
  queueMicrotask(() => {
    for (const watcher of [...store.watchers]) watcher(resource, change);
  });
}
