// The API server in memory over HTTP, so that who is measured is alone in its process, and asks
// and reads as it would in a cluster: lists in one page, watches that go on from a version, writes.
import type { ServerResponse } from 'node:http';
import { messageOf } from '../../src/errors.ts';
import {
  type Api,
  type KubernetesObject,
  type Resource,
  resources,
  type Scope,
} from '../../src/runtime/kubernetes/api.ts';
import { hasCode } from '../../src/runtime/kubernetes/api-errors.ts';
import { type Received, refuse, reply, type ScriptedApi, scriptedApi } from '../scripted-api.ts';

type Asked = {
  readonly resource: Resource;
  readonly scope: Scope;
  readonly name: string | undefined;
  readonly subresource: 'status' | undefined;
};

/** `onRequest` hears of all but watches. */
export async function serveOverHttp(api: Api, onRequest: () => void): Promise<ScriptedApi> {
  const stop = new AbortController();
  const logs = new Map<string, ReturnType<typeof eventsOf>>();
  const logOf = (asked: Asked) => {
    const key = JSON.stringify([asked.resource, asked.scope]);
    const log = logs.get(key) ?? eventsOf(api, asked, stop.signal);
    logs.set(key, log);
    return log;
  };
  const http = await scriptedApi(async (request, response) => {
    const asked = askedFor(request);
    if (asked === undefined) return refuse(response, 404);
    try {
      if (request.query['watch'] === 'true') return await logOf(asked).watch(request, response);
      onRequest();
      const { method } = request;
      if (method === 'GET' && asked.name === undefined) {
        return reply(response, await logOf(asked).list());
      }
      const answer = method === 'GET' ? await found(api, asked) : await write(api, request, asked);
      if (answer !== undefined) return reply(response, answer);
      return refuse(response, 404, { details: { name: asked.name } });
    } catch (error) {
      const status = hasCode(error, 'NOT_FOUND') ? 404 : hasCode(error, 'API_CONFLICT') ? 409 : 500;
      return refuse(response, status, { reason: messageOf(error) });
    }
  });
  // As the API server's; an idle connection must not end as a request is sent.
  http.server.keepAliveTimeout = 90_000;
  return http;
}

function askedFor({ path, query }: Received): Asked | undefined {
  for (const resource of Object.values(resources)) {
    const { prefix, plural } = resource;
    const pattern = `^${prefix}/(?:namespaces/([^/]+)/)?${plural}(?:/([^/]+))?(/status)?$`;
    const [whole, namespace, name, status] = new RegExp(pattern).exec(path) ?? [];
    if (whole === undefined) continue;
    const { labelSelector, fieldSelector } = query;
    const scope = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
    return { resource, scope, name, subresource: status === undefined ? undefined : 'status' };
  }
  return undefined;
}

async function found(api: Api, { resource, scope, name = '' }: Asked) {
  return await api.get(resource, { ...scope, name });
}

async function write(api: Api, { method, headers, body }: Received, asked: Asked) {
  const { resource, scope, name = '', subresource } = asked;
  const object = JSON.parse(body) as KubernetesObject;
  const named = { ...scope, name };
  if (method === 'POST') return await api.create(resource, object);
  if (method === 'PUT') return await api.update(resource, object);
  if (method === 'PATCH') {
    return headers['content-type']?.includes('merge') === true
      ? await api.mergePatch(resource, named, object)
      : await api.apply(resource, object, subresource === undefined ? {} : { subresource });
  }
  if (name !== '') return (await api.delete(resource, named)) ? {} : undefined;
  await api.deleteAll(resource, { ...scope, namespace: scope.namespace ?? '' });
  return {};
}

/** What happened to the objects of one list, for watches that begin anywhere in it. */
function eventsOf(api: Api, { resource, scope }: Asked, signal: AbortSignal) {
  const cache = api.follow(resource, scope, signal);
  const lines: { readonly version: number; readonly text: string }[] = [];
  const known = new Map<string, KubernetesObject>();
  const watchers = new Set<(text: string) => void>();
  let newest = 0;
  cache.onChange((key, object) => {
    const before = known.get(key);
    const of = object ?? before;
    if (of === undefined) return;
    newest = Math.max(newest + (object === undefined ? 1 : 0), versionOf(of));
    if (object === undefined) known.delete(key);
    else known.set(key, object);
    const type = object === undefined ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
    const text = `${JSON.stringify({ type, object: of })}\n`;
    lines.push({ version: newest, text });
    for (const watcher of watchers) watcher(text);
  });
  return {
    list: async () => {
      await cache.synced();
      const metadata = { resourceVersion: String(newest) };
      return { kind: 'List', apiVersion: 'v1', metadata, items: cache.values() };
    },
    watch: async ({ query }: Received, response: ServerResponse) => {
      await cache.synced();
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      const since = Number(query['resourceVersion'] ?? 0);
      for (const { version, text } of lines) if (version > since) response.write(text);
      const watcher = (text: string) => void response.write(text);
      watchers.add(watcher);
      response.once('close', () => watchers.delete(watcher));
    },
  };
}

function versionOf({ metadata }: KubernetesObject): number {
  return Number(metadata.resourceVersion ?? 0);
}
