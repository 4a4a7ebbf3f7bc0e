// Testnets whose edges are in a ConfigMap, on a cluster in memory.
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cluster, specOf, testnetObject } from '../../test/controller.ts';
import { type KubernetesObject, resources } from '../runtime/kubernetes/api.ts';
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { TestnetRun } from './testnet-run.ts';

const inConfigMap = '{ configMap: { name: graph, key: edges.txt } }';
const claim = '\n    - { name: whole, at: 20s, metric: components, is: "== 1" }';
const groupsOf = (count: number) => `
  - { name: boot, count: 1, kind: reference, bootstrap: true }
  - { name: full, count: ${count}, kind: reference }`;
const withEdges = (edgesFrom = inConfigMap, count = 3) => {
  const topology = `{ model: edges, edgesFrom: ${edgesFrom} }`;
  return specOf({ groups: groupsOf(count), topology, expect: claim });
};
const path = 'full-0 boot-0\nfull-1 full-0\nfull-2 full-1\n';
const star = 'full-0 boot-0\nfull-1 boot-0\nfull-2 boot-0\n';

let world: ReturnType<typeof cluster>;
beforeEach(() => {
  world = cluster();
});
afterEach(async () => {
  await world.stop();
});

const place = { namespace: 'storms', name: 'graph' };
type ConfigMap = KubernetesObject & {
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
};

function bring(content: object = { data: { 'edges.txt': path } }) {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: place, ...content };
  void world.user.create(resources.configMaps, object);
}

const accepted = ({ status }: TestnetObject) => {
  const found = status?.conditions.find(({ type }) => type === 'Accepted');
  return `${found?.status} ${found?.reason}`;
};
const message = (object: TestnetObject) => object.status?.conditions[0]?.message ?? '';
const dials = () => {
  const [run] = world.runs().values() as Iterable<TestnetRun>;
  return run?.course().plan.nodes.flatMap((node) => node.dials.map((to) => `${node.name} ${to}`));
};
const pathDials = path.trim().split('\n');

async function begun() {
  await world.start();
  return await world.until('net', ({ status }) => status?.startedAt !== undefined);
}

test('a Testnet is planned with them, and its run keeps them', async () => {
  bring();
  world.apply(testnetObject('net', withEdges()));
  const { metadata } = await begun();
  expect(dials()).toEqual(pathDials);
  const kept = world.server
    .all<ConfigMap>(resources.configMaps)
    .find(({ metadata: { name } }) => name === 'net-run-edges');
  expect(kept?.immutable).toBe(true);
  expect(kept?.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([metadata.uid]);
  await world.user.delete(resources.testnets, { namespace: 'storms', name: 'net' });
  await world.gone('net');
  await world.sleep(1);
  expect(world.left()).toEqual(['graph']);
});

test('they may be compressed', async () => {
  bring({ binaryData: { 'edges.txt.gz': gzipSync(path).toString('base64') } });
  const key = inConfigMap.replace('edges.txt', 'edges.txt.gz');
  world.apply(testnetObject('net', withEdges(key)));
  await begun();
  expect(dials()).toEqual(pathDials);
});

test('what says that it is compressed must be', async () => {
  bring({ binaryData: { 'edges.txt.gz': Buffer.from(path).toString('base64') } });
  world.apply(testnetObject('net', withEdges(inConfigMap.replace('.txt', '.txt.gz'))));
  await world.start();
  const refused = await world.until('net', ({ status }) => status !== undefined);
  expect(message(refused)).toContain('configmap/graph/edges.txt.gz cannot be unpacked');
});

test('while they are not there it waits, says for what, and goes on when they are', async () => {
  world.apply(testnetObject('net', withEdges()));
  await world.start();
  const missing = await world.until('net', ({ status }) => status !== undefined);
  expect(accepted(missing)).toBe('False EdgesMissing');
  expect(message(missing)).toMatch(
    /^spec\.topology\.edgesFrom\.configMap: there is no ConfigMap graph with the key edges\.txt in/,
  );
  bring({ data: { 'other.txt': path } });
  await world.sleep(20_000);
  expect(world.eventsOf('net')).toEqual([['SpecInvalid', message(missing)]]);
  world.server.change(resources.configMaps, place, {
    data: { 'edges.txt': 'full-0 boot\nful-1\n' },
  });
  const wrong = await world.until('net', (object) => accepted(object) === 'False SpecInvalid');
  expect(message(wrong).split('\n')).toEqual([
    'configmap/graph/edges.txt:2:1: must be two nodes with white space between, got 1 word',
    'configmap/graph/edges.txt:1:8: no node is named "boot", did you mean boot-0?',
  ]);
  world.server.change(resources.configMaps, place, { data: { 'edges.txt': path } });
  await world.until('net', ({ status }) => status?.startedAt !== undefined);
  expect(dials()).toEqual(pathDials);
});

test('a run goes on with those it has begun with, also under the next controller', async () => {
  bring();
  world.apply(testnetObject('net', withEdges()));
  const { status } = await begun();
  world.server.change(resources.configMaps, place, { data: { 'edges.txt': star } });
  await world.stop();
  await world.user.delete(resources.configMaps, place);
  await world.start();
  const ended = await world.until('net', ({ status }) => status?.verdict !== undefined);
  expect(ended.status).toMatchObject({ verdict: 'passed', planHash: status?.planHash });
  expect(accepted(ended)).toBe('True SpecValid');
  expect(world.starts().every((count) => count === 1)).toBe(true);
});

test('a run that is scaled asks for them no more', async () => {
  world = cluster({ largest: specOf({ groups: groupsOf(4) }) });
  bring();
  world.apply(testnetObject('net', withEdges()));
  await begun();
  await world.user.delete(resources.configMaps, place);
  world.change('net', testnetObject('net', withEdges(inConfigMap, 4)).spec);
  const grown = await world.until('net', ({ status }) => status?.nodes.planned === 5);
  expect(accepted(grown)).toBe('True SpecValid');
  expect(dials()).toEqual(pathDials);
});

test('to name another list while it runs is refused, and the run goes on', async () => {
  bring();
  world.apply(testnetObject('net', withEdges()));
  await begun();
  const other = withEdges(inConfigMap.replace('edges.txt', 'other.txt'));
  world.change('net', testnetObject('net', other).spec);
  const refused = await world.until('net', (object) => accepted(object) === 'False ChangeRefused');
  expect(message(refused)).toContain('topology cannot change while the testnet runs');
  expect(dials()).toEqual(pathDials);
});

test('a file is nothing that a cluster can read', async () => {
  world.apply(testnetObject('net', withEdges('{ file: edges.txt }')));
  await world.start();
  const refused = await world.until('net', ({ status }) => status !== undefined);
  expect(accepted(refused)).toBe('False SpecInvalid');
  expect(message(refused)).toMatch(/^spec\.topology\.edgesFrom\.file: a file is read by the CLI/);
});
