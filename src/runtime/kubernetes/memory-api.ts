// An API server in memory, for tests of all that speaks to one: the runtime, the controller, the
// agent. It keeps what they rely on: resource versions and uids, conflicts, generations, status as
// a subresource, server-side apply by field manager, selectors, finalizers, graceful deletion of
// pods, and the garbage collection of what an owner leaves behind. Changes reach caches a moment
// later, in order, as they do in the world. It checks no schema and no permission.
import { fail } from '../../errors.ts';
import type { Api, KubernetesObject, Named, Resource } from './api.ts';
import { clientOf } from './memory-client.ts';
import { mergePatched } from './memory-merge.ts';
import {
  drop,
  jsonOf,
  keyOf,
  type MemoryCall,
  type MemoryServerOptions,
  put,
  type Store,
  stored,
  tableOf,
  typed,
} from './memory-store.ts';

export function memoryServer(options: MemoryServerOptions = {}): MemoryServer {
  const store: Store = {
    options,
    calls: [],
    objects: new Map(),
    watchers: new Set(),
    applied: new Map(),
    version: 0,
  };
  return {
    client: (manager) => clientOf(store, manager),
    all: <T extends KubernetesObject>(resource: Resource) =>
      [...tableOf(store, resource).values()].map((object) => typed<T>(object)),
    change: (resource, named, patch) => {
      const before = stored(store, resource, named);
      if (before === undefined) throw fail('NOT_FOUND', `no ${resource.plural} ${named.name}`);
      put(store, resource, mergePatched(jsonOf(before), jsonOf(patch)));
    },
    remove: (resource, named) => drop(store, resource, keyOf(named)),
    calls: store.calls,
  };
}

export interface MemoryServer {
  /** Another client: its name is its field manager. */
  client(manager: string): Api;
  /** Everything that is stored of a resource. */
  all<T extends KubernetesObject>(resource: Resource): readonly T[];
  /** A merge patch by somebody else (kubelet, scheduler, kubectl); it may touch everything. */
  change(resource: Resource, named: Named, patch: unknown): void;
  /** Gone at once, whatever its finalizers and grace say. */
  remove(resource: Resource, named: Named): void;
  /** What clients did, oldest first; watches are not in it. */
  readonly calls: MemoryCall[];
}
