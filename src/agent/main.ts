// The agent as a process: connection, HTTP, and its end. On SIGTERM it writes one last report and
// leaves the rules in force; their lease runs on until the next agent takes them over.
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { Registry } from 'prom-client';
import { messageOf } from '../errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { supportedFeatures } from '../runtime/fabric/capabilities.ts';
import { openApi } from '../runtime/kubernetes/client.ts';
import { type Connection, inCluster } from '../runtime/kubernetes/connection.ts';
import { fromKubeconfig } from '../runtime/kubernetes/kubeconfig.ts';
import { kubernetesMetrics } from '../runtime/kubernetes/metrics.ts';
import { fieldManagers, type HostReport } from '../runtime/kubernetes/objects.ts';
import { createAccess } from './access.ts';
import { type Agent, startAgent } from './agent.ts';
import { agentMetrics } from './metrics.ts';
import { nodeFaultsProblem } from './orders.ts';
import { type ServedAgent, serveAgent } from './server.ts';

export type AgentSettings = {
  /** Undefined: as the pod that this is. */
  readonly kubeconfig: string | undefined;
  readonly host: string;
  readonly namespace: string;
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  readonly proc: string;
  /** Are nodes to be killed and paused here? */
  readonly nodeFaults: boolean;
  readonly listen: { readonly host: string; readonly port: number };
  /** Who may read what nodes here answer, and at which address; undefined: nobody. */
  readonly observations: { readonly reader: string; readonly ip: string } | undefined;
  readonly version: string;
  readonly log: (level: 'info' | 'error', message: string) => void;
};

/** Until the signal is aborted. */
export async function runAgent(settings: AgentSettings, signal: AbortSignal): Promise<void> {
  const { host, namespace, proc, version, log } = settings;
  const connection = await connect(settings);
  const registry = new Registry();
  const client = { metrics: kubernetesMetrics(registry), log: settings.log };
  const problem = nodeFaultsProblem(proc, settings.nodeFaults);
  let agent: Agent | undefined;
  await using server = await serveAgent(
    {
      unhealthy: () => agent?.unhealthy(),
      unready: () => (agent === undefined ? 'starting' : agent.unready()),
      metrics: () => registry.metrics(),
      ...observationsOf(settings, { connection, agent: () => agent }),
    },
    settings.listen,
  );
  log('info', `agent of ${host} listens on port ${server.port}, as ${connection.who}`);
  if (problem !== undefined) log('info', `no node faults on this host: ${problem}`);
  agent = await startAgent({
    api: openApi(connection, {
      userAgent: `peerstorm-agent/${version}`,
      fieldManager: fieldManagers.agent,
      metrics: client.metrics,
      onWarning: (text) => log('info', text),
      onProblem: (text, error) => log('error', `${text}: ${messageOf(error)}`),
    }),
    host,
    namespace,
    watchNamespaces: settings.watchNamespaces,
    proc,
    version,
    address: addressOf(settings, server.port),
    nodeFaultsProblem: problem,
    capabilities: () => capabilitiesOf(problem),
    metrics: (look) => agentMetrics(registry, { host, version }, look),
    log,
  });
  if (!signal.aborted) await once(signal, 'abort');
  await agent.close();
  connection.close();
  log('info', 'rules stay in force as long as their lease');
}

function observationsOf(
  { observations, version }: AgentSettings,
  {
    connection,
    agent,
  }: { readonly connection: Connection; readonly agent: () => Agent | undefined },
): Pick<ServedAgent, 'observations'> {
  if (observations === undefined) return {};
  const api = openApi(connection, {
    userAgent: `peerstorm-agent/${version} (token reviews)`,
    fieldManager: fieldManagers.agent,
    qps: 2,
    burst: 5,
    // Of the controller's patience, which asks again.
    patienceMs: 1_000,
    timeoutMs: 1_500,
  });
  return {
    observations: {
      access: createAccess({ api, clock: systemClock, reader: observations.reader }),
      page: (testnet, since) => agent()?.observations(testnet, since),
    },
  };
}

function addressOf({ observations }: AgentSettings, port: number): string | undefined {
  if (observations === undefined) return undefined;
  const { ip } = observations;
  return isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}

async function connect({ kubeconfig }: AgentSettings): Promise<Connection> {
  return kubeconfig === undefined ? await inCluster() : await fromKubeconfig({ kubeconfig });
}

async function capabilitiesOf(problem: string | undefined): Promise<HostReport['capabilities']> {
  const network = await supportedFeatures('pod');
  const nodeFaults = { feature: 'node-faults', ok: problem === undefined } as const;
  return [
    ...network.map(({ feature, ok, reason, fix }) => ({
      feature,
      ok,
      reason,
      ...(fix === undefined ? {} : { fix }),
    })),
    problem === undefined
      ? { ...nodeFaults, reason: 'processes of pods can be signalled' }
      : { ...nodeFaults, reason: problem, fix: 'install the chart with nodeFaults: true' },
  ];
}
