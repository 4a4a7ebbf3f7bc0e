// One client of the API server in memory: the port, verb by verb.
import { fail } from '../../errors.ts';
import {
  type Api,
  type Cache,
  type Followed,
  type KubernetesObject,
  type Named,
  type Resource,
  resources,
  type Scope,
} from './api.ts';
import { applied, isObject, type JsonObject, mergePatched, textOf } from './memory-merge.ts';
import { matcherOf } from './memory-selectors.ts';
import {
  type Change,
  end,
  jsonOf,
  keyOf,
  put,
  type Store,
  type Stored,
  stored,
  tableOf,
  typed,
} from './memory-store.ts';

/** Theirs is written apart from the rest. */
const withStatus: ReadonlySet<string> = new Set([
  resources.pods.plural,
  resources.testnets.plural,
  resources.faults.plural,
]);

export function clientOf(store: Store, manager: string): Api {
  const { options } = store;
  const called = async (verb: string, resource: Resource, name?: string) => {
    const call = { manager, verb, plural: resource.plural, ...(name ? { name } : {}) };
    store.calls.push(call);
    // Nothing is answered in the same turn.
    await Promise.resolve();
    await options.before?.(call);
  };
  return {
    ...readsOf(store, called),
    ...writesOf(store, manager, called),
    ...deletesOf(store, called),
    exec: async (pod, argv, signal) => {
      await called('exec', resources.pods, pod.name);
      if (options.exec === undefined) throw fail('NOT_FOUND', 'nothing runs here');
      return await options.exec(pod, argv, signal);
    },
  };
}

type Called = (verb: string, resource: Resource, name?: string) => Promise<void>;

function writesOf(
  store: Store,
  manager: string,
  called: Called,
): Pick<Api, 'create' | 'apply' | 'mergePatch' | 'update'> {
  const found = (resource: Resource, named: Named): Stored => {
    const object = stored(store, resource, named);
    if (object === undefined) throw fail('NOT_FOUND', `no ${resource.plural} ${keyOf(named)}`);
    return object;
  };
  return {
    create: async <T extends KubernetesObject>(resource: Resource, object: T) => {
      const { name } = object.metadata;
      await called('create', resource, name);
      if (stored(store, resource, object.metadata) !== undefined) {
        throw fail('API_CONFLICT', `create ${resource.plural} ${name}: 409 it exists already`);
      }
      return typed<T>(put(store, resource, withoutStatus(resource, jsonOf(object))));
    },
    apply: async <T extends KubernetesObject>(
      resource: Resource,
      object: Omit<T, 'status'> | T,
      { subresource }: { readonly subresource?: 'status' } = {},
    ) => {
      const wanted = jsonOf(object);
      const metadata = wanted['metadata'];
      const named = nameIn(metadata);
      await called(subresource === undefined ? 'apply' : 'apply status', resource, named.name);
      const before =
        subresource === undefined ? stored(store, resource, named) : found(resource, named);
      return typed<T>(applyTo(store, { resource, before, wanted, manager, subresource }));
    },
    mergePatch: async <T extends KubernetesObject>(
      resource: Resource,
      named: Named,
      patch: unknown,
    ) => {
      await called('patch', resource, named.name);
      const before = found(resource, named);
      const change = withoutStatus(resource, jsonOf(patch));
      refuseOld(resource, { seen: change['metadata'], stored: before });
      return typed<T>(put(store, resource, mergePatched(jsonOf(before), change)));
    },
    update: async <T extends KubernetesObject>(resource: Resource, object: T) => {
      await called('update', resource, object.metadata.name);
      const before = found(resource, object.metadata);
      const { status, ...rest } = jsonOf(object);
      refuseOld(resource, { seen: rest['metadata'], stored: before });
      const kept = jsonOf(before)['status'];
      const next = withStatus.has(resource.plural) ? kept : status;
      return typed<T>(put(store, resource, next === undefined ? rest : { ...rest, status: next }));
    },
  };
}

function deletesOf(store: Store, called: Called): Pick<Api, 'delete' | 'deleteAll'> {
  return {
    delete: async (resource, named) => {
      await called('delete', resource, named.name);
      const object = stored(store, resource, named);
      if (object === undefined) return false;
      if (named.uid !== undefined && named.uid !== object.metadata.uid) {
        throw fail('API_CONFLICT', `delete ${resource.plural} ${named.name}: 409 another uid`);
      }
      end(store, { resource, object, graceSeconds: named.graceSeconds });
      return true;
    },
    deleteAll: async (resource, scope) => {
      await called('deletecollection', resource);
      const matches = matcherOf(scope);
      for (const object of [...tableOf(store, resource).values()].filter(matches)) {
        end(store, { resource, object });
      }
    },
  };
}

function readsOf(
  store: Store,
  called: Called,
): Pick<Api, 'get' | 'list' | 'text' | 'lines' | 'follow'> {
  const { options } = store;
  return {
    get: async <T extends KubernetesObject>(resource: Resource, named: Named) => {
      await called('get', resource, named.name);
      const object = stored(store, resource, named);
      return object === undefined ? undefined : typed<T>(object);
    },
    list: async <T extends KubernetesObject>(resource: Resource, scope: Scope) => {
      await called('list', resource);
      return [...tableOf(store, resource).values()]
        .filter(matcherOf(scope))
        .map((object) => typed<T>(object));
    },
    text: async (path) => {
      const body = options.text?.(path);
      if (body === undefined) throw fail('NOT_FOUND', `get ${path}: 404`);
      return body;
    },
    lines: (path, signal) => options.lines?.(path, signal) ?? nothing(),
    follow: <T extends KubernetesObject>(
      resource: Resource,
      { keep, ...scope }: Followed<T>,
      signal: AbortSignal,
    ) => cacheOf<T>(store, { resource, scope, signal, keep: keep ?? ((object) => object) }),
  };
}

async function* nothing(): AsyncIterable<string> {}

function nameIn(metadata: JsonObject[string] | undefined): Named {
  const { name, namespace } = isObject(metadata) ? metadata : {};
  return { name: textOf(name), ...(typeof namespace === 'string' ? { namespace } : {}) };
}

/** A write that names a uid or version is of that one only. */
function refuseOld(
  { plural }: Resource,
  {
    seen,
    stored: { metadata },
  }: { readonly seen: JsonObject[string] | undefined; readonly stored: Stored },
): void {
  const { uid, resourceVersion } = isObject(seen) ? seen : {};
  const isSame = (uid ?? metadata.uid) === metadata.uid;
  const isNewest = (resourceVersion ?? metadata.resourceVersion) === metadata.resourceVersion;
  if (isSame && isNewest) return;
  throw fail('API_CONFLICT', `write ${plural} ${metadata.name}: 409 it was changed`);
}

function withoutStatus(resource: Resource, object: JsonObject): JsonObject {
  if (!withStatus.has(resource.plural)) return object;
  const { status: _, ...rest } = object;
  return rest;
}

type Applying = {
  readonly resource: Resource;
  readonly before: Stored | undefined;
  readonly wanted: JsonObject;
  readonly manager: string;
  readonly subresource: 'status' | undefined;
};

function applyTo(
  store: Store,
  { resource, before, wanted, manager, subresource }: Applying,
): Stored {
  const { status, ...rest } = wanted;
  const spec = withStatus.has(resource.plural) ? rest : wanted;
  const said = subresource === undefined ? spec : status === undefined ? {} : { status };
  const current = before === undefined ? {} : jsonOf(before);
  const place = `${manager} ${subresource ?? ''}`;
  const last = store.applied.get(`${before?.metadata.uid} ${place}`);
  const after = put(store, resource, applied(current, said, last));
  store.applied.set(`${after.metadata.uid} ${place}`, said);
  return after;
}

type Following<T> = {
  readonly resource: Resource;
  readonly scope: Scope;
  readonly signal: AbortSignal;
  readonly keep: (object: T) => T;
};

function cacheOf<T extends KubernetesObject>(
  store: Store,
  { resource, scope, signal, keep }: Following<T>,
): Cache<T> {
  const matches = matcherOf(scope);
  const known = new Map<string, T>();
  const listeners = new Set<(key: string, object: T | undefined) => void>();
  const show = (key: string, object: T | undefined) => {
    if (object === undefined && !known.delete(key)) return;
    if (object !== undefined) known.set(key, object);
    for (const listener of listeners) listener(key, object);
  };
  const follow = (changed: Resource, { key, after }: Change) => {
    if (changed.plural !== resource.plural || changed.prefix !== resource.prefix) return;
    show(key, after !== undefined && matches(after) ? keep(typed<T>(after)) : undefined);
  };
  const first = Promise.resolve().then(() => {
    if (signal.aborted) return;
    store.watchers.add(follow);
    signal.addEventListener('abort', () => store.watchers.delete(follow), { once: true });
    for (const [key, object] of tableOf(store, resource)) {
      if (matches(object)) show(key, keep(typed<T>(object)));
    }
  });
  return {
    synced: () => first,
    get: (key) => known.get(key),
    values: () => [...known.values()],
    onChange: (listener) => void listeners.add(listener),
    silentMs: () => 0,
  };
}
