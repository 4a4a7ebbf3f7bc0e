// The controller with simulated kubelets: all of it but leader election, over an API server in
// memory, with pods that are addresses of one process which answers for all of them, and agents
// that report as real ones do. What the server in memory costs is counted in, what a real one would
// (TLS, JSON) is not.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startController } from '../../src/controller/controller.ts';
import { secretsIn } from '../../src/controller/passwords.ts';
import { kinds } from '../../src/kinds/index.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { resources } from '../../src/runtime/kubernetes/api.ts';
import { openKubernetes } from '../../src/runtime/kubernetes/kubernetes.ts';
import { podDataDirectory } from '../../src/runtime/kubernetes/manifest.ts';
import { memoryServer } from '../../src/runtime/kubernetes/memory-api.ts';
import { memoryKubelet } from '../../src/runtime/kubernetes/memory-kubelet.ts';
import {
  apiVersion,
  type FaultObject,
  type HostReport,
  type NetworkState,
  type TestnetObject,
} from '../../src/runtime/kubernetes/objects.ts';
import type { Pod } from '../../src/runtime/kubernetes/pod.ts';
import { bindToPods } from '../../src/runtime/kubernetes/surroundings.ts';
import type { BenchResult } from './result.ts';

type Server = ReturnType<typeof memoryServer>;

const namespace = 'storms';
const testnet = 'big';
const httpPort = 9401;
const podsPerHost = 100;
const limitMs = 180_000;
const settleMs = 10_000;
const steadyMs = 60_000;

/** In a process of its own, with the heap that the chart gives it: 70 % of 768 MiB. */
const heap = '--max-old-space-size=537';
const self = fileURLToPath(import.meta.url);

export async function benchController(count: number, interval: string): Promise<BenchResult[]> {
  const child = fork(self, ['control', `${count}`, interval], {
    stdio: ['ignore', 2, 2, 'ipc'],
    execArgv: [heap],
  });
  const [results] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new TypeError(`the controller ended with status ${code}`);
    }),
  ])) as [BenchResult[]];
  return results;
}

async function controlled(count: number, interval: string): Promise<void> {
  const stop = new AbortController();
  const child = fork(self, ['serve', `${count}`], { stdio: ['ignore', 2, 2, 'ipc'] });
  try {
    await once(child, 'message');
    process.send?.(await measure(count, interval, stop));
  } finally {
    stop.abort();
    child.kill();
    process.disconnect();
  }
}

async function measure(
  count: number,
  interval: string,
  stop: AbortController,
): Promise<BenchResult[]> {
  const { signal } = stop;
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
  const agents = keepReporting(server, hosts, signal);
  const started = performance.now();
  const beginning = process.cpuUsage();
  const controller = control(server, signal);
  const user = server.client('kubectl');
  await user.create(resources.testnets, testnetOf(count, interval));
  await until(() => status(server)?.startedAt !== undefined);
  const readySeconds = (performance.now() - started) / 1000;
  const startCpu = cpuSeconds(beginning);
  await wait(settleMs);
  const steady = await steadyState(server);
  const fault = await enforcement(server, agents);
  const all = callsOf(server).length;
  stop.abort();
  await controller.done;
  const name = `controller, ${count} nodes asked each ${interval}`;
  const aim = (value: number) => ({ most: value });
  return [
    { name: `${name}: apply to ready`, unit: 's', value: round(readySeconds) },
    { name: `${name}: CPU until then`, unit: 's', value: round(startCpu) },
    { name: `${name}: CPU, steady`, unit: 'core', value: round(steady.cores), ...aim(1) },
    { name: `${name}: memory, steady`, unit: 'MiB', value: round(steady.mebibytes), ...aim(512) },
    { name: `${name}: requests, steady`, unit: '/s', value: round(steady.requests), ...aim(1) },
    { name: `${name}: requests of the run a node`, unit: '', value: round(all / count) },
    { name: `${name}: Fault to agents' news`, unit: 'ms', value: Math.round(fault) },
  ];
}

function control(server: Server, signal: AbortSignal) {
  const api = server.client('controller');
  const pods = api.follow<Pod>(resources.pods, { labelSelector: 'peerstorm.dev/testnet' }, signal);
  const hostReports = api.follow<HostReport>(resources.hostReports, {}, signal);
  const log = (_level: string, message: string) => void process.stderr.write(`  ${message}\n`);
  return startController(
    {
      api,
      clock: systemClock,
      kinds,
      version: 'bench',
      versions: {},
      namespaces: undefined,
      instance: 'controller-0',
      log,
      bind: bindToPods,
      dataDirectory: () => podDataDirectory,
      secretsOf: secretsIn(api, 'system'),
      openRuntime: ({ owner, testnet: { spec }, plan }, until_) => {
        const { name, uid = '' } = owner.metadata;
        return openKubernetes(
          {
            api,
            testnet: { namespace, name, uid },
            spec,
            plan,
            kinds,
            pods,
            hostReports,
            images: { reference: 'peerstorm-node:1' },
            gate: { image: 'peerstorm:1' },
            clock: systemClock,
            onFailure: (error) => log('error', String(error)),
          },
          until_,
        );
      },
    },
    signal,
  );
}

function testnetOf(count: number, interval: string): TestnetObject {
  return {
    apiVersion,
    kind: 'Testnet',
    metadata: { name: testnet, namespace },
    spec: {
      randomSeed: 7,
      sampleInterval: interval,
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

async function steadyState(server: Server) {
  const cpu = process.cpuUsage();
  const before = callsOf(server).length;
  let rss = 0;
  for (const end = Date.now() + steadyMs; Date.now() < end; await wait(1_000)) {
    rss = Math.max(rss, process.memoryUsage().rss);
  }
  return {
    cores: cpuSeconds(cpu) / (steadyMs / 1000),
    mebibytes: rss / 2 ** 20,
    requests: (callsOf(server).length - before) / (steadyMs / 1000),
  };
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

/** Watches and the Lease are not among them. */
function callsOf(server: Server) {
  return server.calls.filter(({ manager }) => manager === 'controller');
}

function status(server: Server) {
  return server.all<TestnetObject>(resources.testnets)[0]?.status;
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + limitMs; !holds(); await wait(20)) {
    if (Date.now() > end) throw new TypeError('the testnet does not get there');
  }
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** All of 127.0.0.0/8 is this machine. */
function addressOf(pod: number): string {
  return `127.${64 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;
}

/** Answers for each node with its neighbours on a ring. */
async function serve(count: number): Promise<void> {
  const tip = '0'.repeat(64);
  const server = createServer((request, response) => {
    const [, a = 0, b = 0, c = 0] = (request.socket.localAddress ?? '').split('.').map(Number);
    const pod = ((a - 64) << 16) + (b << 8) + c;
    const peers = [
      { address: addressOf((pod % count) + 1), direction: 'outbound' },
      { address: addressOf(((pod + count - 2) % count) + 1), direction: 'inbound' },
    ];
    const chain = { height: 0, tip, ancestors: [], reorgs: { count: 0, depths: [] } };
    const rest = { cursor: 0, propagationSeconds: [], propagatedBlocks: [], metrics: {} };
    response.end(JSON.stringify({ peers, ...chain, ...rest }));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(httpPort, '0.0.0.0', 4_096);
  await once(server, 'listening');
  process.send?.('listening');
}

const [, , role, count = '', interval = ''] = process.argv;
if (role === 'serve') await serve(Number(count));
if (role === 'control') await controlled(Number(count), interval);
