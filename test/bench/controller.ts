// The controller with simulated kubelets: it is alone in its process, and speaks over HTTP to an
// API server in memory, with pods that are addresses of one process which answers for all of them,
// and agents that report, and ask, as real ones do. What TLS would cost is not counted.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/runtime/clock.ts';
import { resources } from '../../src/runtime/kubernetes/api.ts';
import { memoryServer } from '../../src/runtime/kubernetes/memory-api.ts';
import { memoryKubelet } from '../../src/runtime/kubernetes/memory-kubelet.ts';
import {
  apiVersion,
  type FaultObject,
  type HostReport,
  type NetworkState,
  type TestnetObject,
} from '../../src/runtime/kubernetes/objects.ts';
import { agentAddress, serveAgents } from './answering-agents.ts';
import { addressOf, httpPort } from './answering-nodes.ts';
import type { Usage } from './controller-process.ts';
import { serveOverHttp } from './http-api.ts';
import type { BenchResult } from './result.ts';

type Server = ReturnType<typeof memoryServer>;

const namespace = 'storms';
const testnet = 'big';
const podsPerHost = 100;
const limitMs = 300_000;
const settleMs = 10_000;
const steadyMs = 60_000;

/** As the chart gives it: 70 % of 768 MiB. */
const heap = '--max-old-space-size=537';

/** `above` so many nodes they are asked by agents. */
export async function benchController(count: number, above: number): Promise<BenchResult[]> {
  const stop = new AbortController();
  const nodes = start('answering-nodes.ts', `${count}`);
  try {
    await once(nodes, 'message');
    return await measure(count, above, stop.signal);
  } finally {
    stop.abort();
    nodes.disconnect();
  }
}

function start(file: string, ...argv: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, argv, { stdio: ['ignore', 2, 2, 'ipc'], execArgv: [heap] });
  child.once('exit', (code) => {
    if (code !== 0) throw new TypeError(`${file} ended with status ${code}`);
  });
  return child;
}

async function measure(count: number, above: number, signal: AbortSignal): Promise<BenchResult[]> {
  const hosts = Array.from({ length: Math.ceil(count / podsPerHost) }, (_, at) => `host-${at}`);
  const kubelet = memoryKubelet({ clock: systemClock, namespace, hosts, addressOf });
  const server = memoryServer({ onPod: kubelet.onPod });
  kubelet.attach(server);
  const cluster = server.client('cluster');
  for (const host of hosts) {
    await cluster.create(resources.hosts, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: host },
    });
  }
  let requests = 0;
  await using http = await serveOverHttp(server.client('controller'), () => {
    requests += 1;
  });
  const answering = await serveAgents(server, count);
  const agents = keepReporting(server, hosts, signal);
  const started = performance.now();
  const controller = start('controller-process.ts', http.url, `${above}`);
  const user = server.client('kubectl');
  await user.create(resources.testnets, testnetOf(count));
  await until(() => status(server)?.startedAt !== undefined);
  const readySeconds = (performance.now() - started) / 1000;
  const startCpu = cpuSeconds(await usageOf(controller));
  await wait(settleMs);
  const steady = await steadyState(controller, () => requests);
  const fault = await enforcement(server, agents);
  controller.disconnect();
  await once(controller, 'exit');
  answering.close();
  answering.closeAllConnections();
  const name = `controller, ${count} nodes asked by ${count > above ? 'agents' : 'it'}`;
  const aim = (value: number) => ({ most: value });
  return [
    { name: `${name}: apply to ready`, unit: 's', value: round(readySeconds) },
    { name: `${name}: CPU until then`, unit: 's', value: round(startCpu) },
    { name: `${name}: CPU, steady`, unit: 'core', value: round(steady.cores), ...aim(1) },
    { name: `${name}: memory, steady`, unit: 'MiB', value: round(steady.mebibytes), ...aim(512) },
    { name: `${name}: requests, steady`, unit: '/s', value: round(steady.requests), ...aim(1) },
    { name: `${name}: requests of the run a node`, unit: '', value: round(requests / count) },
    { name: `${name}: Fault to agents' news`, unit: 'ms', value: Math.round(fault) },
  ];
}

function testnetOf(count: number): TestnetObject {
  return {
    apiVersion,
    kind: 'Testnet',
    metadata: { name: testnet, namespace },
    spec: {
      randomSeed: 7,
      network: { regions: [{ name: 'eu' }, { name: 'us' }] },
      groups: [{ name: 'full', count, kind: 'reference', config: { httpPort } }],
      topology: { model: 'ring' },
      afterRun: 'keep',
    },
  } as unknown as TestnetObject;
}

/** What agents write: at once when there is something new, and each 30 s. */
function keepReporting(server: Server, hosts: readonly string[], signal: AbortSignal) {
  const api = server.client('agent');
  const seen = { faultAt: undefined as number | undefined };
  const states = api.follow<NetworkState>(resources.networkStates, {}, signal);
  const write = async (host: string) => {
    const schedule = states.values().find((one) => one.schedule !== undefined)?.schedule;
    const own = server.all<TestnetObject>(resources.testnets)[0];
    const now = Date.now();
    const effects = schedule?.effects.filter(({ start }) => start <= now) ?? [];
    const faults = Object.fromEntries(effects.map(({ fault }) => [fault, { enforcedAt: now }]));
    const enforcement = {
      generation: schedule?.generation ?? 0,
      appliedAt: now,
      faults,
      counters: {},
      lapsedPackets: 0,
    };
    await api.apply<HostReport>(resources.hostReports, {
      apiVersion,
      kind: 'HostReport',
      metadata: { name: host, namespace: 'system' },
      host,
      reportedAt: new Date(now).toISOString(),
      agentStartedAt: new Date(now).toISOString(),
      agentVersion: 'bench',
      agentAddress: agentAddress(hosts.indexOf(host)),
      capabilities: (['namespaces', 'nft', 'htb', 'node-faults'] as const).map((feature) => ({
        feature,
        ok: true,
        reason: 'found',
      })),
      testnets:
        own === undefined
          ? []
          : [
              {
                namespace,
                name: testnet,
                uid: own.metadata.uid ?? '',
                enforcement,
                pods: podsPerHost,
                nodes: {},
              },
            ],
    });
  };
  const all = () => void Promise.all(hosts.map(write));
  states.onChange((_, state) => {
    if (state?.schedule === undefined) return;
    if (state.schedule.effects.length > 0) seen.faultAt ??= performance.now();
    all();
  });
  all();
  const timer = setInterval(all, 30_000);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return seen;
}

async function steadyState(controller: ChildProcess, requests: () => number) {
  const first = await usageOf(controller);
  const before = requests();
  let rss = 0;
  for (const end = Date.now() + steadyMs; Date.now() < end; await wait(1_000)) {
    const { memory } = await usageOf(controller);
    rss = Math.max(rss, memory.rss);
  }
  const last = await usageOf(controller);
  return {
    cores: (cpuSeconds(last) - cpuSeconds(first)) / (steadyMs / 1000),
    mebibytes: rss / 2 ** 20,
    requests: (requests() - before) / (steadyMs / 1000),
  };
}

async function usageOf(controller: ChildProcess): Promise<Usage> {
  controller.send('usage');
  const [usage] = (await once(controller, 'message')) as [Usage];
  return usage;
}

/** Milliseconds from a Fault object to the schedule that agents follow. */
async function enforcement(server: Server, seen: ReturnType<typeof keepReporting>) {
  const asked = performance.now();
  await server.client('kubectl').create<FaultObject>(resources.faults, {
    apiVersion,
    kind: 'Fault',
    metadata: { name: 'cut', namespace },
    spec: { testnet, for: '30s', partition: { sides: [{ region: 'eu' }, { region: 'us' }] } },
  });
  await until(() => seen.faultAt !== undefined);
  return (seen.faultAt ?? Infinity) - asked;
}

function status(server: Server) {
  return server.all<TestnetObject>(resources.testnets)[0]?.status;
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + limitMs; !holds(); await wait(20)) {
    if (Date.now() > end) throw new TypeError('the testnet does not get there');
  }
}

function cpuSeconds({ cpu: { user, system } }: Usage): number {
  return (user + system) / 1e6;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
