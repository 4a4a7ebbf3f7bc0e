// A user of the cluster in memory (test/controller.ts): what they do to objects is done to that
// API server; the controller is asked over HTTP, through a proxy of its Service as the API server
// has one, with its own server behind it.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveController } from '../src/controller/server.ts';
import { fail } from '../src/errors.ts';
import type { Api } from '../src/runtime/kubernetes/api.ts';
import { openApi } from '../src/runtime/kubernetes/client.ts';
import { connectionFrom } from '../src/runtime/kubernetes/connection.ts';
import { type Cluster, clusterOf } from '../src/session/cluster.ts';
import type { cluster } from './controller.ts';
import { refuse, reply } from './scripted-api.ts';

export type User = AsyncDisposable & {
  readonly cluster: Cluster;
  /** What the cluster does not let them do, or does not have. */
  /** Lets virtual time pass until the promise is settled, but never while a view is asked for. */
  run<T>(main: Promise<T>): Promise<T>;
  readonly limits: { services?: 'forbidden' | 'none'; proxy?: 'forbidden' | 'absent' };
};

const sliceMs = 100;
const realTurn = () =>
  new Promise<false>((resolve) => {
    setTimeout(() => resolve(false), 1);
  });
const service = { name: 'storm-controller', namespace: 'storm-system' };

export async function userOf(
  world: ReturnType<typeof cluster>,
  options: { readonly api?: Partial<Api>; readonly systemNamespace?: string } = {},
): Promise<User> {
  const limits: User['limits'] = {};
  const controller = await serveController(
    {
      unhealthy: () => undefined,
      unready: () => undefined,
      metrics: async () => '',
      runs: () => world.runs(),
    },
    { host: '127.0.0.1', port: 0 },
  );
  const server = http.createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '', 'http://any');
    if (pathname.endsWith('/services')) {
      const isEverywhere = pathname === '/api/v1/services';
      if (limits.services === 'forbidden' && isEverywhere) return refuse(response, 403);
      const items = limits.services === 'none' ? [] : [{ metadata: service }];
      return reply(response, { items, metadata: {} });
    }
    const { namespace, name } = service;
    const proxy = `/api/v1/namespaces/${namespace}/services/${name}:http/proxy`;
    if (!pathname.startsWith(proxy)) return refuse(response, 404, { details: { name: 'it' } });
    if (limits.proxy === 'forbidden') return refuse(response, 403);
    if (limits.proxy === 'absent') return refuse(response, 503);
    const path = `${pathname.slice(proxy.length)}${search}`;
    http
      .get({ port: controller.port, path, agent: false }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      })
      .on('error', () => refuse(response, 502));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const load = async () => ({ headers: {}, tls: {} });
  const connection = connectionFrom({ server: url, namespace: 'storms', who: 'the test', load });
  const viewApi = openApi(connection, { userAgent: 'test/1', fieldManager: 'test', patienceMs: 0 });
  const { systemNamespace } = options;
  const asked = new Set<Promise<unknown>>();
  const counted = async <T>(answer: Promise<T>): Promise<T> => {
    asked.add(answer);
    return await answer.finally(() => asked.delete(answer));
  };
  return {
    limits,
    run: async (main) => {
      const over = main.then(
        () => true,
        () => true,
      );
      // Files and sockets know no virtual time.
      const turn = async () => {
        await world.clock.run(world.clock.sleep(sliceMs));
        await Promise.allSettled(asked);
        return await Promise.race([over, realTurn()]);
      };
      while (!(await turn()));
      return await main;
    },
    cluster: clusterOf({
      api: { ...world.server.client('peerstorm'), ...options.api },
      viewApi: {
        text: (path, signal) => counted(viewApi.text(path, signal)),
        list: (resource, scope) => counted(viewApi.list(resource, scope)),
      },
      server: 'https://cluster.test',
      namespace: 'storms',
      clock: world.clock,
      ...(systemNamespace === undefined ? {} : { systemNamespace }),
    }),
    [Symbol.asyncDispose]: async () => {
      connection.close();
      for (const each of [server]) {
        each.close();
        each.closeAllConnections();
      }
      await controller[Symbol.asyncDispose]();
    },
  };
}

/** What an API server says to those who ask for a resource that it does not have. */
export const unknownResource = () => fail('API_ABSENT', 'cannot list testnets: 404: not found');
