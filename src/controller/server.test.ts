import { afterEach, beforeEach, expect, test } from 'vitest';
import { cluster, specOf, testnetObject } from '../../test/controller.ts';
import { serveController } from './server.ts';

let unready: string | undefined;
let leads: boolean;
let world: ReturnType<typeof cluster>;
let server: Awaited<ReturnType<typeof serveController>>;

beforeEach(async () => {
  unready = undefined;
  leads = true;
  world = cluster();
  world.apply(testnetObject('net', specOf({ more: 'duration: 5m' })));
  await world.start();
  await world.until('net', ({ status }) => status?.startedAt !== undefined);
  await world.sleep(3_000);
  server = await serveController(
    {
      unhealthy: () => undefined,
      unready: () => unready,
      metrics: async () => '# HELP own Of the controller.\n# TYPE own gauge\nown 1\n',
      runs: () => (leads ? world.runs() : undefined),
    },
    { host: '127.0.0.1', port: 0 },
  );
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await world.stop();
});

const ask = (path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, init);

test('health, and readiness with the reason', async () => {
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask('/readyz')).status).toBe(200);
  unready = 'caches are being filled';
  const answer = await ask('/readyz');
  expect([answer.status, await answer.text()]).toEqual([503, 'caches are being filled\n']);
});

test.each([
  ['status', '"nodes":{"planned":4'],
  ['nodes', '"name":"boot-0"'],
  ['graph', '"edges":[["'],
  ['faults', '[]'],
  ['state', '"planHash"'],
  ['plan', '"waves"'],
  ['events', '"event":"ready"'],
  ['samples', '"boot-0":{'],
])('shows the %s of a testnet', async (view, part) => {
  const answer = await ask(`/testnets/storms/net/${view}`);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.text()).toContain(part);
});

test('gives events from the n-th and samples after a time', async () => {
  const list = async (path: string) =>
    (await (await ask(`/testnets/storms/net/${path}`)).json()) as { t: number }[];
  const all = await list('events');
  expect(await list('events?from=1')).toEqual(all.slice(1));
  const samples = await list('samples?after=1');
  expect(samples.map(({ t }) => Math.round(t))).toEqual([2, 3]);
});

test('metrics are those of the controller and of all runs, each once', async () => {
  const text = await (await ask('/metrics')).text();
  expect(text).toContain('own 1');
  expect(text).toContain('peerstorm_nodes_ready{namespace="storms",testnet="net"} 4');
  expect(text.match(/# HELP peerstorm_nodes_ready /g)).toHaveLength(1);
});

test('one that does not lead says so, and that another try is worth it', async () => {
  leads = false;
  const answer = await ask('/testnets/storms/net/status');
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '0']);
  expect((await ask('/metrics')).status).toBe(200);
});

test.each([
  ['GET', '/', 404],
  ['GET', '/testnets/storms/other/status', 404],
  ['GET', '/testnets/storms/net/down', 404],
  ['GET', '/testnets/storms/net/constructor', 404],
  ['GET', '//%', 404],
  ['POST', '/testnets/storms/net/faults', 405],
  ['DELETE', '/testnets/storms/net/faults', 405],
  ['PUT', '/healthz', 405],
])('%s %s is answered by %i', async (method, path, status) => {
  expect((await ask(path, { method })).status).toBe(status);
});
