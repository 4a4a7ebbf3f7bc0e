import { describe, expect, test } from 'vitest';
import type { NodeName } from '../names.ts';
import { type Api, resources } from '../runtime/kubernetes/api.ts';
import { memoryServer } from '../runtime/kubernetes/memory-api.ts';
import { secretsIn } from './passwords.ts';

const [a, b] = ['full-0', 'full-1'] as NodeName[] as [NodeName, NodeName];
const namespace = 'system';

describe('the secret of a node', () => {
  test('is its own: neither another node nor another testnet has it', async () => {
    const secretsOf = secretsIn(memoryServer().client('controller'), namespace);
    const [one, other] = [await secretsOf('uid-1'), await secretsOf('uid-2')];
    expect(new Set([one(a), one(b), other(a), other(b)]).size).toBe(4);
  });

  test('is the same for every controller, from one Secret', async () => {
    const server = memoryServer();
    const [first, second] = [1, 2].map(() => secretsIn(server.client('controller'), namespace));
    const answers = await Promise.all([first?.('uid'), second?.('uid')]);
    expect(answers.map((secretOf) => secretOf?.(a))).toEqual(Array(2).fill(answers[0]?.(a)));
    expect(server.all(resources.secrets)).toMatchObject([
      { metadata: { name: 'peerstorm-node-passwords', namespace }, immutable: true },
    ]);
  });

  test('is the same for a controller that lost the race to make the key', async () => {
    const server = memoryServer();
    const api = server.client('controller');
    let other: string | undefined;
    const late: Pick<Api, 'get' | 'create'> = {
      get: api.get,
      create: async (resource, object) => {
        other = (await secretsIn(api, namespace)('uid'))(a);
        return await api.create(resource, object);
      },
    };
    expect((await secretsIn(late, namespace)('uid'))(a)).toBe(other);
  });

  test('is asked for again after the server could not be asked', async () => {
    const api = memoryServer().client('controller');
    let isAway = true;
    const get: Api['get'] = async (...asked) => {
      if (isAway) throw new TypeError('away');
      return await api.get(...asked);
    };
    const secretsOf = secretsIn({ get, create: api.create }, namespace);
    await expect(secretsOf('uid')).rejects.toThrow('away');
    isAway = false;
    await expect(secretsOf('uid')).resolves.toBeTypeOf('function');
  });

  test('is not made from a Secret without a key', async () => {
    const api = memoryServer().client('controller');
    const metadata = { name: 'peerstorm-node-passwords', namespace };
    await api.create(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata });
    await expect(secretsIn(api, namespace)('uid')).rejects.toMatchObject({ code: 'START_FAILED' });
  });
});
