// A cluster in memory with the Kubernetes runtime open in it, for tests: API server, kubelet, and
// the reports that agents would write.
import { kinds } from '../src/kinds/index.ts';
import type { NodeName } from '../src/names.ts';
import { launchContexts } from '../src/plan/launch.ts';
import type { Plan } from '../src/plan/plan.ts';
import { planTestnet } from '../src/plan/plan-testnet.ts';
import { type KubernetesObject, resources } from '../src/runtime/kubernetes/api.ts';
import { openKubernetes } from '../src/runtime/kubernetes/kubernetes.ts';
import { podDataDirectory } from '../src/runtime/kubernetes/manifest.ts';
import { memoryServer } from '../src/runtime/kubernetes/memory-api.ts';
import { memoryKubelet } from '../src/runtime/kubernetes/memory-kubelet.ts';
import type { MemoryServerOptions } from '../src/runtime/kubernetes/memory-store.ts';
import {
  apiVersion,
  type HostReport,
  type TestnetReport,
} from '../src/runtime/kubernetes/objects.ts';
import { essenceOf, type Pod } from '../src/runtime/kubernetes/pod.ts';
import { bindToPods } from '../src/runtime/kubernetes/surroundings.ts';
import { virtualClock } from '../src/runtime/memory/virtual-clock.ts';
import type { DesiredNode, World } from '../src/runtime/runtime.ts';
import { testnet as schema, type Testnet } from '../src/spec/schema.ts';

export const namespace = 'chaos';
export const startTime = Date.parse('2026-11-23T10:00:00Z');

export function testnetOf(spec: object, name = 'net'): Testnet {
  const kind = { apiVersion, kind: 'Testnet', metadata: { name } };
  return schema.parse({ ...kind, spec });
}

function boundPlan(testnet: Testnet): Plan {
  const { plan, problems } = planTestnet(testnet, kinds);
  if (plan === undefined) throw new TypeError(problems.map(({ message }) => message).join('\n'));
  return bindToPods(plan);
}

export async function memoryCluster(
  testnet: Testnet,
  options: Omit<MemoryServerOptions, 'onPod' | 'now'> & { readonly hosts?: readonly string[] } = {},
) {
  const { hosts = ['one'], ...serverOptions } = options;
  const clock = virtualClock(startTime);
  const kubelet = memoryKubelet({ clock, namespace, hosts });
  const server = memoryServer({ ...serverOptions, now: clock.now, onPod: kubelet.onPod });
  kubelet.attach(server);
  const api = server.client('controller');
  const closing = new AbortController();
  let plan = boundPlan(testnet);
  const { name } = testnet.metadata;
  const owner = await api.create<KubernetesObject>(resources.testnets, {
    ...testnet,
    metadata: { name, namespace },
  });
  const failures: unknown[] = [];
  const open = async (signal: AbortSignal) =>
    await openKubernetes(
      {
        api,
        testnet: { namespace, name, uid: owner.metadata.uid ?? '' },
        spec: testnet.spec,
        plan: () => plan,
        kinds,
        pods: api.follow<Pod>(
          resources.pods,
          { labelSelector: 'peerstorm.dev/node', keep: essenceOf },
          signal,
        ),
        hostReports: api.follow<HostReport>(resources.hostReports, {}, signal),
        images: { reference: 'peerstorm-node:1', referencePullPolicy: 'IfNotPresent' },
        gate: { image: 'peerstorm:1', imagePullPolicy: 'IfNotPresent' },
        clock,
        onFailure: (error) => failures.push(error),
      },
      signal,
    );
  const runtime = await open(closing.signal);
  const contexts = () => launchContexts(plan, { dataDirectory: () => podDataDirectory });
  return {
    clock,
    kubelet,
    server,
    api,
    runtime,
    /** Another controller. */
    open,
    closing,
    failures,
    uid: owner.metadata.uid ?? '',
    get plan() {
      return plan;
    },
    change: (next: Plan) => {
      plan = next;
    },
    wanted: (node: string, wish: Partial<DesiredNode> = {}): DesiredNode => {
      const planned = plan.nodes.find(({ name }) => name === node);
      const group = plan.groups.find(({ name }) => name === planned?.group);
      const context = contexts().get(node as NodeName);
      const kind = kinds.get(group?.kind ?? '');
      if (context === undefined || kind === undefined) throw new TypeError(`no node ${node}`);
      const launch = kind.launch(context);
      return { name: context.name, incarnation: 0, run: 'running', launch, ...wish };
    },
    /** What an agent would write. */
    report: async (host: string, report: Partial<TestnetReport> = {}) => {
      const nothing = { generation: 0, appliedAt: 0, faults: {}, counters: {}, lapsedPackets: 0 };
      await api.apply<HostReport>(resources.hostReports, {
        apiVersion,
        kind: 'HostReport',
        metadata: { name: host, namespace: 'peerstorm-system' },
        host,
        reportedAt: new Date(clock.now()).toISOString(),
        agentStartedAt: new Date(startTime).toISOString(),
        agentVersion: '1',
        capabilities: [
          { feature: 'namespaces', ok: true, reason: 'found' },
          { feature: 'nft', ok: true, reason: 'found' },
          { feature: 'htb', ok: true, reason: 'found' },
          { feature: 'node-faults', ok: true, reason: 'found' },
        ],
        testnets: [
          {
            namespace,
            name,
            uid: owner.metadata.uid ?? '',
            enforcement: nothing,
            pods: 0,
            nodes: {},
            ...report,
          },
        ],
      });
    },
    /** What the runtime shows when all that was under way is done. */
    world: async (): Promise<World> => {
      await new Promise((resolve) => setImmediate(resolve));
      const over = new AbortController();
      for await (const world of runtime.watch(over.signal)) {
        over.abort();
        return world;
      }
      throw new TypeError('it shows nothing');
    },
    pods: () => server.all<Pod>(resources.pods),
  };
}
