import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { type PageServer, servePage } from './server.ts';
import type { Message, PageSource } from './source.ts';
import { emptyState } from './tape.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'page-'));
  for (const name of ['index.html', 'page.js', 'page.css']) {
    writeFileSync(join(folder, name), `this is ${name}`);
  }
  writeFileSync(join(folder, 'secret'), 'nobody sees this');
});
afterAll(() => rmSync(folder, { recursive: true }));

const applied: string[] = [];
const listeners = new Set<(message: Message) => void>();

function sourceOf(control: boolean): PageSource {
  return {
    testnet: 'one',
    open: (listener) => {
      listeners.add(listener);
      const base = emptyState('one');
      return {
        recording: { mode: 'live', control, base, events: [], frames: [] },
        close: () => void listeners.delete(listener),
      };
    },
    log: async (node) => {
      if (node !== 'full-0') throw fail('NOT_FOUND', `no node "${node}"`);
      return ['a line'];
    },
    ...(control && {
      control: {
        applyFault: async (text) => {
          applied.push(text);
          return 'cut';
        },
        clearFaults: async (name) => [name ?? 'all'],
      },
    }),
  };
}

type Asked = http.RequestOptions & { readonly body?: string };
type Answer = {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
};

/** `path` is what follows the token; absolute with a slash before it. */
function ask({ url }: PageServer, path: string, { body, ...options }: Asked = {}): Promise<Answer> {
  const target = new URL(url);
  const full = path.startsWith('/') ? path : `${target.pathname}${path}`;
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: target.hostname, port: target.port, path: full, ...options },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        const { statusCode: status, headers } = response;
        response.once('end', () => resolve({ status, headers, text }));
      },
    );
    request.once('error', reject).end(body);
  });
}

const serve = (control = false) => servePage(sourceOf(control), { folder, port: 0 });
const sameSite = ({ url }: PageServer) => ({ headers: { origin: new URL(url).origin } });

describe('the server of the page', () => {
  test('gives the page and nothing else of its folder', async () => {
    await using page = await serve();
    expect(await ask(page, '')).toMatchObject({ status: 200, text: 'this is index.html' });
    expect(await ask(page, 'page.js')).toMatchObject({ status: 200, text: 'this is page.js' });
    for (const path of ['secret', '../secret', '%2e%2e/secret', 'page.js/more', 'x', 'logs', '%']) {
      expect((await ask(page, path)).status).toBeGreaterThanOrEqual(400);
    }
  });

  test('is bound to this host', async () => {
    await using page = await serve();
    expect(new URL(page.url).hostname).toBe('127.0.0.1');
    expect((await ask(page, '', { host: '127.0.0.2' }).catch(() => undefined))?.status).toBe(
      undefined,
    );
  });

  test('answers nobody without the whole token', async () => {
    await using page = await serve();
    const { pathname } = new URL(page.url);
    expect(pathname).toMatch(/^\/[0-9a-f]{32}\/$/);
    const wrong = ['/', '/page.js', `/${'0'.repeat(32)}/`, pathname.slice(0, -2), `/x${pathname}`];
    for (const path of wrong) {
      const { status, text } = await ask(page, path);
      expect([status, text]).toEqual([403, expect.stringContaining('token')]);
    }
  });

  test('answers nobody who thinks that it is another host (DNS rebinding)', async () => {
    await using page = await serve();
    const { port } = new URL(page.url);
    const statusFor = async (host: string) => (await ask(page, '', { headers: { host } })).status;
    expect(await statusFor(`localhost:${port}`)).toBe(200);
    for (const host of [`evil.example:${port}`, 'localhost', `127.0.0.1.evil.example:${port}`]) {
      expect(await statusFor(host)).toBe(403);
    }
  });

  test('lets the browser load nothing from elsewhere, and tells nobody where it is', async () => {
    await using page = await serve();
    const { headers } = await ask(page, '');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:|\*/);
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('gives logs, and says which node there is not', async () => {
    await using page = await serve();
    expect(await ask(page, 'logs/full-0')).toMatchObject({ status: 200, text: '["a line"]' });
    expect(await ask(page, 'logs/full-9')).toMatchObject({ status: 400 });
  });

  test.each(['logs/%', 'logs/%zz', 'logs/full%-0', 'logs/%ff'])(
    'says of %j that it names no node',
    async (path) => {
      await using page = await serve();
      const answered = await ask(page, path);
      expect(answered.status).toBe(400);
      expect(answered.text).toContain(`${path.slice('logs/'.length)} is not the name of a node`);
    },
  );

  test('reads escapes in the name of a node', async () => {
    await using page = await serve();
    expect(await ask(page, 'logs/full%2d0')).toMatchObject({ status: 200, text: '["a line"]' });
  });

  test('looks on only, unless it may do more', async () => {
    await using page = await serve();
    const { status, text } = await ask(page, 'faults', { method: 'DELETE', ...sameSite(page) });
    expect([status, text]).toEqual([403, expect.stringContaining('--web-control')]);
  });

  test('takes faults from its own page only', async () => {
    await using page = await serve(true);
    const asked = { method: 'POST', body: '{"kind":"Fault"}' };
    expect((await ask(page, 'faults', asked)).status).toBe(403);
    const elsewhere = { headers: { origin: 'http://evil.example' } };
    expect((await ask(page, 'faults', { ...asked, ...elsewhere })).status).toBe(403);
    expect(applied).toEqual([]);
    expect((await ask(page, 'faults', { ...asked, ...sameSite(page) })).text).toBe('"cut"');
    expect(applied).toEqual([asked.body]);
    const cleared = await ask(page, 'faults/cut', { method: 'DELETE', ...sameSite(page) });
    expect(cleared.text).toBe('["cut"]');
    const large = { ...asked, body: 'x'.repeat(70_000), ...sameSite(page) };
    expect((await ask(page, 'faults', large)).status).toBe(400);
  });

  test('streams what is and what comes, and forgets readers that are gone', async () => {
    await using page = await serve();
    const reader = new AbortController();
    const response = await fetch(`${page.url}events`, { signal: reader.signal });
    const lines = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await lines?.read())?.value).toMatch(/^event: recording\ndata: \{.*\}\n\n$/);
    for (const listener of listeners) {
      listener({ kind: 'frame', frame: { patch: { elapsed: 1 } } });
    }
    expect((await lines?.read())?.value).toBe('event: frame\ndata: {"patch":{"elapsed":1}}\n\n');
    reader.abort();
    await expect.poll(() => listeners.size).toBe(0);
  });

  test('says that a port is taken', async () => {
    await using page = await serve();
    const port = Number(new URL(page.url).port);
    await expect(servePage(sourceOf(false), { folder, port })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
