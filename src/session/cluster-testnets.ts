// The testnets of one namespace of a cluster.
import { type Cluster, type ClusterPlace, flagsFor, openCluster, testnetsIn } from './cluster.ts';
import { clusterSession } from './cluster-session.ts';
import type { Testnets } from './testnets.ts';

export async function openTestnets(place: ClusterPlace, version: string): Promise<Testnets> {
  return clusterTestnets(await openCluster(place, version));
}

export function clusterTestnets(cluster: Cluster): Testnets {
  return {
    where: `in namespace ${cluster.namespace} of ${cluster.server}`,
    flags: ` ${flagsFor(cluster)}`,
    names: async () => (await testnetsIn(cluster)).map(({ metadata }) => metadata.name).sort(),
    open: (name) => clusterSession(cluster, name),
    status: (name) => clusterSession(cluster, name).status(),
  };
}
