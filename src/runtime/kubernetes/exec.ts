// Runs one command in a container and collects what it says: a WebSocket on which each message
// begins with the number of its stream (KEP-4006). Version 5 of the protocol differs from 4 in how
// input ends, and we send none, so both do. The exit code is what the server says in the end; a
// connection that ends without it is an error, never an exit code. Abandoning the connection does
// not end the command (https://github.com/kubernetes-client/javascript/issues/2532).
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { fail, messageOf } from '../../errors.ts';
import type { ExecResult } from '../runtime.ts';
import { type Named, resources } from './api.ts';
import { refusal, type Status, unreachable } from './api-errors.ts';
import { pathOf } from './client-path.ts';
import type { Connection } from './connection.ts';
import { readText, urlOf } from './transport.ts';

export type ExecOrder = {
  readonly pod: Named & { readonly container?: string };
  readonly argv: readonly string[];
  readonly signal: AbortSignal;
  readonly userAgent: string;
};

/** Of both streams together. */
const outputLimitBytes = 4 * 2 ** 20;
const handshakeMs = 30_000;

export async function execInPod(connection: Connection, order: ExecOrder): Promise<ExecResult> {
  const { pod, argv, signal, userAgent } = order;
  const what = `run ${argv[0] ?? 'nothing'} in pods ${pod.namespace ?? ''}/${pod.name}`;
  const asked = { what, who: connection.who, server: connection.server };
  signal.throwIfAborted();
  const { agent, headers } = await connection.access();
  const socket = new WebSocket(
    urlOf(connection.server, execPath(order)),
    ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
    {
      agent,
      headers: { ...headers, 'user-agent': userAgent },
      handshakeTimeout: handshakeMs,
      perMessageDeflate: false,
      maxPayload: outputLimitBytes,
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const collected = collect(what);
  socket.on('message', (data) => {
    try {
      const result = collected.take(data as Buffer);
      if (result !== undefined) resolve(result);
    } catch (error) {
      reject(error);
    }
  });
  socket.on('unexpected-response', (_request, response: IncomingMessage) => {
    const { statusCode: status = 0, headers } = response;
    readText({ status, headers, body: response }, outputLimitBytes).then(
      (text) => reject(refusal(asked, status, text)),
      (error: unknown) => reject(unreachable(asked, error)),
    );
  });
  socket.on('error', (error) => reject(unreachable(asked, error)));
  socket.on('close', (code) =>
    reject(unreachable(asked, `the connection ended without an exit code (${code})`)),
  );
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.terminate();
  }
}

function execPath({ pod, argv }: ExecOrder): string {
  const { namespace, name, container } = pod;
  const query = new URLSearchParams({ stdout: 'true', stderr: 'true' });
  if (container !== undefined) query.set('container', container);
  for (const word of argv) query.append('command', word);
  return `${pathOf(resources.pods, { namespace, name, subresource: 'exec' })}?${query.toString()}`;
}

/** Numbers of the streams. */
const [stdout, stderr, errors] = [1, 2, 3];

function collect(what: string): { readonly take: (data: Buffer) => ExecResult | undefined } {
  const parts: Record<number, Buffer[]> = { [stdout]: [], [stderr]: [], [errors]: [] };
  const textOf = (stream: number) => Buffer.concat(parts[stream] ?? []).toString('utf8');
  let size = 0;
  return {
    take: (data) => {
      const stream = data[0] ?? 0;
      const body = data.subarray(1);
      size += body.length;
      if (size > outputLimitBytes) {
        throw fail(
          'API_ERROR',
          `cannot ${what}: it said more than ${outputLimitBytes / 2 ** 20} MiB`,
        );
      }
      parts[stream]?.push(body);
      if (stream !== errors || body.length === 0) return undefined;
      return {
        exitCode: exitCodeOf(textOf(errors), what),
        stdout: textOf(stdout),
        stderr: textOf(stderr),
      };
    },
  };
}

function exitCodeOf(text: string, what: string): number {
  const said = statusIn(text, what);
  if (said.status === 'Success') return 0;
  const cause = said.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (said.reason !== 'NonZeroExitCode' || cause?.message === undefined) {
    throw fail('API_ERROR', `cannot ${what}: ${said.message ?? said.reason ?? text}`);
  }
  return Number(cause.message);
}

function statusIn(text: string, what: string): Partial<Status> & { readonly status?: string } {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('API_ERROR', `cannot ${what}: ${messageOf(error)} in ${text.slice(0, 200)}`);
  }
}
