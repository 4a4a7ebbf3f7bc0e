// A cluster in memory for the tests of the controller: an API server, the simulated runtime in the
// place of pods, and virtual time. The controller may be stopped and started again at any moment;
// nodes and rules stay as they are meanwhile, as they do in the world.
import { parse } from 'yaml';
import { planOf } from '../src/controller/acceptance.ts';
import { type Controller, startController } from '../src/controller/controller.ts';
import { secretsIn } from '../src/controller/passwords.ts';
import { fail } from '../src/errors.ts';
import { kinds } from '../src/kinds/index.ts';
import type { Plan } from '../src/plan/plan.ts';
import { type KubernetesObject, resources } from '../src/runtime/kubernetes/api.ts';
import { memoryServer } from '../src/runtime/kubernetes/memory-api.ts';
import type { MemoryServerOptions } from '../src/runtime/kubernetes/memory-store.ts';
import {
  apiVersion,
  type FaultObject,
  labels,
  type TestnetObject,
} from '../src/runtime/kubernetes/objects.ts';
import { openMemory } from '../src/runtime/memory/memory.ts';
import { type VirtualClock, virtualClock } from '../src/runtime/memory/virtual-clock.ts';
import type { Feature, Runtime, World } from '../src/runtime/runtime.ts';
import type { Testnet } from '../src/spec/schema.ts';
import { testnet as testnetSchema } from '../src/spec/schema.ts';

import { simulatedAgents } from './simulated-agents.ts';

export { specOf } from './compliance/spec.ts';

const namespace = 'storms';

export function testnetObject(name: string, spec: string): TestnetObject {
  const document = parse(spec) as TestnetObject;
  return { ...document, metadata: { name, namespace } };
}

type Options = Pick<MemoryServerOptions, 'lines' | 'exec'> & {
  /** Of all nodes that there will ever be. */
  readonly largest?: string;
  /** Of testnets with more nodes agents ask them. */
  readonly observeByAgentsAbove?: number;
};

export function cluster({ largest, observeByAgentsAbove, ...serving }: Options = {}) {
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const world = new Map<string, Simulated>();
  const state = { down: false, order: [] as string[], statusTimes: [] as number[] };
  const staying = new Set<string>();
  const lacks = new Set<Feature>();
  const server = memoryServer({
    ...serving,
    now: () => clock.now(),
    before: ({ manager, verb }) => {
      if (state.down && manager === 'controller') throw fail('CONTACT_LOST', 'the server is away');
      if (verb === 'apply status') state.statusTimes.push(clock.now());
    },
    onPod: (event, pod) => {
      if (event !== 'deleting' || staying.has(pod.metadata.name)) return;
      queueMicrotask(() => {
        state.order.push('pods gone');
        server.remove(resources.pods, pod.metadata);
      });
    },
  });
  const user = server.client('kubectl');
  let running: { readonly stop: AbortController; readonly controller: Controller } | undefined;
  const simulated = (name: string, planned: Plan): Simulated => {
    const known = world.get(name);
    if (known !== undefined) return known;
    const plan = largest === undefined ? planned : planOf(documentOf(name, largest), kinds);
    if (plan === undefined) throw new TypeError('the spec has problems');
    const fresh = {
      plan,
      runtime: openMemory(plan, clock),
      starts: new Map<string, number>(),
      asked: [],
    };
    world.set(name, fresh);
    return fresh;
  };
  const agents =
    observeByAgentsAbove === undefined
      ? undefined
      : simulatedAgents(observeByAgentsAbove, clock, () => {
          const [one] = world.values();
          if (one === undefined) throw new TypeError('there is no testnet');
          return one;
        });
  const start = async () => {
    const stop = new AbortController();
    const controller = startController(
      {
        api: server.client('controller'),
        clock,
        kinds,
        version: 'test',
        versions: {},
        namespaces: undefined,
        instance: 'controller-0',
        log: () => undefined,
        bind: (plan) => plan,
        dataDirectory: (node) => `/data/${node}`,
        secretsOf: secretsIn(server.client('controller'), 'system'),
        agents: agents?.agents,
        openRuntime: async ({ testnet, plan }, signal) =>
          watched(simulated(testnet.metadata.name, plan()), {
            lacks,
            order: state.order,
            clock,
            signal,
          }),
      },
      stop.signal,
    );
    running = { stop, controller };
  };
  const get = <T extends KubernetesObject>(resource: (typeof resources)['pods'], name: string) =>
    server.all<T>(resource).find(({ metadata }) => metadata.name === name);
  const testnet = (name: string) => get<TestnetObject>(resources.testnets as never, name);
  const waitFor = async <T>(look: () => T | undefined): Promise<T> =>
    await clock.run(
      (async () => {
        for (let waited = 0; waited < 600_000; waited += 100) {
          const found = look();
          if (found !== undefined) return found;
          await clock.sleep(100);
        }
        throw new TypeError('it never came');
      })(),
    );
  return {
    clock,
    agents,
    server,
    user,
    lacks,
    get order() {
      return [...new Set(state.order)];
    },
    get statusTimes() {
      return state.statusTimes;
    },
    set down(down: boolean) {
      state.down = down;
    },
    runs: () => running?.controller.runs() ?? new Map(),
    start,
    stop: async () => {
      running?.stop.abort();
      const { controller } = running ?? {};
      if (controller !== undefined) await clock.run(controller.done);
      running = undefined;
    },
    sleep: (ms: number) => clock.run(clock.sleep(ms)),
    apply: (object: TestnetObject) => void user.create(resources.testnets, object),
    change: (name: string, spec: unknown) =>
      server.change(resources.testnets, { namespace, name }, { spec }),
    fault: (name: string, spec: FaultObject['spec']) =>
      void user.create<FaultObject>(resources.faults, {
        apiVersion,
        kind: 'Fault',
        metadata: { name, namespace },
        spec,
      }),
    testnet,
    until: (name: string, is: (object: TestnetObject) => boolean) =>
      waitFor(() => {
        const object = testnet(name);
        return object !== undefined && is(object) ? object : undefined;
      }),
    untilFault: (name: string, is: (object: FaultObject) => boolean) =>
      waitFor(() => {
        const object = get<FaultObject>(resources.faults as never, name);
        return object !== undefined && is(object) ? object : undefined;
      }),
    gone: (name: string) => waitFor(() => (testnet(name) === undefined ? true : undefined)),
    /** As the kubelet would have it; the simulated runtime makes none. */
    addPod: (owner: string, name: string, { stays = false, node = '' } = {}) => {
      const { uid = '' } = testnet(owner)?.metadata ?? {};
      if (stays) staying.add(name);
      void user.create(resources.pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace,
          labels: { [labels.testnet]: owner, ...(node === '' ? {} : { [labels.node]: node }) },
          ownerReferences: [{ apiVersion, kind: 'Testnet', name: owner, uid }],
        },
      });
    },
    eventsOf: (name: string) =>
      server
        .all<KubernetesObject & { reason: string; note: string; regarding: { name: string } }>(
          resources.events,
        )
        .filter(({ regarding }) => regarding.name === name)
        .map(({ reason, note }) => [reason, note] as const),
    /** Names of everything but Events, where testnets are. */
    left: () =>
      Object.values(resources)
        .filter(({ plural }) => plural !== 'events')
        .flatMap((resource) => server.all(resource))
        .filter(({ metadata }) => metadata.namespace === namespace)
        .map(({ metadata }) => metadata.name),
    /** Paths of what the controller has asked nodes. */
    asked: () => [...world.values()].flatMap(({ asked }) => asked),
    /** How often each node was started. */
    starts: () => [...world.values()].flatMap(({ starts }) => [...starts.values()]),
    faultsInForce: () =>
      [...world.values()].flatMap(({ last }) =>
        (last?.enforcement ?? []).flatMap(({ faults }) =>
          Object.entries(faults)
            .filter(([, { enforcedAt, healedAt }]) => enforcedAt && !healedAt)
            .map(([name]) => name),
        ),
      ),
    /** Nodes that the newest schedule names. */
    cutNodes: () => [
      ...new Set(
        [...world.values()].flatMap(({ schedule }) =>
          (schedule?.effects ?? []).flatMap(({ from, to }) => [...from, ...to]),
        ),
      ),
    ],
  };
}

type Simulated = {
  readonly runtime: ReturnType<typeof openMemory>;
  readonly starts: Map<string, number>;
  readonly plan: Plan;
  readonly asked: string[];
  last?: World;
  schedule?: Parameters<Runtime['enforce']>[0];
};

function documentOf(name: string, spec: string): Testnet {
  return testnetSchema.parse({ ...(parse(spec) as object), metadata: { name } });
}

/** What a controller holds of it: what it lets go of stays as it is. */
function watched(
  simulated: Simulated,
  around: {
    readonly lacks: ReadonlySet<Feature>;
    readonly order: string[];
    readonly clock: VirtualClock;
    readonly signal: AbortSignal;
  },
): Runtime {
  const { runtime, starts } = simulated;
  return {
    ...runtime,
    capabilities: async (signal) =>
      (await runtime.capabilities(signal)).map((capability) =>
        around.lacks.has(capability.feature)
          ? { ...capability, ok: false, reason: `no ${capability.feature} here` }
          : capability,
      ),
    ensure: async (nodes, signal) => {
      for (const { name, run, incarnation } of nodes) {
        if (run === 'running') starts.set(name, Math.max(starts.get(name) ?? 0, incarnation + 1));
      }
      if (nodes.every(({ run }) => run === 'stopped')) around.order.push('nodes gone');
      await runtime.ensure(nodes, signal);
    },
    enforce: async (schedule, signal) => {
      simulated.schedule = schedule;
      const ended = (end?: number) => end !== undefined && end <= around.clock.now();
      if (schedule.effects.length > 0 && schedule.effects.every(({ end }) => ended(end))) {
        around.order.push('healed');
      }
      await runtime.enforce(schedule, signal);
    },
    request: async (node, request, signal) => {
      if (request.type === 'http') simulated.asked.push(request.path.split('?')[0] ?? '');
      return await runtime.request(node, request, signal);
    },
    watch: async function* (signal) {
      for await (const world of runtime.watch(signal)) {
        simulated.last = world;
        yield world;
      }
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
