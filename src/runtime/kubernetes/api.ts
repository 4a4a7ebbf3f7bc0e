// The API server as the rest of us sees it: plain JSON objects by resource, and a cache that
// follows a list of them. Vendor types end below this file. Every call has a time limit, is
// counted, waits for the client's rate limit, and is repeated by itself where the server asks for
// it (429, 503).
import type { ObjectMeta } from './objects.ts';

/** `prefix` as in a URL: `/api/v1`, `/apis/peerstorm.dev/v1alpha1`. */
export type Resource = { readonly prefix: string; readonly plural: string };

export const resources = {
  pods: { prefix: '/api/v1', plural: 'pods' },
  services: { prefix: '/api/v1', plural: 'services' },
  configMaps: { prefix: '/api/v1', plural: 'configmaps' },
  secrets: { prefix: '/api/v1', plural: 'secrets' },
  claims: { prefix: '/api/v1', plural: 'persistentvolumeclaims' },
  namespaces: { prefix: '/api/v1', plural: 'namespaces' },
  hosts: { prefix: '/api/v1', plural: 'nodes' },
  events: { prefix: '/apis/events.k8s.io/v1', plural: 'events' },
  leases: { prefix: '/apis/coordination.k8s.io/v1', plural: 'leases' },
  networkPolicies: { prefix: '/apis/networking.k8s.io/v1', plural: 'networkpolicies' },
  tokenReviews: { prefix: '/apis/authentication.k8s.io/v1', plural: 'tokenreviews' },
  testnets: { prefix: '/apis/peerstorm.dev/v1alpha1', plural: 'testnets' },
  faults: { prefix: '/apis/peerstorm.dev/v1alpha1', plural: 'faults' },
  networkStates: { prefix: '/apis/peerstorm.dev/v1alpha1', plural: 'networkstates' },
  hostReports: { prefix: '/apis/peerstorm.dev/v1alpha1', plural: 'hostreports' },
} as const satisfies Record<string, Resource>;

export type KubernetesObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
};

export type Named = { readonly namespace?: string; readonly name: string };

/** What a list or a watch is narrowed to; without a namespace: the whole cluster. */
export type Scope = {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
};

/** What a cache follows, and how much of each object it keeps; default: all of it. */
export type Followed<T extends KubernetesObject> = Scope & {
  /** Must leave uid, resourceVersion, name and namespace as they are. */
  readonly keep?: (object: T) => T;
};

/** Failures are PeerstormErrors (API_...): verb, object, status and the server's message. */
export interface Api {
  /** Undefined where there is none. */
  get<T extends KubernetesObject>(resource: Resource, named: Named): Promise<T | undefined>;
  /** All pages; raw JSON, managedFields stripped. */
  list<T extends KubernetesObject>(resource: Resource, scope: Scope): Promise<readonly T[]>;
  /** Throws API_CONFLICT where one of that name exists. */
  create<T extends KubernetesObject>(resource: Resource, object: T): Promise<T>;
  /** Server-side apply, by force, as this client's field manager. */
  apply<T extends KubernetesObject>(
    resource: Resource,
    object: Omit<T, 'status'> | T,
    options?: { readonly subresource?: 'status' },
  ): Promise<T>;
  /** RFC 7386; `null` removes. */
  mergePatch<T extends KubernetesObject>(
    resource: Resource,
    named: Named,
    patch: unknown,
  ): Promise<T>;
  /** Replaces what has this resourceVersion; throws API_CONFLICT if it is not the newest. */
  update<T extends KubernetesObject>(resource: Resource, object: T): Promise<T>;
  /** False where there was none. With `uid`: only that one. */
  delete(
    resource: Resource,
    named: Named & { readonly uid?: string; readonly graceSeconds?: number },
  ): Promise<boolean>;
  deleteAll(resource: Resource, scope: Scope & { readonly namespace: string }): Promise<void>;
  /** A raw GET: discovery, /version, logs, service proxies. */
  text(path: string, signal?: AbortSignal): Promise<string>;
  /** Lines of a body that is still being written (log with follow); ends with it. */
  lines(path: string, signal: AbortSignal): AsyncIterable<string>;
  /** Lists, then watches, until aborted; see Cache. */
  follow<T extends KubernetesObject>(
    resource: Resource,
    followed: Followed<T>,
    signal: AbortSignal,
  ): Cache<T>;
  /** Runs a command in a container (WebSocket, v5.channel.k8s.io). */
  exec(
    pod: Named & { readonly container?: string },
    argv: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
}

/**
 * What a reflector knows. It lists in pages, watches with bookmarks, lists anew after 410, a
 * silence, an error (with backoff) and every ten minutes, and never ends by itself.
 */
export interface Cache<T extends KubernetesObject> {
  /** Resolves once the first list is in. */
  synced(): Promise<void>;
  /** By `namespace/name`. */
  get(key: string): T | undefined;
  values(): readonly T[];
  /** Called after each change with the key; `undefined` as object says it is gone. */
  onChange(listener: (key: string, object: T | undefined) => void): void;
  /** Milliseconds since the server was last heard; grows while it is cut off. */
  silentMs(): number;
}
