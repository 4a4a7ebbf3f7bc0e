// A host with pods for an agent: network namespaces as their networks, real processes as their
// containers, a folder that shows those as the host's /proc would, and an API server in memory.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { type Agent, type AgentOptions, startAgent } from '../../src/agent/agent.ts';
import { agentMetrics } from '../../src/agent/metrics.ts';
import { nodeFaultsProblem } from '../../src/agent/orders.ts';
import type { Pod } from '../../src/agent/selection.ts';
import { PeerstormError } from '../../src/errors.ts';
import { resources } from '../../src/runtime/kubernetes/api.ts';
import { memoryServer } from '../../src/runtime/kubernetes/memory-api.ts';
import {
  annotations,
  apiVersion,
  type HostReport,
  labels,
  type NetworkSchedule,
  type NetworkState,
  names,
  type PodOrder,
  type TestnetObject,
  type TestnetReport,
} from '../../src/runtime/kubernetes/objects.ts';
import { until } from './lab.ts';
import { openPods, type Pods } from './pods.ts';

const host = 'host-1';
const namespace = 'tests';
const testnet = 'net';

export type AgentLab = AsyncDisposable & {
  readonly pods: Pods;
  readonly server: ReturnType<typeof memoryServer>;
  /** As long as `away` is true, no call of the agent is answered. */
  readonly link: { away: boolean };
  readonly log: string[];
  /** With nothing said, for all Kubernetes namespaces. */
  start(watchNamespaces?: readonly string[]): Promise<Agent>;
  stop(): Promise<void>;
  uidOf(node: string): string;
  /** A pod with a sandbox in the namespace of that name; with nothing said, in its own. */
  createPod(node: string, how?: PodOptions): Promise<void>;
  /** A container of the pod's node begins; gives its process. */
  startContainer(node: string): Promise<ChildProcess>;
  /** Shows a process as one of the pod. */
  show(pid: number, node: string, container: string): Promise<void>;
  /** What the kubelet says of the pod. */
  patchPod(node: string, patch: unknown): void;
  order(node: string, order: PodOrder): void;
  publish(schedule?: Partial<NetworkSchedule>): Promise<void>;
  publishNodes(nodes: readonly string[], how?: PublishedNodes): Promise<void>;
  report(): HostReport | undefined;
  /** What is said of our testnet, once it holds. */
  reported(holds: (report: TestnetReport) => boolean): Promise<TestnetReport>;
  alias(node: string): Promise<string>;
  hasRules(node: string): Promise<boolean>;
};

export type PublishedNodes = {
  /** Default: their own. */
  readonly ips?: (node: string) => readonly string[];
  readonly waits?: boolean;
};

export type PodOptions = {
  /** Of a process that stands for the sandbox. */
  readonly sandbox?: number;
  readonly owner?: string;
  readonly ips?: readonly string[];
};

type Server = ReturnType<typeof memoryServer>;

export async function openAgentLab(nodes: readonly string[]): Promise<AgentLab> {
  const proc = await mkdtemp(join(tmpdir(), 'peerstorm-agent-'));
  await symlink('/proc/uptime', join(proc, 'uptime'));
  const children: ChildProcess[] = [];
  const link = { away: false };
  const server = memoryServer({
    before: ({ manager }) => {
      if (link.away && manager === 'agent')
        throw new PeerstormError('API_UNREACHABLE', 'the server is away');
    },
  });
  const pods = await openPods(nodes);
  const controller = server.client('controller');
  const owner = await controller.create<TestnetObject>(resources.testnets, {
    apiVersion,
    kind: 'Testnet',
    metadata: { name: testnet, namespace },
    spec: {},
  });
  const testnetUid = owner.metadata.uid ?? '';
  const uids = new Map<string, string>();
  let agent: Agent | undefined;
  let generation = 0;
  const state = async (name: string, content: Pick<NetworkState, 'nodes' | 'schedule'>) => {
    await controller.apply<NetworkState>(resources.networkStates, {
      apiVersion,
      kind: 'NetworkState',
      metadata: { name, namespace, labels: { [labels.testnet]: testnet } },
      testnet: { name: testnet, uid: testnetUid },
      ...content,
    });
  };
  const lab: AgentLab = {
    pods,
    server,
    link,
    log: [],
    async start(watchNamespaces = []) {
      agent = await startLabAgent(lab, { server, proc, watchNamespaces });
      return agent;
    },
    async stop() {
      await agent?.close();
      agent = undefined;
    },
    uidOf: (node) => uids.get(node) ?? '',
    async createPod(node, how = {}) {
      const { owner: ownerUid = testnetUid, ips = ipsOf(pods, node) } = how;
      const { metadata } = await controller.create(resources.pods, podOf(node, ownerUid));
      uids.set(node, metadata.uid ?? '');
      await lab.show(how.sandbox ?? holderOf(pods, node), node, 'sandbox');
      lab.patchPod(node, { status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) } });
    },
    async startContainer(node) {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      children.push(child);
      assert(child.pid !== undefined);
      await lab.show(child.pid, node, `container ${child.pid}`);
      return child;
    },
    async show(pid, node, container) {
      const folder = join(proc, String(pid));
      await mkdir(folder, { recursive: true });
      await symlink(`/proc/${pid}/stat`, join(folder, 'stat')).catch(() => undefined);
      await symlink(`/proc/${pid}/ns`, join(folder, 'ns')).catch(() => undefined);
      const path = `kubepods/burstable/pod${lab.uidOf(node)}/${idOf(node, container)}`;
      await writeFile(join(folder, 'cgroup'), `0::/${path}\n`);
    },
    patchPod: (node, patch) => {
      server.change(resources.pods, { namespace, name: `${testnet}-${node}` }, patch);
    },
    order: (node, order) => {
      const text = JSON.stringify(order);
      lab.patchPod(node, { metadata: { annotations: { [annotations.order]: text } } });
    },
    async publish(schedule = {}) {
      generation += 1;
      await state('net-faults', { schedule: { ...emptySchedule, generation, ...schedule } });
    },
    async publishNodes(list, { ips = (node: string) => ipsOf(pods, node), waits } = {}) {
      const entries = list.map((node) => ({
        name: podName(pods, node),
        uid: lab.uidOf(node),
        ips: ips(node),
        ...(waits === undefined ? {} : { waits }),
      }));
      await state('net-nodes-0', { nodes: entries });
    },
    report: () => server.all<HostReport>(resources.hostReports)[0],
    reported: async (holds) => {
      const find = async () => lab.report()?.testnets.find(({ name }) => name === testnet);
      const found = await until(find, (report) => report !== undefined && holds(report));
      assert(found !== undefined);
      return found;
    },
    alias: async (node) => {
      const text = await pods.inNode(node, ['ip', '-json', 'link', 'show', 'dev', 'eth0']);
      return /"ifalias":"([^"]*)"/.exec(text)?.[1] ?? '';
    },
    hasRules: async (node) => (await pods.inNode(node, ['nft', 'list', 'tables'])) !== '',
    async [Symbol.asyncDispose]() {
      await agent?.close();
      for (const child of children) child.kill('SIGKILL');
      await pods[Symbol.asyncDispose]();
      await rm(proc, { recursive: true });
    },
  };
  return lab;
}

const emptySchedule: NetworkSchedule = {
  generation: 0,
  leaseSeconds: 60,
  sets: [],
  base: [],
  effects: [],
  faultIds: {},
  openEgress: true,
};

async function startLabAgent(
  lab: AgentLab,
  {
    server,
    proc,
    watchNamespaces,
  }: Pick<AgentOptions, 'proc' | 'watchNamespaces'> & { readonly server: Server },
): Promise<Agent> {
  const registry = new Registry();
  return await startAgent({
    api: server.client('agent'),
    host,
    namespace: 'peerstorm-system',
    watchNamespaces,
    proc,
    address: undefined,
    version: 'test',
    nodeFaultsProblem: nodeFaultsProblem('/proc', true),
    capabilities: async () => [],
    metrics: (look) => agentMetrics(registry, { host, version: 'test' }, look),
    log: (level, message) => lab.log.push(`${level} ${message}`),
    times: { lookMs: 100, sweepMs: 200 },
  });
}

function podOf(node: string, ownerUid: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${testnet}-${node}`,
      namespace,
      labels: { [labels.testnet]: testnet, [labels.node]: node },
      ownerReferences: [{ apiVersion, kind: 'Testnet', name: testnet, uid: ownerUid }],
    },
    spec: {
      nodeName: host,
      terminationGracePeriodSeconds: 1,
      initContainers: [{ name: names.gate }],
    },
  };
}

/** As runtimes make them. */
export function idOf(node: string, container: string): string {
  return createHash('sha256').update(`${node} ${container}`).digest('hex');
}

function holderOf(pods: Pods, node: string): number {
  return Number(/\d+/.exec(pods.netns(node))?.[0]);
}

function podName(pods: Pods, node: string) {
  const name = pods.nodes.find((one) => one === node);
  assert(name !== undefined);
  return name;
}

function ipsOf(pods: Pods, node: string): readonly string[] {
  return [pods.addressOf(node), pods.addressIpv6Of(node)];
}

/** R, S, T, ... of a process. */
export function stateOf(child: ChildProcess): string {
  const text = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  return /\) (\S)/.exec(text)?.[1] ?? '';
}
