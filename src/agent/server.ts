// The one port on which an agent listens: its health and its metrics, to be read only. What an
// agent does it learns from the API server, never from whoever can reach this port.
import { once } from 'node:events';
import http from 'node:http';
import { fail, messageOf } from '../errors.ts';

export type ServedAgent = {
  /** Undefined when all is well; else why not. */
  readonly unhealthy: () => string | undefined;
  readonly unready: () => string | undefined;
  readonly metrics: () => Promise<string>;
};

export async function serveAgent(
  agent: ServedAgent,
  listen: { readonly host: string; readonly port: number },
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = http.createServer((request, response) => {
    answer(agent, request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
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

type Answer = { readonly status: number; readonly body: string };

async function answer(agent: ServedAgent, request: http.IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, body: 'nothing can be changed here\n' };
  }
  const health = (problem: string | undefined) =>
    problem === undefined ? { status: 200, body: 'ok\n' } : { status: 503, body: `${problem}\n` };
  const path = request.url?.split('?')[0];
  if (path === '/healthz') return health(agent.unhealthy());
  if (path === '/readyz') return health(agent.unready());
  if (path === '/metrics') return { status: 200, body: await agent.metrics() };
  return { status: 404, body: 'there are /metrics, /healthz and /readyz\n' };
}
