import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import { createAccess } from './access.ts';

const reader = 'system:serviceaccount:peerstorm-system:peerstorm-controller';
const good = {
  authenticated: true,
  audiences: ['peerstorm-agent'],
  user: { username: reader },
};

function knock(answer: () => unknown) {
  const clock = virtualClock(0);
  const reviewed: string[] = [];
  const create = async (_: unknown, review: object) => {
    const { spec } = review as { spec: { token: string; audiences: string[] } };
    reviewed.push([spec.token, ...spec.audiences].join());
    return { ...review, status: await answer() };
  };
  const access = createAccess({ api: { create: create as never }, clock, reader });
  return { access, clock, reviewed };
}

test.each<[string, unknown, string]>([
  ['the controller, with a token for agents', good, 'granted'],
  ['a token that is nobody’s', { authenticated: false }, 'denied'],
  ['a token for the API server', { ...good, audiences: ['https://kubernetes'] }, 'denied'],
  ['a server that knows no audiences', { ...good, audiences: undefined }, 'denied'],
  ['somebody else', { ...good, user: { username: `${reader}2` } }, 'denied'],
  ['an answer without words', undefined, 'denied'],
])('%s', async (_, status, wanted) => {
  const { access, reviewed } = knock(() => status);
  expect(await access('Bearer abc')).toBe(wanted);
  expect(reviewed).toEqual(['abc,peerstorm-agent']);
});

test.each([undefined, '', 'Basic abc', 'Bearer', `Bearer ${'x'.repeat(8_193)}`])(
  'without a token (%.12s) the server is not asked',
  async (authorization) => {
    const { access, reviewed } = knock(() => good);
    expect(await access(authorization)).toBe('denied');
    expect(reviewed).toEqual([]);
  },
);

test('a good token is good for a minute, another one is looked at', async () => {
  const { access, clock, reviewed } = knock(() => good);
  await access('Bearer abc');
  await clock.run(clock.sleep(59_999));
  await access('Bearer abc');
  expect(reviewed).toHaveLength(1);
  await access('Bearer def');
  await clock.run(clock.sleep(1));
  await access('Bearer abc');
  expect(reviewed).toHaveLength(3);
});

test('few are looked at at once, and the known one does not wait for them', async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const answers: unknown[] = [good, promise, promise, promise, promise];
  const { access } = knock(() => answers.shift());
  await access('Bearer known');
  const waiting = ['a', 'b', 'c', 'd'].map((token) => access(`Bearer ${token}`));
  expect(await access('Bearer e')).toBe('busy');
  expect(await access('Bearer known')).toBe('granted');
  resolve({ authenticated: false });
  expect(await Promise.all(waiting)).toEqual(['denied', 'denied', 'denied', 'denied']);
  answers.push(good);
  expect(await access('Bearer e')).toBe('granted');
});

test('while the API server is away, who was known is let in for ten minutes', async () => {
  let answer: unknown = 'away';
  const { access, clock } = knock(() => {
    if (answer === 'away') throw fail('API_UNREACHABLE', 'gone');
    return answer;
  });
  await expect(access('Bearer abc')).rejects.toThrow('gone');
  answer = good;
  expect(await access('Bearer abc')).toBe('granted');
  answer = 'away';
  await clock.run(clock.sleep(599_999));
  expect(await access('Bearer abc')).toBe('granted');
  await expect(access('Bearer def')).rejects.toThrow('gone');
  await clock.run(clock.sleep(1));
  await expect(access('Bearer abc')).rejects.toThrow('gone');
});

test('a token that is good no more is known no more', async () => {
  const answers: unknown[] = [good, { authenticated: false }];
  const { access, clock } = knock(() => {
    if (answers.length === 0) throw fail('API_UNREACHABLE', 'gone');
    return answers.shift();
  });
  await access('Bearer abc');
  await clock.run(clock.sleep(60_000));
  // Looked at meanwhile.
  expect(await access('Bearer abc')).toBe('granted');
  await clock.run(clock.sleep(1));
  await expect(access('Bearer abc')).rejects.toThrow('gone');
});
