import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { epoch } from '../../test/scripted.ts';
import type { NodeName } from '../names.ts';
import type { Session } from '../session/session.ts';
import { openSession } from '../session/socket-session.ts';
import { createEventLog } from './events.ts';
import { serveSession } from './server.ts';

let directory: string;
let socketPath: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'server-'));
  socketPath = join(directory, 'control.sock');
});
afterEach(() => rmSync(directory, { recursive: true }));

const eventLog = () =>
  createEventLog({
    journal: { event: () => undefined },
    clock: { now: () => epoch, sleep: () => Promise.resolve() },
    timeZero: () => undefined,
  });

/** As much of a session as is asked for here. */
function sessionOf(parts: Partial<Session>): Session {
  const missing = () => Promise.reject(new TypeError('not asked for'));
  return {
    ...{ status: missing, nodes: missing, graph: missing, exec: missing, applyFault: missing },
    ...{ faults: missing, clearFaults: missing, state: missing, metrics: missing, down: missing },
    watch: async function* () {},
    logs: async function* () {},
    ...parts,
  };
}

function statusOf(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    });
    request.once('error', reject).end();
  });
}

describe('a served session', () => {
  test.each(['//', '/%', '/logs/%zz'])(
    'answers a path of nonsense (%s) and goes on',
    async (path) => {
      await using _server = await serveSession(sessionOf({ nodes: async () => [] }), socketPath);
      expect(await statusOf(path)).toBeGreaterThanOrEqual(400);
      expect(await statusOf('/nodes')).toBe(200);
    },
  );

  test('gives watchers the last events of a run, and then ends', async () => {
    const events = eventLog();
    const server = await serveSession(
      sessionOf({ watch: (signal) => events.watch(signal) }),
      socketPath,
    );
    events.note('started', 'before');
    const seen: string[] = [];
    for await (const { event } of openSession(socketPath).watch(AbortSignal.timeout(10_000))) {
      seen.push(event?.event ?? '');
      if (event?.event !== 'started') continue;
      // Now it surely watches; the run ends in one go.
      for (let index = 0; index < 3_000; index += 1) events.note('late', 'x'.repeat(100));
      events.note('ended', 'the run is over');
      void server[Symbol.asyncDispose]();
    }
    expect(seen).toHaveLength(3_002);
    expect(seen.at(-1)).toBe('ended');
  });

  test('ends the logs that somebody follows', async () => {
    const node = 'full-0' as NodeName;
    const logs: Session['logs'] = async function* (_node, _options, signal) {
      yield { node, text: 'one' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      yield { node, text: 'last words' };
    };
    const server = await serveSession(sessionOf({ logs }), socketPath);
    const lines: string[] = [];
    const signal = AbortSignal.timeout(10_000);
    for await (const { text } of openSession(socketPath).logs(node, { follow: true }, signal)) {
      lines.push(text);
      if (text === 'one') void server[Symbol.asyncDispose]();
    }
    expect(lines).toEqual(['one', 'last words']);
  });

  test('does not wait for a reader who does not read', async () => {
    const events = eventLog();
    const server = await serveSession(
      sessionOf({ watch: (signal) => events.watch(signal) }),
      socketPath,
    );
    for (let index = 0; index < 9_000; index += 1) events.note('much', 'x'.repeat(1_000));
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ socketPath, path: '/watch' }, resolve).once('error', reject);
    });
    response.on('error', () => undefined);
    await server[Symbol.asyncDispose]();
    await expect(statusOf('/nodes')).rejects.toThrow(/ENOENT|ECONNREFUSED/);
  });
});

test('of past events the newest are kept for those who begin to watch', async () => {
  const events = eventLog();
  for (let index = 0; index < 25_000; index += 1) events.note('e', String(index));
  const stop = new AbortController();
  stop.abort();
  const seen: string[] = [];
  for await (const { event } of events.watch(stop.signal)) seen.push(event?.message ?? '');
  expect([seen.length, seen[0], seen.at(-1)]).toEqual([10_000, '15000', '24999']);
});
