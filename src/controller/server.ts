// What the controller answers over HTTP, to be read only: its health, its metrics, and what a
// session shows of the runs (the CLI reads that through the API server's proxy of our Service).
// Nothing can be changed here: whoever wants a change writes an object, and the API server asks
// whether they may.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fail, messageOf } from '../errors.ts';
import { mergeExpositions } from './expositions.ts';
import type { TestnetRun } from './testnet-run.ts';

export type ServedController = {
  /** Undefined when all is well; else why not. */
  readonly unhealthy: () => string | undefined;
  readonly unready: () => string | undefined;
  /** Prometheus text of the controller itself. */
  readonly metrics: () => Promise<string>;
  /** Undefined where it does not lead: another one has them. */
  readonly runs: () => ReadonlyMap<string, TestnetRun> | undefined;
};

type View = (run: TestnetRun, query: URLSearchParams) => Promise<unknown>;

const views: ReadonlyMap<string, View> = new Map<string, View>([
  ['status', ({ session }) => session.status()],
  ['nodes', ({ session }) => session.nodes()],
  ['graph', ({ session }) => session.graph()],
  ['faults', ({ session }) => session.faults()],
  ['state', ({ session }) => session.state()],
  ['metrics', ({ session }) => session.metrics()],
  ['plan', async ({ running }) => running.plan],
  // Timeline from the n-th event on.
  ['events', async ({ running }, query) => running.events.past(Number(query.get('from') ?? 0))],
  // With single nodes, the newest few minutes: lines after that time in seconds.
  ['samples', async ({ journal }, query) => journal.samplesAfter(Number(query.get('after') ?? -1))],
]);

export async function serveController(
  controller: ServedController,
  listen: { readonly host: string; readonly port: number },
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = http.createServer((request, response) => {
    void answer(controller, request, response);
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening').catch((error: unknown) => {
    throw fail('USAGE', `cannot listen on ${listen.host}:${listen.port}: ${messageOf(error)}`);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  controller: ServedController,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      reply(response, 405, 'nothing can be changed here\n');
      return;
    }
    const url = new URL(`http://localhost${request.url ?? '/'}`);
    const [, first = '', namespace = '', name = '', view = ''] = url.pathname.split('/');
    if (first === 'healthz') return health(response, controller.unhealthy());
    if (first === 'readyz') return health(response, controller.unready());
    if (first === 'metrics') return reply(response, 200, await allMetrics(controller));
    const show = views.get(view);
    if (first !== 'testnets' || show === undefined) return reply(response, 404, 'not found\n');
    const runs = controller.runs();
    if (runs === undefined) {
      // The Service has all of us behind it: the next try may reach the one that leads.
      response.setHeader('retry-after', '0');
      return reply(response, 503, 'another controller leads\n');
    }
    const run = runs.get(`${namespace}/${name}`);
    if (run === undefined) return reply(response, 404, `no testnet ${name} runs here\n`);
    reply(response, 200, await show(run, url.searchParams));
  } catch (error) {
    reply(response, 500, `${messageOf(error)}\n`);
  }
}

function health(response: http.ServerResponse, problem: string | undefined): void {
  reply(
    response,
    problem === undefined ? 200 : 503,
    problem === undefined ? 'ok\n' : `${problem}\n`,
  );
}

function reply(response: http.ServerResponse, status: number, body: unknown): void {
  const isText = typeof body === 'string';
  const type = isText ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json';
  response.writeHead(status, { 'content-type': type });
  response.end(isText ? body : JSON.stringify(body));
}

async function allMetrics({ metrics, runs }: ServedController): Promise<string> {
  const own = { text: await metrics(), labels: {} };
  const each = [...(runs() ?? [])].map(async ([key, { session }]) => {
    const [namespace = ''] = key.split('/');
    return { text: await session.metrics(), labels: { namespace } };
  });
  return mergeExpositions([own, ...(await Promise.all(each))]);
}
