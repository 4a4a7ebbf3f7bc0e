import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ObservationPage } from '../runtime/kubernetes/observations.ts';
import { pathOfObservations } from '../runtime/kubernetes/observations.ts';
import { type ServedAgent, serveAgent } from './server.ts';

const page: ObservationPage = { next: 'a.1', more: false, heard: [] };
const observations: ServedAgent['observations'] = {
  access: async (authorization) => {
    if (authorization === 'Bearer later') return 'busy';
    return authorization === 'Bearer good' ? 'granted' : 'denied';
  },
  page: (testnet, since) => (testnet === 'uid' && since === 'a.0' ? page : undefined),
};
const agent: ServedAgent = {
  unhealthy: () => undefined,
  unready: () => 'starting',
  metrics: async () => 'up 1\n',
  observations,
};

let served: Awaited<ReturnType<typeof serveAgent>>;
const start = async (one: ServedAgent) => {
  served = await serveAgent(one, { host: '127.0.0.1', port: 0 });
};
beforeEach(() => start(agent));
afterEach(() => served[Symbol.asyncDispose]());

async function ask(path: string, token?: string, method = 'GET') {
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${served.port}${path}`, { method, headers });
  return { status: answer.status, body: await answer.text() };
}

test.each<[string, string | undefined, number, string]>([
  ['/healthz', undefined, 200, 'ok'],
  ['/readyz', undefined, 503, 'starting'],
  ['/metrics', undefined, 200, 'up 1'],
  ['/other', undefined, 404, '/metrics'],
  [pathOfObservations('uid', 'a.0'), undefined, 401, 'for the controller'],
  [pathOfObservations('uid', 'a.0'), 'bad', 401, 'for the controller'],
  [pathOfObservations('uid', 'a.0'), 'later', 429, 'too many'],
  [pathOfObservations('uid', 'a.0'), 'good', 200, JSON.stringify(page)],
  [pathOfObservations('other', 'a.0'), 'good', 404, 'no nodes'],
  ['/observations', 'good', 404, 'no nodes'],
])('%s with the token %s is answered with %d', async (path, token, ...[status, words]) => {
  const answer = await ask(path, token);
  expect(answer.status).toBe(status);
  expect(answer.body).toContain(words);
});

test('nothing can be changed, whoever asks', async () => {
  expect((await ask(pathOfObservations('uid', 'a.0'), 'good', 'POST')).status).toBe(405);
});

test('who cannot find out who asks says nothing', async () => {
  await served[Symbol.asyncDispose]();
  const { observations: _, ...silent } = agent;
  await start(silent);
  expect((await ask(pathOfObservations('uid', 'a.0'), 'good')).status).toBe(404);
  await served[Symbol.asyncDispose]();
  const access = async () => await Promise.reject(new TypeError('the server is away'));
  await start({ ...agent, observations: { access, page: () => page } });
  const answer = await ask(pathOfObservations('uid', 'a.0'), 'good');
  expect(answer).toEqual({ status: 500, body: 'the server is away\n' });
});
