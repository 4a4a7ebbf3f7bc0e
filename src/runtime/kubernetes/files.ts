// The files of nodes in ConfigMaps. Each is written once with the files of all nodes that start
// together, as far as they fit, and never changed, so that no kubelet has to watch it. Which node's
// files are where is read off the cluster at the start.
import { createHash } from 'node:crypto';
import type { Launch } from '../../kinds/kind.ts';
import type { NodeName } from '../../names.ts';
import { type Api, type KubernetesObject, resources } from './api.ts';
import { labelsOf, ownerOf, type PodRecipe, type TestnetId } from './manifest.ts';
import { names } from './objects.ts';
import { isOwnedBy } from './pod.ts';

type ConfigMap = KubernetesObject & {
  readonly immutable: boolean;
  readonly data: Readonly<Record<string, string>>;
};

export type NodeFiles = NonNullable<PodRecipe['files']>;

export interface FileStore {
  /** Resolves when they are written. Nodes without files are not in the answer. */
  place(
    nodes: readonly { readonly name: NodeName; readonly launch: Launch }[],
  ): Promise<ReadonlyMap<NodeName, NodeFiles>>;
  remove(): Promise<void>;
}

/** A ConfigMap may have 1 MiB, names and quotes included. */
const mostBytes = 900 * 1024;

export async function openFileStore(
  api: Pick<Api, 'list' | 'create' | 'delete'>,
  testnet: TestnetId,
): Promise<FileStore> {
  const prefix = names.files(testnet.name, 0).slice(0, -1);
  const { namespace } = testnet;
  const labelSelector = Object.entries(labelsOf(testnet))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const own = async () => {
    const all = await api.list<ConfigMap>(resources.configMaps, { namespace, labelSelector });
    return all.filter((map) => map.metadata.name.startsWith(prefix) && isOwnedBy(map, testnet.uid));
  };
  /** By key: the ConfigMap that has it. */
  const placed = new Map<string, string>();
  let shards = 0;
  for (const { metadata, data } of await own()) {
    shards = Math.max(shards, Number(metadata.name.slice(prefix.length)) + 1);
    for (const key of Object.keys(data ?? {})) placed.set(key, metadata.name);
  }
  const write = async (data: Readonly<Record<string, string>>) => {
    const name = names.files(testnet.name, shards);
    shards += 1;
    const metadata = {
      name,
      namespace,
      labels: labelsOf(testnet),
      ownerReferences: [ownerOf(testnet)],
    };
    const kind = { apiVersion: 'v1', kind: 'ConfigMap' };
    await api.create<ConfigMap>(resources.configMaps, { ...kind, metadata, immutable: true, data });
    for (const key of Object.keys(data)) placed.set(key, name);
  };
  return {
    place: async (nodes) => {
      const wanted = nodes.flatMap(contentsOf);
      for (const data of shardsOf(wanted.filter(({ home }) => !placed.has(home))))
        await write(data);
      return new Map(
        wanted.map(({ name, home, keys }) => [name, { configMap: placed.get(home) ?? '', keys }]),
      );
    },
    remove: async () => {
      for (const { metadata } of await own()) {
        await api.delete(resources.configMaps, { namespace, name: metadata.name });
      }
    },
  };
}

type Contents = {
  readonly name: NodeName;
  /** All keys of a node are in one ConfigMap; where this one is. */
  readonly home: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
  readonly bytes: number;
};

/** A key says whose content it is and which: another content is another key. */
function contentsOf(node: { readonly name: NodeName; readonly launch: Launch }): Contents[] {
  const files = Object.entries(node.launch.files);
  if (files.length === 0) return [];
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
  const keys = files.map(([path], at) => [path, `${node.name}.${digest}.${at}`] as const);
  const data = files.map(([, text], at) => [`${node.name}.${digest}.${at}`, text] as const);
  const bytes = data.reduce((sum, [key, text]) => sum + Buffer.byteLength(text) + key.length, 0);
  return [
    {
      name: node.name,
      home: data[0]?.[0] ?? '',
      keys: Object.fromEntries(keys),
      data: Object.fromEntries(data),
      bytes,
    },
  ];
}

function shardsOf(contents: readonly Contents[]): readonly Readonly<Record<string, string>>[] {
  const shards: { bytes: number; data: Record<string, string> }[] = [];
  for (const { bytes, data } of contents) {
    let open = shards.at(-1);
    if (open === undefined || open.bytes + bytes > mostBytes) {
      open = { bytes: 0, data: {} };
      shards.push(open);
    }
    open.bytes += bytes;
    Object.assign(open.data, data);
  }
  return shards.map(({ data }) => data);
}
