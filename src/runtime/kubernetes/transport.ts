// One exchange with the API server over node:http: send, wait for the headers, read the body. No
// repeats, no rate limit, no meaning of a status: those are requests.ts. node:https instead of a
// client library, because the agent of every host uses this file: Node.js with node:https is 51 MB,
// with the index of @kubernetes/client-node it is 130.
import http from 'node:http';
import https from 'node:https';
import type { Connection } from './connection.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type Exchange = {
  readonly method: Method;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
};

export type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Must be read to its end, or destroyed. */
  readonly body: http.IncomingMessage;
};

/** Resolves with the headers of the answer. Fails as Node.js does, or with the signal's reason. */
export async function send(connection: Connection, exchange: Exchange): Promise<Answer> {
  const { method, path, body, signal } = exchange;
  const { agent, headers: credentials } = await connection.access();
  signal.throwIfAborted();
  const url = urlOf(connection.server, path);
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...exchange.headers,
    ...credentials,
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { request } = url.protocol === 'https:' ? https : http;
  const sent = request(url, { agent, method, headers, signal }, (answer) => {
    // Whoever reads gets errors by reading; nobody else may fall over them.
    answer.on('error', () => undefined);
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
  });
  sent.on('error', (error) => reject(signal.aborted ? signal.reason : error));
  sent.end(body);
  return await promise;
}

/** A server may have a path of its own (`https://rancher.example/k8s/clusters/c1`). */
export function urlOf(server: string, path: string): URL {
  return new URL(server.replace(/\/+$/, '') + path);
}

/** The whole body; fails when it is larger than that. */
export async function readText(answer: Answer, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) {
      answer.body.destroy();
      throw new RangeError(`the answer is larger than ${limitBytes / 2 ** 20} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Lines of a body as they come, without their ends; the last may have none. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  limitBytes: number,
): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, end)]).toString('utf8');
      [parts, size, start] = [[], 0, end + 1];
      yield line;
    }
    parts.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > limitBytes) {
      throw new RangeError(`a line is longer than ${limitBytes / 2 ** 20} MiB`);
    }
  }
  if (size > 0) yield Buffer.concat(parts).toString('utf8');
}

/** Ends with any of its parents, or after a time. Dispose of it: parents may live long. */
export interface Limit extends Disposable {
  readonly signal: AbortSignal;
  /** From now on only the parents end it. */
  stopClock(): void;
}

/** The reason that `limitOf` aborts with when the time is over. */
class TimeOver extends Error {
  override readonly name = 'TimeOver';
}

export function limitOf(ms: number, parents: readonly (AbortSignal | undefined)[]): Limit {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(new TimeOver(`no answer within ${ms / 1000} s`)), ms);
  const links = parents.flatMap((parent) => {
    if (parent === undefined) return [];
    const abort = () => own.abort(parent.reason);
    if (parent.aborted) abort();
    parent.addEventListener('abort', abort, { once: true });
    return [() => parent.removeEventListener('abort', abort)];
  });
  const stopClock = () => clearTimeout(timer);
  return {
    signal: own.signal,
    stopClock,
    [Symbol.dispose]: () => {
      stopClock();
      for (const unlink of links) unlink();
    },
  };
}
