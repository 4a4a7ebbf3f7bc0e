// A cluster as its user holds it: the API server that a kubeconfig names, one namespace, and what
// the controller shows. Everything goes over the API server, with the user's own rights; no other
// program is run, and nothing of the cluster has to be reachable but that server. What is missing
// is said with what to do about it: there is no kubeconfig, no such namespace, no chart.
import { fail } from '../errors.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { type Api, resources } from '../runtime/kubernetes/api.ts';
import { hasCode } from '../runtime/kubernetes/api-errors.ts';
import { openApi } from '../runtime/kubernetes/client.ts';
import { fromKubeconfig } from '../runtime/kubernetes/kubeconfig.ts';
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import { type ControllerViews, openViews } from './controller-views.ts';

/** What the user said about where it is; kubectl has the same words for the first three. */
export type ClusterPlace = {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  /** Of the release of the chart. */
  readonly systemNamespace?: string;
};

export interface Cluster {
  readonly api: Api;
  readonly views: ControllerViews;
  /** URL of the API server. */
  readonly server: string;
  readonly namespace: string;
  readonly clock: Clock;
}

const fieldManager = 'peerstorm';
/** A view that does not come soon is left out. */
const viewLimits = { timeoutMs: 5_000, patienceMs: 4_000 };

/** Nothing is sent yet. */
export async function openCluster(place: ClusterPlace, version: string): Promise<Cluster> {
  const connection = await fromKubeconfig(place);
  const options = { userAgent: `peerstorm/${version}`, fieldManager };
  return clusterOf({
    api: openApi(connection, { ...options, fieldValidation: 'Strict' }),
    viewApi: openApi(connection, { ...options, ...viewLimits }),
    server: connection.server,
    namespace: connection.namespace,
    clock: systemClock,
    ...(place.systemNamespace === undefined ? {} : { systemNamespace: place.systemNamespace }),
  });
}

export type ClusterParts = Omit<Cluster, 'views'> & {
  readonly viewApi: Pick<Api, 'text' | 'list'>;
  readonly systemNamespace?: string;
};

export function clusterOf({ viewApi, systemNamespace, ...rest }: ClusterParts): Cluster {
  return { ...rest, views: openViews(viewApi, { ...rest, systemNamespace }) };
}

/** All of the namespace. Fails with CHART_MISSING where the cluster does not know what they are. */
export async function testnetsIn(cluster: Cluster): Promise<readonly TestnetObject[]> {
  const { api, namespace, server } = cluster;
  try {
    return await api.list<TestnetObject>(resources.testnets, { namespace });
  } catch (error) {
    if (!hasCode(error, 'API_ABSENT')) throw error;
    throw fail('CHART_MISSING', `the cluster at ${server} knows no Testnets`, error);
  }
}

export async function testnetNamed(
  { api, namespace }: Pick<Cluster, 'api' | 'namespace'>,
  name: string,
): Promise<TestnetObject | undefined> {
  return await api.get<TestnetObject>(resources.testnets, { namespace, name });
}

/** For messages: the flags that lead here. */
export function flagsFor({ namespace }: Pick<Cluster, 'namespace'>): string {
  return `--runtime kubernetes --namespace ${namespace}`;
}
