// The port to the API server, over HTTP: one JSON object in, one out. What each verb means to the
// API server is here; that a request arrives, and how often it is tried, is requests.ts; what a
// cache does is reflector.ts. Objects stay as they are parsed, without models: 5,000 pods cost
// 0.1 s of parsing, and 0.4 s more as the classes of client-node.
import { fail } from '../../errors.ts';
import { systemClock } from '../clock.ts';
import type { Api, Followed, KubernetesObject, Named, Resource, Scope } from './api.ts';
import { isAbsent, statusOf } from './api-errors.ts';
import { type Place, pathOf, type Query, words } from './client-path.ts';
import type { Connection } from './connection.ts';
import type { KubernetesMetrics } from './metrics.ts';
import { type FollowOptions, followList, type ListSource } from './reflector.ts';
import { openRequests, type RequestOptions, type Requests } from './requests.ts';
import { linesOf } from './transport.ts';

export type ApiOptions = Omit<RequestOptions, 'metrics'> & {
  /** Whose fields the applied ones are. */
  readonly fieldManager: string;
  readonly metrics?: KubernetesMetrics;
  /** What the server does with unknown fields of what is written; its own default is Warn. */
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  /** What goes wrong in caches, which mend themselves; and what their listeners throw. */
  readonly onProblem?: (text: string, error: unknown) => void;
  /** Times of caches. */
  readonly follow?: FollowOptions<KubernetesObject>['times'];
};

const pageSize = 500;
const lineLimitBytes = 16 * 2 ** 20;

/** Whoever must not wait behind others (the leader's Lease) opens one of its own. */
export function openApi(connection: Connection, options: ApiOptions): Api {
  const { metrics, ...rest } = options;
  const requests = openRequests(connection, {
    ...rest,
    ...(metrics === undefined
      ? {}
      : { metrics: metrics.requests(new URL(connection.server).host) }),
  });
  const tools: Tools = { requests, options, connection };
  return { ...readers(tools), ...writers(tools), ...removers(tools) };
}

type Tools = {
  readonly requests: Requests;
  readonly options: ApiOptions;
  readonly connection: Connection;
};

function readers(tools: Tools): Pick<Api, 'get' | 'list' | 'text' | 'lines' | 'follow' | 'exec'> {
  const { requests, options, connection } = tools;
  return {
    get: async <T extends KubernetesObject>(resource: Resource, named: Named) => {
      const what = `get ${words(resource, named)}`;
      return await requests
        .text({ what, method: 'GET', path: pathOf(resource, named) })
        .then((text) => parsed<T>(text, what))
        .catch((error: unknown) => {
          if (isAbsent(statusOf(error))) return undefined;
          throw error;
        });
    },
    list: async <T extends KubernetesObject>(resource: Resource, scope: Scope) =>
      (await listAll<T>(requests, { resource, scope })).items,
    text: (path, signal) => requests.text({ what: `get ${path}`, method: 'GET', path, signal }),
    lines: async function* (path, signal) {
      const chunks = await requests.stream({ what: `follow ${path}`, method: 'GET', path, signal });
      yield* linesOf(chunks, lineLimitBytes);
    },
    follow: <T extends KubernetesObject>(
      resource: Resource,
      { keep, ...scope }: Followed<T>,
      signal: AbortSignal,
    ) => {
      const metrics = options.metrics?.watch(resource.plural);
      const { clock = systemClock, random = Math.random, onProblem, follow } = options;
      const what = words(resource, scope);
      return followList(listSource<T>(requests, { resource, scope }), signal, {
        clock,
        random,
        onProblem: (error) => onProblem?.(`following ${what}`, error),
        ...(metrics === undefined ? {} : { metrics }),
        ...(follow === undefined ? {} : { times: follow }),
        ...(keep === undefined ? {} : { keep }),
      });
    },
    exec: async (pod, argv, signal) => {
      // The WebSocket client is for those who run commands: the CLI.
      const { execInPod } = await import('./exec.ts');
      return await execInPod(connection, { pod, argv, signal, userAgent: options.userAgent });
    },
  };
}

function writers(tools: Tools): Pick<Api, 'create' | 'apply' | 'mergePatch' | 'update'> {
  const { fieldManager, fieldValidation } = tools.options;
  const query = { fieldManager, fieldValidation };
  return {
    create: <T extends KubernetesObject>(resource: Resource, object: T) => {
      const path = pathOf(resource, { ...scopeOf(object) }, query);
      return write<T>(tools, {
        what: `create ${words(resource, object.metadata)}`,
        method: 'POST',
        path,
        body: object,
      });
    },
    apply: <T extends KubernetesObject>(
      resource: Resource,
      object: Omit<T, 'status'> | T,
      { subresource }: { readonly subresource?: 'status' } = {},
    ) => {
      const { metadata } = object as KubernetesObject;
      return write<T>(tools, {
        what: `apply ${subresource === undefined ? '' : 'status of '}${words(resource, metadata)}`,
        method: 'PATCH',
        path: pathOf(resource, { ...metadata, subresource }, { ...query, force: 'true' }),
        // JSON is YAML.
        contentType: 'application/apply-patch+yaml',
        body: object,
      });
    },
    mergePatch: <T extends KubernetesObject>(resource: Resource, named: Named, patch: unknown) =>
      write<T>(tools, {
        what: `patch ${words(resource, named)}`,
        method: 'PATCH',
        path: pathOf(resource, named, query),
        contentType: 'application/merge-patch+json',
        body: patch,
      }),
    update: <T extends KubernetesObject>(resource: Resource, object: T) =>
      write<T>(tools, {
        what: `update ${words(resource, object.metadata)}`,
        method: 'PUT',
        path: pathOf(resource, object.metadata, query),
        body: object,
      }),
  };
}

function removers({ requests }: Tools): Pick<Api, 'delete' | 'deleteAll'> {
  return {
    delete: async (resource, named) => {
      const { uid, graceSeconds } = named;
      const body = {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: 'Background',
        ...(uid === undefined ? {} : { preconditions: { uid } }),
        ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
      };
      const what = `delete ${words(resource, named)}`;
      try {
        await requests.text({ what, method: 'DELETE', path: pathOf(resource, named), body });
        return true;
      } catch (error) {
        if (isAbsent(statusOf(error))) return false;
        throw error;
      }
    },
    deleteAll: async (resource, scope) => {
      const { namespace, labelSelector, fieldSelector } = scope;
      await requests.text({
        what: `delete all ${words(resource, scope)}`,
        method: 'DELETE',
        path: pathOf(resource, { namespace }, { labelSelector, fieldSelector }),
        body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' },
        // One by one, on the side of the server, which gives itself a minute.
        timeoutMs: 90_000,
      });
    },
  };
}

type Write = Parameters<Requests['text']>[0];

async function write<T extends KubernetesObject>({ requests }: Tools, request: Write): Promise<T> {
  return parsed<T>(await requests.text(request), request.what);
}

type Listing = { readonly resource: Resource; readonly scope: Scope };
type Page = {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubernetesObject[];
};

async function listAll<T extends KubernetesObject>(
  requests: Requests,
  { resource, scope }: Listing,
  signal?: AbortSignal,
): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
  const { namespace, ...selectors } = scope;
  const what = `list ${words(resource, scope)}`;
  const page = async (query: Query) => {
    const path = pathOf(resource, { namespace }, { ...selectors, ...query });
    const text = await requests.text({ what, method: 'GET', path, signal });
    return json(text, what) as Page;
  };
  const pages: Page[] = [];
  let rest: string | undefined;
  do {
    try {
      const next = await page({ limit: String(pageSize), continue: rest });
      pages.push(next);
      rest = next.metadata?.continue;
    } catch (error) {
      // Pages are of one moment, which the server keeps for five minutes; then all at once.
      if (rest === undefined || statusOf(error)?.code !== 410) throw error;
      pages.splice(0, pages.length, await page({}));
      rest = undefined;
    }
  } while (rest !== undefined && rest !== '');
  return {
    items: pages.flatMap((one) => itemsOf<T>(one)),
    resourceVersion: pages.at(-1)?.metadata?.resourceVersion ?? '',
  };
}

/** Items of lists of the core resources say neither kind nor apiVersion: their list does. */
function itemsOf<T extends KubernetesObject>({ apiVersion, kind, items }: Page): readonly T[] {
  const type = { apiVersion, kind: kind?.replace(/List$/, '') };
  return (items ?? []).map((item) => stripped({ ...type, ...item } as unknown as T));
}

function listSource<T extends KubernetesObject>(
  requests: Requests,
  listing: Listing,
): ListSource<T> {
  const { resource, scope } = listing;
  const { namespace, ...selectors } = scope;
  return {
    list: (signal) => listAll<T>(requests, listing, signal),
    watch: async ({ resourceVersion, timeoutSeconds }, signal) => {
      const query = {
        ...selectors,
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion,
        timeoutSeconds: String(timeoutSeconds),
      };
      const path = pathOf(resource, { namespace }, query);
      const what = `watch ${words(resource, scope)}`;
      const chunks = await requests.stream({ what, method: 'GET', path, signal });
      return linesOf(chunks, lineLimitBytes);
    },
  };
}

function json(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('API_ERROR', `cannot ${what}: the answer is no JSON`, error);
  }
}

function parsed<T extends KubernetesObject>(text: string, what: string): T {
  return stripped(json(text, what) as T);
}

/** Who owns which field is a third of an object, and nobody here reads it. */
function stripped<T extends KubernetesObject>(object: T): T {
  const metadata = object.metadata as { managedFields?: unknown } | undefined;
  if (metadata !== undefined) delete metadata.managedFields;
  return object;
}

function scopeOf({ metadata: { namespace } }: KubernetesObject): Place {
  return namespace === undefined ? {} : { namespace };
}
