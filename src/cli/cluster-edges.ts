// Edges of a spec on a cluster: a ConfigMap is read before the Testnet is made, for the plan of
// this side; a file goes into the Testnet, or into a ConfigMap that the Testnet owns.
import type { Api } from '../runtime/kubernetes/api.ts';
import {
  type ConfigMapKey,
  keepEdges,
  keptPlace,
  noEdgeMap,
  packed,
  readEdgeMap,
} from '../runtime/kubernetes/edge-map.ts';
import type { TestnetId } from '../runtime/kubernetes/manifest.ts';
import { type ClusterPlace, openCluster } from '../session/cluster.ts';
import type { EdgeList } from '../spec/edge-list.ts';
import { edgesInline, type Testnet } from '../spec/schema.ts';
import { version } from './version.ts';

export async function readEdgesOn(place: ClusterPlace, named: ConfigMapKey): Promise<EdgeList> {
  const { api, namespace } = await openCluster(place, version);
  return (await readEdgeMap(api, namespace, named)) ?? noEdgeMap(named, namespace);
}

type Spec = { readonly testnet: Testnet; readonly edges?: EdgeList };

/** What stands in the Testnet of that name instead of a file; refuses more than a cluster takes. */
export function topologyOnCluster(spec: Spec, name: string): object | undefined {
  const list = listOfFile(spec);
  if (list === undefined) return undefined;
  const { edges, text } = list;
  if (edges.length <= edgesInline) return { model: 'edges', edges };
  packed(text);
  return { model: 'edges', edgesFrom: { configMap: keptPlace(name) } };
}

/** The rest of it, once the Testnet is there to own it. */
export async function bringEdges(
  api: Pick<Api, 'get' | 'create'>,
  spec: Spec,
  owner: TestnetId,
): Promise<void> {
  const list = listOfFile(spec);
  if (list === undefined || list.edges.length <= edgesInline) return;
  await keepEdges(api, owner, { text: list.text, from: keptPlace(owner.name) });
}

function listOfFile({ testnet, edges }: Spec): EdgeList | undefined {
  return testnet.spec.topology.edgesFrom?.file === undefined ? undefined : edges;
}
