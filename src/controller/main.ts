// The controller as a process: connection, leader election, HTTP, and what ends it. It exits at
// once when it has lost the lead, because from then on another one may act; on SIGTERM it lets go
// of its runs first and gives the lead away, so that the next one need not wait.
import { Registry } from 'prom-client';
import { messageOf } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Api, type Cache, resources } from '../runtime/kubernetes/api.ts';
import { openApi } from '../runtime/kubernetes/client.ts';
import { type Connection, inCluster } from '../runtime/kubernetes/connection.ts';
import { fromKubeconfig } from '../runtime/kubernetes/kubeconfig.ts';
import { openKubernetes } from '../runtime/kubernetes/kubernetes.ts';
import { type Leadership, standForElection } from '../runtime/kubernetes/leader.ts';
import { podDataDirectory } from '../runtime/kubernetes/manifest.ts';
import { kubernetesMetrics } from '../runtime/kubernetes/metrics.ts';
import { fieldManagers, type HostReport, labels, names } from '../runtime/kubernetes/objects.ts';
import { observeOrder } from '../runtime/kubernetes/observe-order.ts';
import { essenceOf, type Pod } from '../runtime/kubernetes/pod.ts';
import { bindToPods } from '../runtime/kubernetes/surroundings.ts';
import { agentReader } from './agent-answers.ts';
import { type Controller, followAll, startController } from './controller.ts';
import { sweepHostReports } from './host-reports.ts';
import type { AskingAgents } from './observe.ts';
import { secretsIn } from './passwords.ts';
import { serveController } from './server.ts';
import type { RunWorld } from './testnet-run.ts';

export type ControllerSettings = {
  /** Undefined: as the pod that this is. */
  readonly kubeconfig: string | undefined;
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  /** Of agents and their HostReports, and of the Lease. */
  readonly ownNamespace: string;
  readonly instance: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly images: {
    readonly reference: string;
    readonly referencePullPolicy?: PullPolicy;
    /** Of init containers that wait for rules. */
    readonly gate: { readonly image: string; readonly imagePullPolicy?: PullPolicy };
  };
  /** Undefined: it asks all nodes itself. */
  readonly observeByAgents: { readonly above: number; readonly tokenFile: string } | undefined;
  readonly version: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly log: Log;
};

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';
type OpenRuntime = RunWorld['openRuntime'];
type Log = (level: 'info' | 'error', message: string) => void;

/** Of the Lease's requests: below what may pass between two renewals. */
const leaseTimeoutMs = 4_000;
const goodbyeMs = 5_000;

/** Until the signal is aborted, or the lead is lost; gives the exit status. */
export async function runController(
  settings: ControllerSettings,
  signal: AbortSignal,
): Promise<number> {
  const { log, instance } = settings;
  const connection = await connect(settings);
  const registry = new Registry();
  const metrics = kubernetesMetrics(registry);
  let controller: Controller | undefined;
  await using server = await serveController(
    {
      unhealthy: () => undefined,
      unready: () =>
        controller === undefined || controller.isSynced() ? undefined : 'caches are being filled',
      metrics: () => registry.metrics(),
      runs: () => controller?.runs(),
    },
    settings.listen,
  );
  log('info', `${instance} listens on port ${server.port}, as ${connection.who}`);
  const lost = Promise.withResolvers<number>();
  const leadership = stand(settings, {
    connection,
    leading: metrics.leader('peerstorm-controller'),
    onLost: (why) => {
      log('error', `the lead is lost: ${why}`);
      lost.resolve(1);
    },
  });
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const elected = await Promise.race([leadership.elected, stopped, lost.promise]);
  if (elected === true) {
    log('info', `${instance} leads`);
    const hangUp = new AbortController();
    controller = lead(settings, { connection, metrics, signal, hangUp: hangUp.signal });
    const code = await Promise.race([stopped, lost.promise, controller.done.then(() => 70)]);
    if (code !== undefined) return code;
    await Promise.race([controller.done, systemClock.sleep(goodbyeMs)]);
    hangUp.abort();
  }
  await leadership.release();
  connection.close();
  return 0;
}

async function connect({ kubeconfig }: ControllerSettings): Promise<Connection> {
  return kubeconfig === undefined ? await inCluster() : await fromKubeconfig({ kubeconfig });
}

function stand(
  { ownNamespace, instance, version, log }: ControllerSettings,
  on: {
    readonly connection: Connection;
    readonly leading: (leads: boolean) => void;
    readonly onLost: (why: string) => void;
  },
): Leadership {
  const userAgent = `peerstorm-controller/${version} (leader election)`;
  const fieldManager = fieldManagers.controller;
  const options = {
    userAgent,
    fieldManager,
    timeoutMs: leaseTimeoutMs,
    patienceMs: leaseTimeoutMs,
  };
  return standForElection({
    api: openApi(on.connection, options),
    lease: { namespace: ownNamespace, name: 'peerstorm-controller' },
    identity: instance,
    leading: on.leading,
    onLost: on.onLost,
    onProblem: (error) => log('error', messageOf(error)),
  });
}

function lead(
  settings: ControllerSettings,
  with_: {
    readonly connection: Connection;
    readonly metrics: ReturnType<typeof kubernetesMetrics>;
    readonly signal: AbortSignal;
    /** Later than the signal: what is under way is still written. */
    readonly hangUp: AbortSignal;
  },
): Controller {
  const { connection, metrics, signal, hangUp } = with_;
  const { log, version, versions, namespaces, instance } = settings;
  const api = openApi(connection, {
    userAgent: `peerstorm-controller/${version}`,
    fieldManager: fieldManagers.controller,
    metrics,
    onWarning: (text) => log('info', text),
    onProblem: (text, error) => log('error', `${text}: ${messageOf(error)}`),
    signal: hangUp,
  });
  const caches = followed(api, settings, signal);
  // In namespaced mode hosts cannot be listed.
  if (namespaces === undefined) {
    void sweepHostReports({ api, clock: systemClock, log, ...caches }, signal);
  }
  return startController(
    {
      api,
      clock: systemClock,
      kinds,
      version,
      versions,
      namespaces,
      instance,
      bind: bindToPods,
      metrics,
      log,
      dataDirectory: () => podDataDirectory,
      secretsOf: secretsIn(api, settings.ownNamespace),
      openRuntime: openRuntimeIn(settings, { ...caches, api }),
      agents: askingAgents(settings, caches),
    },
    signal,
  );
}

type Followed = {
  readonly pods: Cache<Pod>;
  readonly hostReports: Cache<HostReport>;
};

function followed(api: Api, settings: ControllerSettings, signal: AbortSignal): Followed {
  const { namespaces, ownNamespace: namespace } = settings;
  return {
    pods: followAll<Pod>(api, resources.pods, {
      namespaces,
      labelSelector: labels.testnet,
      keep: essenceOf,
      signal,
    }),
    hostReports: api.follow<HostReport>(resources.hostReports, { namespace }, signal),
  };
}

function openRuntimeIn(
  { images, log, observeByAgents }: ControllerSettings,
  { api, pods, hostReports }: Followed & { readonly api: Api },
): OpenRuntime {
  const onFailure = (error: unknown) => log('error', messageOf(error));
  return ({ owner, testnet, plan }, stop) => {
    const { name, namespace = '', uid = '' } = owner.metadata;
    return openKubernetes(
      {
        api,
        testnet: { namespace, name, uid },
        spec: testnet.spec,
        plan,
        kinds,
        pods,
        hostReports,
        images,
        gate: images.gate,
        clock: systemClock,
        observe: observeByAgents && observeOrder(plan(), kinds, observeByAgents.above),
        onFailure,
      },
      stop,
    );
  };
}

function askingAgents(
  { observeByAgents, ownNamespace: namespace }: ControllerSettings,
  { pods, hostReports }: Followed,
): AskingAgents | undefined {
  if (observeByAgents === undefined) return undefined;
  const { above, tokenFile } = observeByAgents;
  return {
    above,
    read: agentReader({ hostReports, namespace, tokenFile }),
    hostOf: (testnet, node) =>
      pods.get(`${testnet.namespace}/${names.pod(testnet.name, node)}`)?.spec.nodeName,
  };
}
