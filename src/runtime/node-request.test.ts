import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askNode } from './node-request.ts';

const host = '127.0.0.1';
let server: http.Server;
let port: number;
const seen: { readonly method: string; readonly url: string; readonly body: string }[] = [];

beforeEach(async () => {
  seen.length = 0;
  server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { method = '', url = '' } = request;
      seen.push({ method, url, body });
      if (url === '/silent') return;
      if (url === '/elsewhere') response.writeHead(302, { location: '/' });
      if (url === '/large') response.write('x'.repeat(2 ** 20));
      response.end(url === '/large' ? 'y' : `answer to ${method} ${url}`);
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const never = new AbortController().signal;
const get = (path: string, signal = never) => askNode(host, { type: 'http', port, path }, signal);

describe('a request to a node', () => {
  test('gives status and body', async () => {
    expect(await get('/a')).toEqual({ status: 200, body: 'answer to GET /a' });
  });

  test('may have a method, headers and a body', async () => {
    await askNode(
      host,
      { type: 'http', port, path: '/rpc', method: 'POST', headers: { a: 'b' }, body: '{}' },
      never,
    );
    expect(seen).toEqual([{ method: 'POST', url: '/rpc', body: '{}' }]);
  });

  test('follows no redirect', async () => {
    expect(await get('/elsewhere')).toMatchObject({ status: 302 });
    expect(seen.map(({ url }) => url)).toEqual(['/elsewhere']);
  });

  test('takes no answer of more than 1 MiB', async () => {
    await expect(get('/large')).rejects.toThrow(/over 1 MiB/);
  });

  test('is given up after its time, or when it is not wanted any more', async () => {
    await expect(get('/silent')).rejects.toThrow();
    await expect(get('/silent', AbortSignal.abort())).rejects.toThrow();
  });

  test('fails where nobody listens', async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    await expect(get('/')).rejects.toThrow(/ECONNREFUSED/);
    await expect(askNode(host, { type: 'tcp', port }, never)).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('a connection to a node', () => {
  test('is enough for tcp', async () => {
    expect(await askNode(host, { type: 'tcp', port }, never)).toEqual({ status: 200, body: '' });
    expect(seen).toEqual([]);
  });

  test('is not made when it is not wanted any more', async () => {
    const wanted = askNode(host, { type: 'tcp', port }, AbortSignal.abort());
    await expect(wanted).rejects.toThrow();
  });
});
