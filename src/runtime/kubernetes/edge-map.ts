// Lists of edges in ConfigMaps: a user's, and the one that a run keeps. What a run has begun with
// is kept beside it, owned by its Testnet and immutable, so that a ConfigMap that is changed or
// gone later changes nothing about the run, nor what a controller that takes over makes of it.
import { gunzipSync, gzipSync } from 'node:zlib';
import { fail, messageOf } from '../../errors.ts';
import {
  type EdgeList,
  edgeListBytes,
  edgesFromPath,
  readEdgeList,
  unreadEdges,
} from '../../spec/edge-list.ts';
import { error } from '../../spec/problems.ts';
import type { EdgesFrom } from '../../spec/schema.ts';
import { type Api, type KubernetesObject, resources } from './api.ts';
import { labelsOf, ownerOf, type TestnetId } from './manifest.ts';
import { names } from './objects.ts';
import { isOwnedBy } from './pod.ts';

export type ConfigMapKey = NonNullable<EdgesFrom['configMap']>;

type ConfigMap = KubernetesObject & {
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
};

/** A ConfigMap may have 1 MiB; compressed, that is about 200,000 edges. */
const mostBytes = 1000 * 1024;
const keptKey = 'edges.txt.gz';
/** Which ConfigMap and key it was read from. */
const sourceKey = 'source';

/** Undefined where it is not there (yet). */
export async function readEdgeMap(
  api: Pick<Api, 'get'>,
  namespace: string,
  { name, key }: ConfigMapKey,
): Promise<EdgeList | undefined> {
  const map = await api.get<ConfigMap>(resources.configMaps, { namespace, name });
  return map === undefined ? undefined : listIn(map, { name, key });
}

function listIn({ data, binaryData }: ConfigMap, { name, key }: ConfigMapKey) {
  const [plain, binary] = [data?.[key], binaryData?.[key]];
  const file = `configmap/${name}/${key}`;
  if (plain !== undefined) return readEdgeList(plain, file);
  if (binary === undefined) return undefined;
  const bytes = Buffer.from(binary, 'base64');
  if (!key.endsWith('.gz')) return readEdgeList(bytes.toString('utf8'), file);
  try {
    const text = gunzipSync(bytes, { maxOutputLength: edgeListBytes + 1 }).toString('utf8');
    return readEdgeList(text, file);
  } catch (reason) {
    const path = [...edgesFromPath, 'configMap', 'key'];
    return unreadEdges(error(path, `${file} cannot be unpacked: ${messageOf(reason)}`));
  }
}

/** What to do about one that is not there. */
export function noEdgeMap({ name, key }: ConfigMapKey, namespace: string): EdgeList {
  const what = `there is no ConfigMap ${name} with the key ${key} in namespace ${namespace}`;
  const make = `kubectl create configmap ${name} --namespace ${namespace} --from-file=${key}=FILE`;
  return unreadEdges(error([...edgesFromPath, 'configMap'], `${what}, make it with: ${make}`));
}

/** The list that the run of this Testnet has begun with, if it was read from there. */
export async function keptEdges(
  api: Pick<Api, 'get'>,
  { namespace, name, uid }: TestnetId,
  from: ConfigMapKey,
): Promise<EdgeList | undefined> {
  const named = { namespace, name: names.edges(name) };
  const map = await api.get<ConfigMap>(resources.configMaps, named);
  if (map === undefined || !isOwnedBy(map, uid)) return undefined;
  if (map.data?.[sourceKey] !== sourceOf(from)) return undefined;
  return listIn(map, { name: named.name, key: keptKey });
}

/** Where `keepEdges` puts a list, for a Testnet that has it from nowhere else. */
export function keptPlace(testnet: string): ConfigMapKey {
  return { name: names.edges(testnet), key: keptKey };
}

/** It goes with the Testnet. Nothing happens if it is there already. */
export async function keepEdges(
  api: Pick<Api, 'get' | 'create'>,
  testnet: TestnetId,
  { text, from }: { readonly text: string; readonly from: ConfigMapKey },
): Promise<void> {
  if ((await keptEdges(api, testnet, from)) !== undefined) return;
  const { namespace, name } = testnet;
  await api.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: names.edges(name),
      namespace,
      labels: labelsOf(testnet),
      ownerReferences: [ownerOf(testnet)],
    },
    immutable: true,
    data: { [sourceKey]: sourceOf(from) },
    binaryData: { [keptKey]: packed(text) },
  });
}

/** As a ConfigMap holds it. Refuses what none can hold. */
export function packed(text: string): string {
  const bytes = gzipSync(text);
  if (bytes.length <= mostBytes) return bytes.toString('base64');
  const kib = (size: number) => `${Math.ceil(size / 1024)} KiB`;
  const compressed = `the list of edges is ${kib(bytes.length)}, compressed`;
  const limit = `a ConfigMap holds ${kib(mostBytes)} of it (about 200,000 edges)`;
  throw fail('SPEC_INVALID', `${compressed}; ${limit}: use fewer, or topology.model`);
}

function sourceOf({ name, key }: ConfigMapKey): string {
  return `${name}/${key}`;
}
