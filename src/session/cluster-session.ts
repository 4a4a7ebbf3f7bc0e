// The session over the API server: what is asked is read from the controller's views and, where it
// cannot be asked, from the Testnet itself; what is done is done to objects (Fault, annotations of
// the Testnet, its deletion) or to pods (logs, exec), with the rights of the user.

import type { RunState } from '../decide/state.ts';
import { fail } from '../errors.ts';
import type { NodeName } from '../names.ts';
import type { Named } from '../runtime/kubernetes/api.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { labels, names, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { Pod } from '../runtime/kubernetes/pod.ts';
import { readPodLog } from '../runtime/kubernetes/pod-logs.ts';
import { type Cluster, flagsFor, testnetNamed } from './cluster.ts';
import { downTestnet } from './cluster-down.ts';
import { addFault, clearFaults } from './cluster-faults.ts';
import { watchTestnet } from './cluster-watch.ts';
import type { View } from './controller-views.ts';
import type { Session, Status } from './session.ts';
import { faultsOfObject, statusOfObject } from './testnet-status.ts';

const execLimitMs = 60_000;

export function clusterSession(cluster: Cluster, name: string): Session {
  const { views } = cluster;
  const seen = async <T>(view: View) => shown(await views.read<T>(name, view), name);
  return {
    status: () => statusIn(cluster, name),
    watch: (signal) => watchTestnet(cluster, name, signal),
    nodes: () => seen('nodes'),
    graph: () => seen('graph'),
    logs: (node, options, signal) => logsOf(cluster, { testnet: name, node, ...options, signal }),
    exec: async (node, argv) => {
      if (argv.length === 0) throw fail('USAGE', 'no command to run was given');
      const pod = await podOf(cluster, name, node);
      const target = { ...pod, container: names.container };
      return await cluster.api.exec(target, argv, AbortSignal.timeout(execLimitMs));
    },
    applyFault: (document) => addFault(cluster, name, document),
    faults: async () => faultsOfObject(await mustBe(cluster, name)),
    clearFaults: (fault) => clearFaults(cluster, name, fault),
    state: () => seen<RunState>('state'),
    metrics: async () => shown(await views.metrics(name), name),
    down: (reason) => downTestnet(cluster, name, reason),
  };
}

/** The Testnet, which was there a moment ago. */
async function mustBe(cluster: Cluster, name: string): Promise<TestnetObject> {
  const object = await testnetNamed(cluster, name);
  if (object !== undefined) return object;
  throw fail('NOT_FOUND', `there is no Testnet "${name}" in namespace ${cluster.namespace}`);
}

/** Live where it can be; users without the right to ask the controller get what the object says. */
async function statusIn(cluster: Cluster, name: string): Promise<Status> {
  const live = await cluster.views.read<Status>(name, 'status').catch(() => undefined);
  return live ?? statusOfObject(await mustBe(cluster, name), cluster.clock.now());
}

function shown<T>(answer: T | undefined, name: string): T {
  if (answer !== undefined) return answer;
  throw fail('NOT_FOUND', `${name} does not run: it has not begun, or it is over`);
}

async function podOf(cluster: Cluster, testnet: string, node: string): Promise<Required<Named>> {
  const { api, namespace } = cluster;
  const name = names.pod(testnet, node as NodeName);
  const pod = await api.get<Pod>(resources.pods, { namespace, name });
  if (pod?.metadata.labels?.[labels.testnet] === testnet) return { namespace, name };
  const hint = `\`peerstorm nodes -n ${testnet} ${flagsFor(cluster)}\` lists them`;
  throw fail('NOT_FOUND', `${testnet} has no node "${node}" with a pod; ${hint}`);
}

type LogWish = {
  readonly testnet: string;
  readonly node: string;
  readonly follow: boolean;
  readonly signal: AbortSignal;
};

async function* logsOf(cluster: Cluster, { testnet, node, follow, signal }: LogWish) {
  const { api, clock } = cluster;
  const { namespace, name } = await podOf(cluster, testnet, node);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const fieldSelector = `metadata.name=${name}`;
  const pods = api.follow<Pod>(resources.pods, { namespace, fieldSelector }, until);
  try {
    await pods.synced();
    const source = { api, clock, pod: () => pods.get(`${namespace}/${name}`) };
    yield* readPodLog(node as NodeName, source, { follow, signal: until });
  } finally {
    over.abort();
  }
}
