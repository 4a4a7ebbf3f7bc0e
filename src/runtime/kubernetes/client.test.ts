import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import {
  type Answering,
  hurriedClock,
  refuse,
  reply,
  type ScriptedApi,
  scriptedApi,
} from '../../../test/scripted-api.ts';
import { PeerstormError } from '../../errors.ts';
import { type Api, type KubernetesObject, resources } from './api.ts';
import { statusOf } from './api-errors.ts';
import { type ApiOptions, openApi } from './client.ts';
import { connectionFrom } from './connection.ts';
import { retryAfterMs } from './requests.ts';

type ConfigMap = KubernetesObject & { readonly data?: Record<string, string> };

const object = (name: string, more: object = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'b' },
  ...more,
});

function open(server: ScriptedApi, options: Partial<ApiOptions> = {}): Api {
  return openApi(server.connection, {
    userAgent: 'peerstorm-test/1',
    fieldManager: 'tester',
    clock: hurriedClock(),
    random: () => 0,
    ...options,
  });
}

async function errorOf(promise: Promise<unknown>): Promise<PeerstormError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PeerstormError);
  return error as PeerstormError;
}

const named = { namespace: 'b', name: 'x' };
const all = '/api/v1/namespaces/b/configmaps';
const { configMaps } = resources;

test.each<[string, (api: Api) => Promise<unknown>, object]>([
  ['get', (api) => api.get(configMaps, named), { method: 'GET', path: `${all}/x` }],
  [
    'create',
    (api) => api.create(configMaps, object('x')),
    { method: 'POST', path: all, query: { fieldManager: 'tester' } },
  ],
  [
    'apply',
    (api) => api.apply(configMaps, object('x')),
    { method: 'PATCH', path: `${all}/x`, query: { fieldManager: 'tester', force: 'true' } },
  ],
  [
    'apply a status',
    (api) => api.apply(resources.testnets, object('x'), { subresource: 'status' }),
    { method: 'PATCH', path: '/apis/peerstorm.dev/v1alpha1/namespaces/b/testnets/x/status' },
  ],
  [
    'merge',
    (api) => api.mergePatch(configMaps, named, { data: { a: null } }),
    { method: 'PATCH', path: `${all}/x`, body: '{"data":{"a":null}}' },
  ],
  [
    'update',
    (api) => api.update(configMaps, object('x')),
    { method: 'PUT', path: `${all}/x`, body: JSON.stringify(object('x')) },
  ],
  [
    'delete all',
    (api) => api.deleteAll(configMaps, { namespace: 'b', labelSelector: 'a=b,c' }),
    { method: 'DELETE', path: all, query: { labelSelector: 'a=b,c' } },
  ],
  [
    'an object of the cluster',
    (api) => api.get(resources.hosts, { name: 'h' }),
    { method: 'GET', path: '/api/v1/nodes/h' },
  ],
])('%s is the request that the API server knows', async (_, call, wanted) => {
  await using server = await scriptedApi((_, response) => reply(response, object('x')));
  await call(open(server));
  expect(server.requests).toMatchObject([wanted]);
  expect(server.requests[0]?.headers['user-agent']).toBe('peerstorm-test/1');
});

test.each<[string, (api: Api) => Promise<unknown>]>([
  ['application/json', (api) => api.create(configMaps, object('x'))],
  ['application/apply-patch+yaml', (api) => api.apply(configMaps, object('x'))],
  ['application/merge-patch+json', (api) => api.mergePatch(configMaps, named, {})],
])('%s is what the body is sent as', async (type, call) => {
  await using server = await scriptedApi((_, response) => reply(response, object('x')));
  await call(open(server, { fieldValidation: 'Strict' }));
  expect(server.requests[0]?.headers['content-type']).toBe(type);
  expect(server.requests[0]?.query['fieldValidation']).toBe('Strict');
});

test('delete says which one, and how quickly', async () => {
  await using server = await scriptedApi((_, response) => reply(response, {}));
  const api = open(server);
  expect(await api.delete(configMaps, { ...named, uid: 'u', graceSeconds: 1 })).toBe(true);
  expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Background',
    preconditions: { uid: 'u' },
    gracePeriodSeconds: 1,
  });
});

const page = (names: readonly string[], more = '') => ({
  apiVersion: 'v1',
  kind: 'ConfigMapList',
  metadata: { resourceVersion: '7', continue: more },
  items: names.map((name) => ({ metadata: { name, namespace: 'b', managedFields: [{}] } })),
});

test('a list is all of its pages; items say what they are, and not who owns their fields', async () => {
  const pages = [page(['a', 'b'], 'two'), page(['c'], 'three'), page(['d'])];
  await using server = await scriptedApi((_, response) => reply(response, pages.shift()));
  const items = await open(server).list(configMaps, { namespace: 'b', labelSelector: 'x=y' });
  expect(items).toEqual(['a', 'b', 'c', 'd'].map((name) => object(name)));
  const first = { limit: '500', labelSelector: 'x=y' };
  const queries = server.requests.map(({ query }) => query);
  expect(queries).toEqual([first, { ...first, continue: 'two' }, { ...first, continue: 'three' }]);
});

test('a list whose pages have expired is read at once', async () => {
  await using server = await scriptedApi(({ query }, response) => {
    if (query['continue'] !== undefined) refuse(response, 410);
    else reply(response, query['limit'] ? page(['old'], 'more') : page(['a', 'b']));
  });
  const items = await open(server).list(configMaps, {});
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
});

test('an object that is not there is undefined, a kind of objects that is not there an error', async () => {
  await using server = await scriptedApi(({ path }, response) => {
    if (path.includes('configmaps')) refuse(response, 404, { details: { name: 'x' } });
    else response.writeHead(404).end('404 page not found\n');
  });
  const api = open(server);
  expect(await api.get(configMaps, named)).toBeUndefined();
  expect(await api.delete(configMaps, named)).toBe(false);
  expect(await errorOf(api.mergePatch(configMaps, named, {}))).toMatchObject({ code: 'NOT_FOUND' });
  const error = await errorOf(api.get(resources.testnets, named));
  expect(error.code).toBe('API_ABSENT');
  expect(error.message).toBe('cannot get testnets b/x: 404: 404 page not found');
});

test.each([
  [400, 'API_INVALID'],
  [401, 'API_FORBIDDEN'],
  [403, 'API_FORBIDDEN'],
  [409, 'API_CONFLICT'],
  [422, 'API_INVALID'],
  [500, 'API_ERROR'],
])('%i is %s, with what was wanted and what the server said', async (status, code) => {
  await using server = await scriptedApi((_, response) =>
    refuse(response, status, { reason: 'Because' }),
  );
  const error = await errorOf(open(server).create(configMaps, object('x')));
  expect(error.code).toBe(code);
  expect(error.message).toContain('cannot create configmaps b/x: ');
  expect(error.message).toContain(`refused with ${status}`);
  expect(statusOf(error)).toMatchObject({ code: status, reason: 'Because' });
  // Credentials are tried anew once; nothing else.
  expect(server.requests).toHaveLength(status === 401 ? 2 : 1);
});

test('who is not known is named', async () => {
  await using server = await scriptedApi((_, response) => refuse(response, 401));
  const error = await errorOf(open(server).list(resources.pods, { namespace: 'b' }));
  expect(error.message).toBe(
    `cannot list pods in b: ${server.url} does not know the test: refused with 401`,
  );
});

test('a token that was replaced is read again', async () => {
  let token = 'first';
  await using server = await scriptedApi(({ headers }, response) => {
    if (headers.authorization === 'Bearer second') reply(response, object('x'));
    else {
      token = 'second';
      refuse(response, 401);
    }
  });
  const load = async () => ({ headers: { authorization: `Bearer ${token}` }, tls: {} });
  const connection = connectionFrom({ ...server.connection, load });
  await open({ ...server, connection }).create(configMaps, object('x'));
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer first',
    'Bearer second',
  ]);
});

/** Refuses that often, then answers. */
const busy = (times: number, status: number, headers: Record<string, string> = {}): Answering => {
  let left = times;
  return (_, response) => {
    left -= 1;
    if (left >= 0) refuse(response, status, { headers });
    else reply(response, object('x'));
  };
};

test.each([429, 503])(
  '%i is repeated, whatever it was, when the server says so',
  async (status) => {
    await using server = await scriptedApi(busy(2, status, { 'retry-after': '7' }));
    const clock = hurriedClock();
    await open(server, { clock }).create(configMaps, object('x'));
    expect(clock.slept).toEqual([7000, 7000]);
  },
);

test('who would have to wait for too long is told at once', async () => {
  await using server = await scriptedApi(busy(9, 429, { 'retry-after': '25' }));
  const clock = hurriedClock();
  const error = await errorOf(open(server, { clock }).get(configMaps, named));
  expect(error.code).toBe('API_BUSY');
  expect(clock.slept).toEqual([25_000, 25_000]);
});

test('without a time to wait for, 503 is repeated only where that does no harm', async () => {
  await using server = await scriptedApi(busy(1, 503));
  const clock = hurriedClock();
  await open(server, { clock }).get(configMaps, named);
  expect(clock.slept).toEqual([1000]);
  await using other = await scriptedApi(busy(1, 503));
  const error = await errorOf(open(other).create(configMaps, object('x')));
  expect(error.code).toBe('API_BUSY');
});

test.each([
  ['120', 120_000],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['soon', undefined],
])('Retry-After: %s', (header, wanted) => {
  expect(retryAfterMs(header, Date.parse('2026-01-01T00:00:00Z'))).toBe(wanted);
});

test('a connection that breaks: reads are repeated, creations are not', async () => {
  const breakOnce = (): Answering => {
    let first = true;
    return (_, response) => {
      if (first) response.destroy();
      else reply(response, object('x'));
      first = false;
    };
  };
  await using server = await scriptedApi(breakOnce());
  expect(await open(server).get(configMaps, named)).toEqual(object('x'));
  await using other = await scriptedApi(breakOnce());
  const error = await errorOf(open(other).create(configMaps, object('x')));
  expect(error.code).toBe('API_UNREACHABLE');
  expect(other.requests).toHaveLength(1);
});

test('nobody there: it says where', async () => {
  const server = await scriptedApi(() => undefined);
  await server[Symbol.asyncDispose]();
  const clock = hurriedClock();
  const error = await errorOf(open(server, { clock }).create(configMaps, object('x')));
  expect(error.code).toBe('API_UNREACHABLE');
  expect(error.message).toContain(server.url);
  expect(error.message).toContain('ECONNREFUSED');
  expect(clock.slept).toEqual([100, 400, 1600]);
});

test('a server that does not answer, or not to the end, is not waited for', async () => {
  await using server = await scriptedApi(({ path }, response) => {
    if (path.endsWith('half')) response.write('{');
  });
  const api = open(server, { timeoutMs: 20 });
  for (const path of ['/none', '/half']) {
    const error = await errorOf(api.text(path));
    expect(error.message).toBe(`cannot get ${path}: ${server.url}: no answer within 0.02 s`);
  }
});

test('requests wait for the rate limit in turn, repeats as well', async () => {
  await using server = await scriptedApi(busy(1, 429, { 'retry-after': '0' }));
  const clock = hurriedClock();
  const api = open(server, { clock, qps: 10, burst: 2 });
  for (let count = 0; count < 3; count += 1) await api.get(configMaps, named);
  expect(server.requests).toHaveLength(4);
  expect(clock.slept).toEqual([0, 100, 100]);
});

test('no more requests are in flight than allowed', async () => {
  const open_: (() => void)[] = [];
  const together: number[] = [];
  await using server = await scriptedApi((_, response) => {
    open_.push(() => reply(response, object('x')));
    together.push(open_.length);
    // Answered when nobody else comes.
    setImmediate(() => setImmediate(() => open_.shift()?.()));
  });
  const api = open(server, { inFlight: 2 });
  await Promise.all(Array.from({ length: 7 }, () => api.get(configMaps, named)));
  expect(Math.max(...together)).toBeLessThanOrEqual(2);
  expect(together).toHaveLength(7);
});

test('an aborted client ends what is under way', async () => {
  const ending = new AbortController();
  await using server = await scriptedApi(() => ending.abort(new Error('enough')));
  const api = open(server, { signal: ending.signal });
  await expect(api.get(configMaps, named)).rejects.toThrow('enough');
  await expect(api.get(configMaps, named)).rejects.toThrow('enough');
  expect(server.requests).toHaveLength(1);
});

test('signals that live long are not held by requests that have ended', async () => {
  const ending = new AbortController();
  await using server = await scriptedApi(({ path }, response) => {
    if (path === '/log') response.end('one\n');
    else if (path === '/bad') refuse(response, 500);
    else reply(response, object('x'));
  });
  const api = open(server, { signal: ending.signal });
  await api.text('/version', ending.signal);
  await errorOf(api.text('/bad', ending.signal));
  for await (const line of api.lines('/log', ending.signal)) expect(line).toBe('one');
  expect(getEventListeners(ending.signal, 'abort')).toEqual([]);
});

test('warnings of the server are passed on, each once', async () => {
  await using server = await scriptedApi((_, response) => {
    response.setHeader('warning', '299 - "unknown field \\"spec.foo\\"", 299 - "old"');
    reply(response, object('x'));
  });
  const warnings: string[] = [];
  const api = open(server, { onWarning: (text) => warnings.push(text) });
  for (let count = 0; count < 2; count += 1) await api.apply(configMaps, object('x'));
  expect(warnings).toEqual(['unknown field "spec.foo"', 'old']);
});

test('lines come as they are written, whatever they are cut into', async () => {
  const text = Buffer.from('one\n\nzwölf\nend', 'utf8');
  await using server = await scriptedApi(async (_, response) => {
    for (const byte of text)
      await new Promise<void>((done) => response.write(Buffer.of(byte), () => done()));
    response.end();
  });
  const lines: string[] = [];
  for await (const line of open(server).lines('/log', new AbortController().signal)) {
    lines.push(line);
  }
  expect(lines).toEqual(['one', '', 'zwölf', 'end']);
});
