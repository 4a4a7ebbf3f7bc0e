// The one port on which an agent listens: its health, its metrics, and to the controller what the
// nodes of this host answer, to be read only. What an agent does it learns from the API server,
// never from whoever can reach this port.
import { once } from 'node:events';
import http from 'node:http';
import { fail, messageOf } from '../errors.ts';
import type { ObservationPage } from '../runtime/kubernetes/observations.ts';
import type { Access } from './access.ts';

export type ServedAgent = {
  /** Undefined when all is well; else why not. */
  readonly unhealthy: () => string | undefined;
  readonly unready: () => string | undefined;
  readonly metrics: () => Promise<string>;
  /** Absent: agents do not say what their nodes answer. */
  readonly observations?: {
    readonly access: Access;
    /** Of a testnet, by its uid; undefined: there are no nodes of it here. */
    readonly page: (testnet: string, since: string) => ObservationPage | undefined;
  };
};

export async function serveAgent(
  agent: ServedAgent,
  listen: { readonly host: string; readonly port: number },
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = http.createServer((request, response) => {
    answer(agent, request).then(
      ({ status, body, type = 'text/plain; version=0.0.4; charset=utf-8' }) => {
        response.writeHead(status, { 'content-type': type });
        response.end(body);
      },
      (error: unknown) => response.writeHead(500).end(`${messageOf(error)}\n`),
    );
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening').catch((error: unknown) => {
    throw fail('USAGE', `cannot listen on ${listen.host}:${listen.port}: ${messageOf(error)}`);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : listen.port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

type Answer = { readonly status: number; readonly body: string; readonly type?: string };

async function answer(agent: ServedAgent, request: http.IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, body: 'nothing can be changed here\n' };
  }
  const health = (problem: string | undefined) =>
    problem === undefined ? { status: 200, body: 'ok\n' } : { status: 503, body: `${problem}\n` };
  const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://agent');
  if (path === '/healthz') return health(agent.unhealthy());
  if (path === '/readyz') return health(agent.unready());
  if (path === '/metrics') return { status: 200, body: await agent.metrics() };
  if (path === '/observations' && agent.observations !== undefined) {
    return await observations(agent.observations, request, searchParams);
  }
  return { status: 404, body: 'there are /metrics, /healthz and /readyz\n' };
}

async function observations(
  { access, page }: NonNullable<ServedAgent['observations']>,
  { headers }: http.IncomingMessage,
  asked: URLSearchParams,
): Promise<Answer> {
  const answer = await access(headers.authorization);
  if (answer === 'busy') return { status: 429, body: 'too many ask who they are\n' };
  if (answer === 'denied') return { status: 401, body: 'this is for the controller\n' };
  const found = page(asked.get('testnet') ?? '', asked.get('since') ?? '');
  if (found === undefined) return { status: 404, body: 'no nodes of that testnet are here\n' };
  return { status: 200, body: JSON.stringify(found), type: 'application/json' };
}
