// Serves the page of a run on localhost: three files, a stream of what happens (server-sent
// events), logs, and, if that is allowed, faults. A testnet can be broken from here, and a browser
// asks in the name of every site that its user visits; so a request is only answered if it names
// this host (else another name may lead here: DNS rebinding) and bears the token, which is in the
// address that the user was given and in no other place.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fail, messageOf, PeerstormError } from '../errors.ts';
import type { PageSource } from './source.ts';

export type PageServer = AsyncDisposable & { readonly url: string };

const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
};
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};
const bodyLimitBytes = 64 * 1024;
/** Of one reader; beyond it the reader is dropped, comes again, and begins anew. */
const unreadLimitBytes = 32 * 2 ** 20;
const readersMax = 64;

type Site = {
  readonly source: PageSource;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly token: string;
  readonly hosts: ReadonlySet<string>;
  readonly readers: Set<http.ServerResponse>;
};

/** `folder` holds the built page (page/bundle.ts). Port 0: any free one. */
export async function servePage(
  source: PageSource,
  { folder, port }: { readonly folder: string; readonly port: number },
): Promise<PageServer> {
  const files = new Map<string, Buffer>();
  for (const name of Object.keys(types)) files.set(name, await readFile(join(folder, name)));
  const token = randomBytes(16).toString('hex');
  const hosts = new Set<string>();
  const site: Site = { source, files, token, hosts, readers: new Set() };
  const server = http.createServer((request, response) => void answer(site, request, response));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch((error: unknown) => {
    throw fail('USAGE', `the page cannot be served on port ${port}: ${messageOf(error)}`);
  });
  const bound = (server.address() as AddressInfo).port;
  for (const name of ['127.0.0.1', 'localhost']) hosts.add(`${name}:${bound}`);
  return {
    url: `http://127.0.0.1:${bound}/${token}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const reader of site.readers) reader.end();
      server.closeIdleConnections();
      // What was written last is still read by those who read.
      setTimeout(() => server.closeAllConnections(), 500).unref();
    },
  };
}

async function answer(
  site: Site,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  try {
    const refusal = refusalOf(site, request);
    if (refusal !== undefined) return refuse(response, refusal);
    const [, , ...path] = (request.url ?? '').replace(/\?.*$/, '').split('/');
    const known = await route(site, { request, response, path });
    if (!known) refuse(response, [404, 'there is nothing here']);
  } catch (error) {
    const status = error instanceof PeerstormError && error.exit === 2 ? 400 : 500;
    if (response.headersSent) response.destroy();
    else refuse(response, [status, messageOf(error)]);
  }
}

type Refusal = readonly [status: number, message: string];

/** Of requests that are none of ours, whatever they ask for. */
function refusalOf(
  { hosts, token }: Site,
  { headers, method, url = '' }: http.IncomingMessage,
): Refusal | undefined {
  const host = headers.host ?? '';
  if (!hosts.has(host)) return [403, 'this is not the name of this host'];
  if (!isSame(url.split('/')[1] ?? '', token)) {
    return [403, 'the token is wrong: take the whole address that Peerstorm has shown'];
  }
  if (method === 'GET') return undefined;
  if (headers.origin !== `http://${host}`) return [403, 'another site has sent this'];
  return undefined;
}

/** In a time that tells nothing of where they differ. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

type Exchange = {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly path: readonly string[];
};

/** False: there is no such thing. */
async function route(site: Site, exchange: Exchange): Promise<boolean> {
  const { source, files } = site;
  const { request, response, path } = exchange;
  const [first = '', second, ...more] = path;
  if (more.length > 0) return false;
  if (request.method !== 'GET') return first === 'faults' && (await change(source, exchange));
  if (first === 'events') return stream(site, exchange);
  if (first === 'logs' && second !== undefined) {
    reply(response, await source.log(nodeOf(second)));
    return true;
  }
  const name = first === '' ? 'index.html' : first;
  const content = second === undefined ? files.get(name) : undefined;
  if (content === undefined) return false;
  response.writeHead(200, { 'content-type': types[name] }).end(content);
  return true;
}

/** As the address has it: with escapes, and anybody can write broken ones. */
function nodeOf(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw fail('USAGE', `${segment} is not the name of a node: write "%" as %25`);
  }
}

async function change({ control }: PageSource, exchange: Exchange): Promise<boolean> {
  const { request, response, path } = exchange;
  if (control === undefined) {
    refuse(response, [403, 'this page looks on only; start it with --web-control']);
    return true;
  }
  if (request.method === 'POST') reply(response, await control.applyFault(await bodyOf(request)));
  else if (request.method === 'DELETE') reply(response, await control.clearFaults(path[1]));
  else return false;
  return true;
}

/** Server-sent events: `recording` first, then a `frame` each, and `end`. */
function stream({ source, readers }: Site, { response }: Exchange): boolean {
  if (readers.size >= readersMax) throw fail('USAGE', 'too many pages are open');
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (event: string, data: unknown) => {
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    if (response.writableLength > unreadLimitBytes) response.destroy();
  };
  const { recording, close } = source.open((message) => {
    if (message.kind === 'frame') send('frame', message.frame);
    else send('end', {});
  });
  readers.add(response);
  response.once('close', () => {
    readers.delete(response);
    close();
  });
  send('recording', recording);
  return true;
}

function reply(response: http.ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: http.ServerResponse, [status, message]: Refusal): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
}

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > bodyLimitBytes) throw fail('USAGE', `more than ${bodyLimitBytes} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
