// Pods that are made before their turn, and what agents are told of them.
import { expect, test } from 'vitest';
import { memoryCluster, namespace, testnetOf } from '../../../test/memory-cluster.ts';
import type { NodeName } from '../../names.ts';
import type { Plan } from '../../plan/plan.ts';
import type { DesiredNode } from '../runtime.ts';
import { type KubernetesObject, type Resource, resources } from './api.ts';
import { annotations, type NetworkState, names } from './objects.ts';
import { indexOf } from './plan-index.ts';
import type { Pod } from './pod.ts';
import { keepPods } from './pod-keeper.ts';

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const held = { run: 'held' } as const;

const groups = (count: number) => ({
  groups: [
    { name: 'boot', kind: 'reference', bootstrap: true },
    { name: 'full', kind: 'reference', count },
  ],
});
/** With it every pod has a gate. */
const network = {
  regions: [{ name: 'eu' }, { name: 'us' }],
  links: [{ default: true, loss: '1%' }],
};
const gated = testnetOf({ ...groups(2), network });

type Cluster = Awaited<ReturnType<typeof memoryCluster>>;

function toldOf({ server }: Cluster) {
  const states = server.all<NetworkState>(resources.networkStates);
  const shard = states.find(({ metadata }) => metadata.name === names.nodes('net', 0));
  return (shard?.nodes ?? []).map(({ name, uid, waits = false }) => ({ name, uid, waits }));
}

const seconds = async ({ clock }: Cluster, count: number) =>
  await clock.run(clock.sleep(count * 1_000));

test('they are held until their turn comes, whichever controller says so', async () => {
  const cluster = await memoryCluster(gated);
  await cluster.runtime.ensure([cluster.wanted('boot-0'), cluster.wanted('full-0', held)], never);
  await turn();
  const pods = cluster.pods();
  expect(pods.map(({ metadata }) => metadata.annotations?.[annotations.ahead])).toEqual([
    undefined,
    'true',
  ]);
  const [boot, full] = pods.map(({ metadata }) => metadata.uid);
  const before = [
    { name: 'boot-0', uid: boot, waits: false },
    { name: 'full-0', uid: full, waits: true },
  ];
  await seconds(cluster, 3);
  expect(toldOf(cluster)).toEqual(before);
  cluster.closing.abort();
  const next = await cluster.open(never);
  // Nothing has been said of turns yet.
  await seconds(cluster, 3);
  expect(toldOf(cluster)).toEqual(before);
  await next.ensure([cluster.wanted('boot-0'), cluster.wanted('full-0')], never);
  await seconds(cluster, 3);
  expect(toldOf(cluster)).toEqual(before.map((node) => ({ ...node, waits: false })));
});

test('a turn that has come is told at once', async () => {
  const cluster = await memoryCluster(gated);
  const others = [cluster.wanted('boot-0'), cluster.wanted('full-0')];
  const waiting = () => toldOf(cluster).map((node) => node.waits);
  await cluster.runtime.ensure([...others, cluster.wanted('full-1', held)], never);
  await turn();
  await seconds(cluster, 2.5);
  expect(waiting()).toEqual([false, false, true]);
  // What comes now would wait for two seconds.
  cluster.kubelet.status('net-full-0', { podIPs: [{ ip: '10.9.0.1' }] });
  await seconds(cluster, 0.1);
  await cluster.runtime.ensure([...others, cluster.wanted('full-1')], never);
  await seconds(cluster, 0.1);
  expect(waiting()).toEqual([false, false, false]);
});

test('nobody may start because all are to go', async () => {
  const cluster = await memoryCluster(gated);
  cluster.kubelet.holds.ends = true;
  await cluster.runtime.ensure([cluster.wanted('boot-0'), cluster.wanted('full-0', held)], never);
  await cluster.runtime.ensure([], never);
  await seconds(cluster, 3);
  expect(toldOf(cluster).map((node) => node.waits)).toEqual([false, true]);
});

/** A keeper by itself, and what it does to the API. `place`: before pods are made. */
function keeperOf({ uid, clock }: Cluster, plan: () => Plan, place = () => {}) {
  const shown = new Map<NodeName, Pod>();
  let show = (_node: NodeName, _pod: Pod) => {};
  const [made, deleted]: [Pod[], string[]] = [[], []];
  const keeper = keepPods(
    {
      api: {
        get: async () => undefined,
        create: async <T extends KubernetesObject>(_: Resource, object: T) => {
          made.push(object as unknown as Pod);
          return object;
        },
        delete: async (_, { name }) => deleted.push(name) > 0,
        mergePatch: () => Promise.reject(new TypeError('nothing is to be patched')),
      },
      view: {
        pod: (node) => shown.get(node),
        pods: () => shown,
        node: () => ({ incarnation: 0, phase: 'starting', addresses: [] }),
        world: () => ({ nodes: new Map(), enforcement: [] }),
        floor: () => 0,
        removing: () => undefined,
        schedule: undefined,
        reports: () => [],
        onChange: (listener) => {
          show = (node, pod) => {
            shown.set(node, pod);
            listener();
          };
        },
      },
      testnet: { namespace, name: 'net', uid },
      planned: indexOf(plan),
      files: {
        place: async () => {
          place();
          return new Map();
        },
        remove: async () => undefined,
      },
      clock,
      settings: () => ({ image: 'peerstorm-node:1' }),
      gate: () => ({ image: 'peerstorm:1' }),
      readyCommand: () => undefined,
      onFailure: (error) => {
        throw error;
      },
    },
    never,
  );
  return { keeper, made, deleted, show: (node: NodeName, pod: Pod) => show(node, pod) };
}

test('one that shows after all were to go goes, too', async () => {
  const cluster = await memoryCluster(gated);
  const { keeper, made, deleted, show } = keeperOf(cluster, () => cluster.plan);
  const boot = cluster.wanted('boot-0', held);
  await keeper.ensure([boot]);
  await keeper.ensure([]);
  const [pod] = made;
  if (pod === undefined) throw new TypeError('it was not made');
  show(boot.name, pod);
  await turn();
  expect(deleted).toEqual(['net-boot-0']);
});

test('one that is planned no more when its turn to be made comes is not made', async () => {
  const cluster = await memoryCluster(gated);
  let { plan } = cluster;
  const { keeper, made } = keeperOf(
    cluster,
    () => plan,
    () => {
      plan = { ...plan, nodes: plan.nodes.filter(({ name }) => name !== 'full-1') };
    },
  );
  await keeper.ensure(cluster.plan.nodes.map(({ name }) => cluster.wanted(name, held)));
  const labels = made.map(({ metadata }) => metadata.labels?.['peerstorm.dev/node']);
  expect(labels).toEqual(['boot-0', 'full-0']);
});

test('none is made that no gate would hold', async () => {
  const cluster = await memoryCluster(testnetOf(groups(2)));
  await cluster.runtime.ensure([cluster.wanted('boot-0'), cluster.wanted('full-0', held)], never);
  expect(cluster.pods()).toHaveLength(1);
});

test('no more than a hundred are made before it is looked again', async () => {
  const cluster = await memoryCluster(testnetOf({ ...groups(150), network }));
  const wishes = cluster.plan.nodes.map(({ name }, at) =>
    cluster.wanted(name, at < 20 ? {} : held),
  );
  await cluster.runtime.ensure(wishes, never);
  expect(cluster.pods()).toHaveLength(120);
  await turn();
  await cluster.runtime.ensure(wishes, never);
  expect(cluster.pods()).toHaveLength(151);
});

/** What is to go goes in one pass, and is made anew in the next. */
async function twoPasses(cluster: Cluster, wanted: DesiredNode) {
  for (let pass = 0; pass < 2; pass += 1) {
    await cluster.runtime.ensure([wanted], never);
    await turn();
  }
  return cluster.pods().map(({ metadata }) => metadata.uid);
}

test('one that is made of something else by now is made anew', async () => {
  const cluster = await memoryCluster(gated);
  cluster.kubelet.holds.starts = true;
  const wanted = cluster.wanted('full-0', held);
  await cluster.runtime.ensure([wanted], never);
  const [before] = cluster.pods();
  const uids = await twoPasses(cluster, {
    ...wanted,
    launch: { ...wanted.launch, env: { NEW: '1' } },
  });
  expect([uids.length, uids.includes(before?.metadata.uid)]).toEqual([1, false]);
});

/** One pod, whose gate has ended so. */
async function gateEnded(exitCode: number) {
  const cluster = await memoryCluster(gated);
  cluster.kubelet.holds.starts = true;
  const wanted = cluster.wanted('full-0', held);
  await cluster.runtime.ensure([wanted], never);
  const [pod] = cluster.pods();
  const terminated = { exitCode, finishedAt: '2026-11-23T10:00:00Z', reason: 'Error' };
  const initContainerStatuses = [{ name: names.gate, restartCount: 0, state: { terminated } }];
  cluster.kubelet.status('net-full-0', { phase: 'Failed', initContainerStatuses });
  return { cluster, wanted, uid: pod?.metadata.uid };
}

test('a gate that has failed is said', async () => {
  const { cluster } = await gateEnded(127);
  const [[, world] = []] = (await cluster.world()).nodes;
  expect(world).toMatchObject({ phase: 'starting', problem: 'gate: ended with exit status 127' });
});

test('a gate that was killed is no end of its node', async () => {
  const { cluster, wanted, uid } = await gateEnded(137);
  const uids = await twoPasses(cluster, wanted);
  expect([uids.length, uids.includes(uid)]).toEqual([1, false]);
  const [[, world] = []] = (await cluster.world()).nodes;
  expect(world?.replaced).toMatchObject({ reason: 'its gate was ended' });
});
