import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostReport } from '../runtime/kubernetes/objects.ts';
import { agentReader } from './agent-answers.ts';

const heard = { node: 'full-0', ageMs: 12.5, observation: { peers: [] }, seconds: 0.01 };
const page = {
  next: 'a.1',
  more: false,
  heard: [heard, { node: 'full-1', ageMs: 1, failure: 'no' }],
};

let folder = '';
let server: http.Server;
let answer = { status: 200, body: JSON.stringify(page) };
const asked: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerstorm-'));
  server = http.createServer(({ url, headers }, response) => {
    asked.push(`${url} ${headers.authorization}`);
    response.writeHead(answer.status).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true });
});

async function read(address: string | undefined) {
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'abc\n');
  const report = { host: 'one', ...(address === undefined ? {} : { agentAddress: address }) };
  const get = (key: string) => (key === 'system/one' ? (report as HostReport) : undefined);
  const reader = agentReader({ hostReports: { get }, namespace: 'system', tokenFile });
  return await reader('one', { uid: 'u', since: 'a.0' }, AbortSignal.timeout(5_000));
}
const here = () => `127.0.0.1:${(server.address() as AddressInfo).port}`;

test('an agent is asked where its report says, with the token of the file', async () => {
  expect(await read(here())).toEqual(page);
  expect(asked.splice(0)).toEqual(['/observations?testnet=u&since=a.0 Bearer abc']);
});

test.each([undefined, '', 'example.org:80', 'localhost:80', '10.0.0.1', '10.0.0.1:80/x'])(
  'nobody is shown the token because of the address %s',
  async (address) => {
    await expect(read(address)).rejects.toThrow('it does not say where it listens');
  },
);

test.each([
  [{ status: 401, body: 'this is for the controller\n' }, 'it answers 401: this is for the'],
  [{ status: 200, body: '{"heard": []}' }, 'next'],
  [{ status: 200, body: JSON.stringify({ ...page, heard: [{ ...heard, observation: 1 }] }) }, ''],
])('what is no answer is an error: %j', async (one, words) => {
  answer = one;
  await expect(read(here())).rejects.toThrow(words);
});
