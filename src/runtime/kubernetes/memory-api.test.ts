import { describe, expect, test } from 'vitest';
import { type KubernetesObject, resources } from './api.ts';
import { memoryServer } from './memory-api.ts';

type Doc = KubernetesObject & {
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
  readonly status?: unknown;
};

const { configMaps, pods, testnets } = resources;
const never = new AbortController().signal;

function document(name: string, more: Partial<Doc> = {}): Doc {
  const { metadata, ...rest } = more;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'chaos', ...metadata },
    ...rest,
  };
}

const named = (name: string) => ({ namespace: 'chaos', name });
const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

describe('writes', () => {
  test('a second create of a name is a conflict', async () => {
    const api = memoryServer().client('one');
    await api.create(configMaps, document('a'));
    await expect(api.create(configMaps, document('a'))).rejects.toMatchObject({
      code: 'API_CONFLICT',
    });
  });

  test('an update of an old version is a conflict', async () => {
    const api = memoryServer().client('one');
    const first = await api.create(configMaps, document('a'));
    await api.update(configMaps, { ...first, data: { x: '1' } });
    await expect(api.update(configMaps, { ...first, data: { x: '2' } })).rejects.toMatchObject({
      code: 'API_CONFLICT',
    });
  });

  test('generation counts changes of the spec, versions count all changes', async () => {
    const server = memoryServer();
    const api = server.client('one');
    const first = await api.create<Doc>(testnets, document('a', { spec: { n: 1 } }));
    expect(first.metadata.generation).toBe(1);
    const labelled = await api.mergePatch<Doc>(testnets, named('a'), {
      metadata: { labels: { x: 'y' } },
    });
    expect(labelled.metadata.generation).toBe(1);
    expect(labelled.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    const same = await api.mergePatch<Doc>(testnets, named('a'), { spec: { n: 1 } });
    expect(same.metadata.resourceVersion).toBe(labelled.metadata.resourceVersion);
    const changed = await api.mergePatch<Doc>(testnets, named('a'), { spec: { n: 2 } });
    expect(changed.metadata.generation).toBe(2);
  });

  test('status is written apart', async () => {
    const api = memoryServer().client('one');
    await api.create<Doc>(testnets, document('a', { status: { lost: true }, spec: {} }));
    const status = document('a', { status: { kept: true } });
    await api.apply<Doc>(testnets, status, { subresource: 'status' });
    const both = await api.mergePatch<Doc>(testnets, named('a'), { status: null, spec: { n: 1 } });
    expect(both).toMatchObject({ status: { kept: true }, spec: { n: 1 } });
  });

  test('apply takes away what its manager does not say any more, and nothing of others', async () => {
    const server = memoryServer();
    const [one, other] = [server.client('one'), server.client('other')];
    await one.apply<Doc>(configMaps, document('a', { data: { mine: '1', gone: '1' } }));
    await other.apply<Doc>(configMaps, document('a', { data: { theirs: '1' } }));
    const after = await one.apply<Doc>(configMaps, document('a', { data: { mine: '2' } }));
    expect(after.data).toEqual({ mine: '2', theirs: '1' });
  });
});

describe('deletion', () => {
  test('waits for finalizers', async () => {
    const server = memoryServer();
    const api = server.client('one');
    const metadata = { name: 'a', namespace: 'chaos', finalizers: ['x'] };
    await api.create(testnets, document('a', { metadata }));
    await api.delete(testnets, named('a'));
    expect(await api.get(testnets, named('a'))).toMatchObject({
      metadata: { deletionTimestamp: expect.any(String) },
    });
    await api.mergePatch(testnets, named('a'), { metadata: { finalizers: null } });
    expect(await api.get(testnets, named('a'))).toBeUndefined();
  });

  test('takes along what the object owned', async () => {
    const server = memoryServer();
    const api = server.client('one');
    const owner = await api.create(testnets, document('a'));
    const { uid = '' } = owner.metadata;
    const ownerReferences = [{ apiVersion: 'x', kind: 'Testnet', name: 'a', uid }];
    const metadata = { name: 'owned', namespace: 'chaos', ownerReferences };
    await api.create(configMaps, document('owned', { metadata }));
    await api.delete(testnets, named('a'));
    await turns();
    expect(server.all(configMaps)).toEqual([]);
  });

  test('of a pod is the kubelet’s to finish, unless there is no grace', async () => {
    const events: string[] = [];
    const server = memoryServer({
      onPod: (event, pod) => events.push(`${event} ${pod.metadata.name}`),
    });
    const api = server.client('one');
    await api.create(pods, document('a'));
    await api.create(pods, document('b'));
    await api.delete(pods, named('a'));
    await api.delete(pods, { ...named('b'), graceSeconds: 0 });
    expect(server.all(pods).map(({ metadata }) => metadata.name)).toEqual(['a']);
    server.remove(pods, named('a'));
    expect(server.all(pods)).toEqual([]);
    expect(events).toEqual(['created a', 'created b', 'deleting a']);
  });

  test('by uid spares a namesake', async () => {
    const api = memoryServer().client('one');
    await api.create(configMaps, document('a'));
    await expect(api.delete(configMaps, { ...named('a'), uid: 'other' })).rejects.toMatchObject({
      code: 'API_CONFLICT',
    });
    expect(await api.delete(configMaps, named('b'))).toBe(false);
  });
});

describe('reads', () => {
  test.each([
    ['app=x', ['a', 'b']],
    ['app!=x', ['c']],
    ['app=x,tier', ['b']],
    ['!tier', ['a', 'c']],
    ['app in (x, z)', ['a', 'b', 'c']],
    ['app notin (x)', ['c']],
  ])('labels: %s', async (labelSelector, expected) => {
    const api = memoryServer().client('one');
    const labelled = { a: { app: 'x' }, b: { app: 'x', tier: '1' }, c: { app: 'z' } };
    for (const [name, labels] of Object.entries(labelled)) {
      await api.create(configMaps, document(name, { metadata: { name, namespace: 'n', labels } }));
    }
    const found = await api.list(configMaps, { namespace: 'n', labelSelector });
    expect(found.map(({ metadata }) => metadata.name)).toEqual(expected);
  });

  test('fields: of the host, of the name', async () => {
    const api = memoryServer().client('one');
    await api.create<Doc>(pods, document('a', { spec: { nodeName: 'one' } }));
    await api.create<Doc>(pods, document('b', { spec: { nodeName: 'two' } }));
    const names = async (fieldSelector: string) =>
      (await api.list(pods, { fieldSelector })).map(({ metadata }) => metadata.name);
    expect(await names('spec.nodeName=one')).toEqual(['a']);
    expect(await names('metadata.name!=a')).toEqual(['b']);
  });

  test('a cache follows its scope until it is aborted', async () => {
    const server = memoryServer();
    const api = server.client('one');
    const over = new AbortController();
    await api.create(configMaps, document('a'));
    const cache = api.follow(configMaps, { namespace: 'chaos' }, over.signal);
    const seen: string[] = [];
    cache.onChange((key, object) => seen.push(`${key} ${object === undefined ? 'gone' : 'there'}`));
    await cache.synced();
    await api.create(configMaps, document('b'));
    await api.delete(configMaps, named('a'));
    await turns();
    expect(seen).toEqual(['chaos/a there', 'chaos/b there', 'chaos/a gone']);
    over.abort();
    await api.create(configMaps, document('c'));
    await turns();
    expect(cache.values()).toHaveLength(1);
  });

  test('a label that goes takes the object out of the scope', async () => {
    const server = memoryServer();
    const metadata = { name: 'a', namespace: 'chaos', labels: { app: 'x' } };
    await server.client('one').create(configMaps, document('a', { metadata }));
    const cache = server.client('one').follow(configMaps, { labelSelector: 'app=x' }, never);
    await cache.synced();
    expect(cache.get('chaos/a')).toBeDefined();
    server.change(configMaps, named('a'), { metadata: { labels: null } });
    await turns();
    expect(cache.get('chaos/a')).toBeUndefined();
  });
});

test('what `before` throws is the answer, and every call is noted', async () => {
  const server = memoryServer({
    before: ({ verb }) => {
      if (verb === 'get') throw new TypeError('cut off');
    },
  });
  const api = server.client('one');
  await api.create(configMaps, document('a'));
  await expect(api.get(configMaps, named('a'))).rejects.toThrow('cut off');
  expect(server.calls.map(({ verb }) => verb)).toEqual(['create', 'get']);
});
