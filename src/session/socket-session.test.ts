// The session over its socket: what one end says is what the other hears.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { nodeName } from '../names.ts';
import { faultDocument } from '../spec/schema.ts';
import { serveSession } from '../supervisor/server.ts';
import type { Session, Status } from './session.ts';
import { openSession } from './socket-session.ts';

const status: Status = {
  testnet: 'net',
  runtime: 'local',
  phase: 'running',
  startedAt: '2026-01-01T00:00:00.000Z',
  nodes: { planned: 1, running: 1, ready: 1 },
  metrics: { components: 1 },
  faults: [],
  expectations: [],
  problems: [],
};
const event = { at: status.startedAt, event: 'note', message: 'grüße\n✓' };
const calls: unknown[][] = [];
let watching: AbortSignal | undefined;

/** Writes down what it was asked. */
const served: Session = {
  status: async () => status,
  watch: async function* (signal) {
    watching = signal;
    yield { event };
    yield { status };
    if (!signal.aborted) await once(signal, 'abort');
  },
  nodes: async () => [],
  graph: async () => ({ nodes: [], edges: [['a-0', 'b-0']] }),
  logs: async function* (node, options) {
    calls.push(['logs', node, options]);
    for (const text of ['one', 'two']) yield { node: nodeName('full', 3), text };
  },
  exec: async (...args) => {
    calls.push(['exec', ...args]);
    return { exitCode: 7, stdout: 'out', stderr: '' };
  },
  applyFault: async (document) => {
    calls.push(['applyFault', document]);
    return { name: document.metadata.name, kind: 'kill', warnings: ['be careful'] };
  },
  faults: async () => [],
  clearFaults: async (...args) => {
    calls.push(['clearFaults', ...args]);
    if (args[0] === 'none') throw fail('NOT_FOUND', 'net has no fault "none"');
    return ['cut'];
  },
  state: async () => {
    throw new TypeError('a bug');
  },
  metrics: async () => '# HELP x y\nx 1\n',
  down: async (...args) => void calls.push(['down', ...args]),
};

let folder: string;
let server: AsyncDisposable;
let session: Session;
beforeEach(async () => {
  calls.length = 0;
  folder = mkdtempSync(join(tmpdir(), 'session-'));
  const path = join(folder, 'control.sock');
  server = await serveSession(served, path);
  session = openSession(path);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;

describe('a session over a socket', () => {
  test('gives what is asked', async () => {
    expect(await session.status()).toEqual(status);
    expect(await session.graph()).toEqual({ nodes: [], edges: [['a-0', 'b-0']] });
    expect(await session.nodes()).toEqual([]);
    expect(await session.metrics()).toBe('# HELP x y\nx 1\n');
  });

  test('passes on what is to be done', async () => {
    const document = faultDocument.parse({
      apiVersion: 'peerstorm.dev/v1alpha1',
      kind: 'Fault',
      metadata: { name: 'die' },
      spec: { testnet: 'net', kill: { targets: {} } },
    });
    const argv = ['sh', '-c', 'echo "a b" | wc'];
    expect(await session.exec('full-3', argv)).toEqual({ exitCode: 7, stdout: 'out', stderr: '' });
    expect(await session.applyFault(document)).toEqual({
      name: 'die',
      kind: 'kill',
      warnings: ['be careful'],
    });
    expect(await session.clearFaults()).toEqual(['cut']);
    expect(await session.clearFaults('cut')).toEqual(['cut']);
    await session.down();
    const reason = { code: 'SIGNAL', exit: 130, message: 'stopped' };
    await session.down(reason);
    expect(calls).toEqual([
      ['exec', 'full-3', argv],
      ['applyFault', document],
      ['clearFaults'],
      ['clearFaults', 'cut'],
      ['down', undefined],
      ['down', reason],
    ]);
  });

  test('streams, until there is no more', async () => {
    const lines: string[] = [];
    for await (const { text } of session.logs('full-3', { follow: true }, never)) lines.push(text);
    expect(lines).toEqual(['one', 'two']);
    expect(calls).toEqual([['logs', 'full-3', { follow: true }]]);
  });

  test('streams, until the reader goes', async () => {
    const stop = new AbortController();
    const items: unknown[] = [];
    for await (const item of session.watch(stop.signal)) {
      items.push(item);
      if (items.length === 2) stop.abort();
    }
    expect(items).toEqual([{ event }, { status }]);
    if (watching?.aborted === false) await once(watching, 'abort');
    expect(watching?.aborted).toBe(true);
  });

  test('keeps the code of an error, and calls what has none our bug', async () => {
    await expect(session.clearFaults('none')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'net has no fault "none"',
    });
    await expect(session.state()).rejects.toMatchObject({ code: 'INTERNAL', message: 'a bug' });
  });

  test('says when nobody is there', async () => {
    const alone = openSession(join(folder, 'none.sock'));
    await expect(alone.status()).rejects.toMatchObject({ code: 'CONTACT_LOST' });
  });

  test('loses contact when its server breaks off', async () => {
    const broken = join(folder, 'broken.sock');
    const other = http.createServer((_, response) => {
      response.writeHead(200);
      response.write(`${JSON.stringify({ status })}\n`, () => response.destroy());
    });
    other.listen(broken);
    await once(other, 'listening');
    const items: unknown[] = [];
    const reading = (async () => {
      for await (const item of openSession(broken).watch(never)) items.push(item);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'CONTACT_LOST' });
    expect(items).toEqual([{ status }]);
    other.close();
  });

  test('takes no body of more than 1 MiB', async () => {
    const argv = ['x'.repeat(2 ** 20)];
    await expect(session.exec('full-3', argv)).rejects.toMatchObject({ code: 'USAGE' });
    expect(calls).toEqual([]);
  });
});
