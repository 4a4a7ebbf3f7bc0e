// Serves a session over a unix socket: HTTP with JSON, streams as JSON lines. The folder of the
// socket is the user's own (0700): who can open it may command the testnet.
import { once } from 'node:events';
import http from 'node:http';
import { finished } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, PeerstormError } from '../errors.ts';
import type { Session, StopReason } from '../session/session.ts';
import type { FaultDocument } from '../spec/schema.ts';

const bodyLimitBytes = 2 ** 20;
/** For readers of streams, to take what is left for them when the run has ended. */
const goodbyeMs = 2_000;

type Exchange = {
  readonly session: Session;
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly url: URL;
  /** The last part of the path, where there is one. */
  readonly name: string;
  /** Who asked is gone. */
  readonly gone: AbortSignal;
  /** The same, or the run has ended: streams end, after what they still hold. */
  readonly signal: AbortSignal;
};

type Handler = (exchange: Exchange) => Promise<unknown>;

const routes: Readonly<Record<string, Handler>> = {
  'GET /status': ({ session }) => session.status(),
  'GET /nodes': ({ session }) => session.nodes(),
  'GET /graph': ({ session }) => session.graph(),
  'GET /faults': ({ session }) => session.faults(),
  'GET /state': ({ session }) => session.state(),
  'GET /metrics': ({ session }) => session.metrics(),
  'GET /watch': (exchange) => stream(exchange, exchange.session.watch(exchange.signal)),
  'GET /logs/': (exchange) => {
    const follow = exchange.url.searchParams.get('follow') === 'true';
    return stream(exchange, exchange.session.logs(exchange.name, { follow }, exchange.signal));
  },
  'POST /exec/': async ({ session, name, request }) =>
    session.exec(name, (await bodyOf(request)) as string[]),
  'POST /faults': async ({ session, request }) =>
    session.applyFault((await bodyOf(request)) as FaultDocument),
  'DELETE /faults': ({ session }) => session.clearFaults(),
  'DELETE /faults/': ({ session, name }) => session.clearFaults(name),
  'POST /down': async ({ session, request }) => {
    await session.down(((await bodyOf(request)) as StopReason | null) ?? undefined);
    return {};
  },
};

/** When it is disposed of, streams are given their last items and end; no longer than 2 s. */
export async function serveSession(session: Session, path: string): Promise<AsyncDisposable> {
  const ending = new AbortController();
  const open = new Set<Promise<void>>();
  const server = http.createServer((request, response) => {
    const answered = answer({ session, request, response, ending: ending.signal });
    open.add(answered);
    void answered.finally(() => open.delete(answered));
  });
  // `watch` and `logs` may be silent for as long as the testnet runs.
  server.requestTimeout = 0;
  server.listen(path);
  await once(server, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      server.close();
      const limit = new AbortController();
      const late = wait(goodbyeMs, undefined, { signal: limit.signal }).catch(() => undefined);
      await Promise.race([Promise.all(open), late]);
      limit.abort();
      server.closeAllConnections();
    },
  };
}

type Asked = Pick<Exchange, 'session' | 'request' | 'response'> & {
  readonly ending: AbortSignal;
};

/** Until the whole answer is on its way, or its reader is gone. Never throws. */
async function answer({ ending, ...exchange }: Asked): Promise<void> {
  const { request, response } = exchange;
  const left = new AbortController();
  response.once('close', () => left.abort());
  const gone = left.signal;
  try {
    const url = new URL(`http://localhost${request.url ?? '/'}`);
    const [, first = '', name = ''] = url.pathname.split('/');
    const handler = routes[`${request.method} /${first}${name === '' ? '' : '/'}`];
    if (handler === undefined) {
      reply(response, 404, { code: 'INTERNAL', message: `no route ${request.method} ${url.href}` });
    } else {
      const signal = AbortSignal.any([gone, ending]);
      const asked = { ...exchange, url, name: decodeURIComponent(name), gone, signal };
      const result = await handler(asked);
      if (!response.headersSent) reply(response, 200, result);
    }
  } catch (error) {
    const code = error instanceof PeerstormError ? error.code : 'INTERNAL';
    if (response.headersSent) response.destroy();
    else reply(response, 400, { code, message: messageOf(error) });
  }
  await finished(response).catch(() => undefined);
}

function reply(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function stream({ response, gone }: Exchange, items: AsyncIterable<unknown>): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  for await (const item of items) {
    if (!response.write(`${JSON.stringify(item)}\n`)) {
      // A reader that does not read is waited for until it reads or goes.
      await once(response, 'drain', { signal: gone }).catch(() => undefined);
    }
    if (gone.aborted) return;
  }
  response.end();
}

async function bodyOf(request: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > bodyLimitBytes) throw new PeerstormError('USAGE', 'the request is over 1 MiB');
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
