// An API server that answers what the test says, request by request, and clocks that do not wait.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../src/runtime/clock.ts';
import { type Connection, connectionFrom } from '../src/runtime/kubernetes/connection.ts';

export type Received = {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
};

export type Answering = (request: Received, response: http.ServerResponse) => unknown;

export interface ScriptedApi extends AsyncDisposable {
  readonly url: string;
  readonly server: http.Server;
  readonly connection: Connection;
  /** Oldest first. */
  readonly requests: Received[];
}

export async function scriptedApi(answering: Answering): Promise<ScriptedApi> {
  const requests: Received[] = [];
  const server = http.createServer((request, response) => {
    void receive(request).then((received) => {
      requests.push(received);
      answering(received, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const load = async () => ({ headers: { authorization: 'Bearer first' }, tls: {} });
  const connection = connectionFrom({ server: url, namespace: 'b', who: 'the test', load });
  return {
    url,
    server,
    connection,
    requests,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

async function receive(request: http.IncomingMessage): Promise<Received> {
  const { method = '', url = '', headers } = request;
  const { pathname, searchParams } = new URL(url, 'http://any');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  return { method, path: pathname, query: Object.fromEntries(searchParams), headers, body };
}

export function reply(response: http.ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

type Refusal = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly reason?: string;
  readonly details?: object;
};

/** As the API server refuses. */
export function refuse(
  response: http.ServerResponse,
  code: number,
  { headers = {}, ...more }: Refusal = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', code, message: `refused with ${code}`, ...more }));
}

/** One event of a watch. */
export function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

export interface HurriedClock extends Clock {
  /** What was slept, in milliseconds. */
  readonly slept: number[];
  advance(ms: number): void;
}

/**
 * Sleeps are over at once, and it is as much later; those of `forever` or more last until aborted.
 */
export function hurriedClock(forever = Number.POSITIVE_INFINITY): HurriedClock {
  let now = Date.parse('2026-01-01T00:00:00Z');
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    sleep: async (ms, signal) => {
      if (signal?.aborted === true) return;
      if (ms >= forever) {
        if (signal === undefined) return await new Promise(() => undefined);
        await once(signal, 'abort');
        return;
      }
      slept.push(ms);
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
