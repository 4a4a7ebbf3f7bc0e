// What a node shows of itself, on its own address: GET /healthz, /observation?since=N,
// /events?since=N and /metrics. Nothing can be changed here.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from '../src/errors.ts';
import { log } from './log.ts';

export type Shown = {
  /** Receptions after that number count as news. */
  readonly observation: (since: number) => unknown;
  readonly events: (since: number) => unknown;
  /** As Prometheus scrapes them. */
  readonly metrics: () => string;
};

export async function serveHttp(
  shown: Shown,
  { address, port }: { address: string; port: number },
): Promise<Server> {
  const server = createServer((request, response) => {
    // For a Date header Node.js sets a timer, which wakes an idle process once a second more.
    response.sendDate = false;
    answer(shown, request, response).catch((error: unknown) => {
      log('error', 'request failed', { path: request.url, why: messageOf(error) });
      response.writeHead(500).end();
    });
  });
  // Whoever observes asks every second or so: one connection, not one a request.
  server.keepAliveTimeout = 30_000;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, address, resolve);
  await promise;
  return server;
}

async function answer(
  shown: Shown,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end();
    return;
  }
  const [path = '', query] = (request.url ?? '').split('?', 2);
  const since = Number(new URLSearchParams(query).get('since') ?? Number.POSITIVE_INFINITY);
  if (Number.isNaN(since)) {
    send(response, 400, 'since: not a number\n');
    return;
  }
  switch (path) {
    case '/healthz':
      return send(response, 200, 'ok\n');
    case '/observation':
      return sendJson(response, shown.observation(since));
    case '/events':
      return sendJson(response, shown.events(Number.isFinite(since) ? since : 0));
    case '/metrics':
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(shown.metrics());
      return;
    default:
      return send(response, 404, 'not found\n');
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  sendText(response, status, { type: 'text/plain', text });
}

function sendJson(response: ServerResponse, value: unknown): void {
  sendText(response, 200, { type: 'application/json', text: JSON.stringify(value) });
}

/** With its length, it is one write; without, it would be three. */
function sendText(
  response: ServerResponse,
  status: number,
  { type, text }: { readonly type: string; readonly text: string },
): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': type, 'content-length': length }).end(text);
}
