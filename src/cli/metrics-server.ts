// /metrics of a run on localhost, for a Prometheus on this machine.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fail, messageOf } from '../errors.ts';
import type { Session } from '../session/session.ts';

export async function serveMetrics(
  session: Session,
  listen: { readonly host: string; readonly port: number },
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = http.createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end('there is only /metrics\n');
      return;
    }
    session.metrics().then(
      (text) => {
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
        response.end(text);
      },
      (error: unknown) => response.writeHead(503).end(`${messageOf(error)}\n`),
    );
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening').catch((error: unknown) => {
    throw fail('USAGE', `cannot listen on ${listen.host}:${listen.port}: ${messageOf(error)}`);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}/metrics`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
