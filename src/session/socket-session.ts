// The session over the supervisor's unix socket: HTTP with JSON, streams as JSON lines.
import http from 'node:http';
import { createInterface } from 'node:readline';
import { type ErrorCode, errorCodes, fail, messageOf } from '../errors.ts';
import type { LogLine } from '../runtime/runtime.ts';
import type { Session } from './session.ts';

type Call = {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal;
};

export function openSession(socket: string): Session {
  const call = async <T>(path: string, options: Call = {}) =>
    JSON.parse(await text(await request(socket, path, options))) as T;
  const list = remembering(async (path) => text(await request(socket, path, {})));
  const one = (node: string) => encodeURIComponent(node);
  return {
    status: () => call('/status'),
    watch: (signal) => lines(socket, '/watch', signal),
    nodes: () => list('/nodes'),
    graph: () => list('/graph'),
    logs: (node, { follow }, signal) =>
      lines<LogLine>(socket, `/logs/${one(node)}?follow=${follow}`, signal),
    exec: (node, argv) => call(`/exec/${one(node)}`, { method: 'POST', body: argv }),
    applyFault: (document) => call('/faults', { method: 'POST', body: document }),
    faults: () => call('/faults'),
    clearFaults: (name) =>
      call(name === undefined ? '/faults' : `/faults/${one(name)}`, { method: 'DELETE' }),
    state: () => call('/state'),
    metrics: async () => text(await request(socket, '/metrics', {})),
    down: async (reason) => void (await call('/down', { method: 'POST', body: reason ?? null })),
  };
}

/** An answer that is the same as before is the same value: it is long, and asked for often. */
function remembering(ask: (path: string) => Promise<string>): <T>(path: string) => Promise<T> {
  const last = new Map<string, { readonly body: string; readonly value: unknown }>();
  return async <T>(path: string) => {
    const body = await ask(path);
    const known = last.get(path);
    const value: unknown = known?.body === body ? known.value : JSON.parse(body);
    last.set(path, { body, value });
    return value as T;
  };
}

async function* lines<T>(socket: string, path: string, signal: AbortSignal): AsyncIterable<T> {
  const response = await request(socket, path, { signal });
  try {
    for await (const line of createInterface({ input: response })) yield JSON.parse(line) as T;
    // readline takes a connection that broke for an end.
    if (!response.complete) throw fail('CONTACT_LOST', 'the supervisor is gone');
  } catch (error) {
    if (!signal.aborted) throw fail('CONTACT_LOST', messageOf(error), error);
  }
}

function request(socketPath: string, path: string, options: Call): Promise<http.IncomingMessage> {
  const { method = 'GET', body, signal } = options;
  const content = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const outgoing = http.request(
      { socketPath, path, method, headers, ...(signal ? { signal } : {}) },
      (response) => {
        if (response.statusCode === 200) return resolve(response);
        text(response).then((answer) => reject(errorOf(answer)), reject);
      },
    );
    outgoing.on('error', (error) =>
      reject(fail('CONTACT_LOST', `no contact over ${socketPath}: ${error.message}`, error)),
    );
    outgoing.end(content);
  });
}

function errorOf(answer: string): Error {
  try {
    const { code, message } = JSON.parse(answer) as { code: string; message: string };
    return fail(code in errorCodes ? (code as ErrorCode) : 'INTERNAL', message);
  } catch {
    return fail('INTERNAL', answer);
  }
}

async function text(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
