import { describe, expect, test } from 'vitest';
import { memoryCluster, namespace, startTime, testnetOf } from '../../../test/memory-cluster.ts';
import type { NodeName } from '../../names.ts';
import type { Schedule } from '../runtime.ts';
import { resources } from './api.ts';
import { annotations, type NetworkState, names } from './objects.ts';
import { orderOf, type Pod } from './pod.ts';

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

const twoGroups = {
  groups: [
    { name: 'boot', kind: 'reference', bootstrap: true },
    { name: 'full', kind: 'reference', count: 2 },
  ],
  faults: [
    { name: 'cut', at: '10s', for: '20s', partition: { sides: [{ group: 'boot' }] } },
    { name: 'reboot', at: '40s', restart: { targets: { node: 'full-1' } } },
  ],
};

async function running(spec: object = twoGroups, options = {}) {
  const cluster = await memoryCluster(testnetOf(spec), options);
  const nodes = () => cluster.plan.nodes.map(({ name }) => cluster.wanted(name));
  await cluster.runtime.ensure(nodes(), never);
  await turn();
  return {
    ...cluster,
    nodes,
    ensure: (...args: Parameters<typeof cluster.wanted>[]) => ensureWith(cluster, args),
  };
}

type Cluster = Awaited<ReturnType<typeof memoryCluster>>;

/** All nodes as they are, but for these. */
async function ensureWith(cluster: Cluster, others: Parameters<Cluster['wanted']>[]) {
  const world = await cluster.world();
  const wishes = new Map(others.map(([node, wish]) => [node, wish]));
  await cluster.runtime.ensure(
    cluster.plan.nodes.map(({ name }) => {
      const incarnation = world.nodes.get(name)?.incarnation ?? 0;
      return cluster.wanted(name, { incarnation, ...wishes.get(name) });
    }),
    never,
  );
  await turn();
}

const podNamed = (cluster: Pick<Cluster, 'pods'>, name: string): Pod | undefined =>
  cluster.pods().find(({ metadata }) => metadata.name === name);
const writes = ({ server }: Pick<Cluster, 'server'>) =>
  server.calls.filter(({ verb }) => !['get', 'list'].includes(verb)).length;

describe('ensure', () => {
  test('makes a pod for each node, once', async () => {
    const cluster = await running();
    expect(cluster.pods().map(({ metadata }) => metadata.name)).toEqual([
      'net-boot-0',
      'net-full-0',
      'net-full-1',
    ]);
    const { nodes } = await cluster.world();
    expect([...nodes.values()].map(({ phase }) => phase)).toEqual([
      'running',
      'running',
      'running',
    ]);
    await turn();
    const before = writes(cluster);
    await cluster.ensure();
    expect(writes(cluster)).toBe(before);
  });

  test('starts waves as they come, and writes files of each once', async () => {
    const cluster = await memoryCluster(testnetOf(twoGroups));
    await cluster.runtime.ensure([cluster.wanted('boot-0')], never);
    await cluster.runtime.ensure(
      ['boot-0', 'full-0'].map((name) => cluster.wanted(name)),
      never,
    );
    const files = cluster.server
      .all(resources.configMaps)
      .map((map) => [map.metadata.name, Object.keys(Object(map).data)]);
    expect(files).toEqual([
      ['net-files-0', [expect.stringMatching(/^boot-0\./)]],
      ['net-files-1', [expect.stringMatching(/^full-0\./)]],
    ]);
  });

  test('removes the pod of a node that is left out', async () => {
    const cluster = await running();
    await cluster.runtime.ensure([cluster.wanted('boot-0')], never);
    await turn();
    expect(cluster.pods().map(({ metadata }) => metadata.name)).toEqual(['net-boot-0']);
    const world = await cluster.world();
    expect(world.nodes.get('full-0' as NodeName)).toMatchObject({
      phase: 'exited',
      exit: { asked: true },
    });
  });

  test('does not take over a pod of somebody else', async () => {
    const cluster = await memoryCluster(testnetOf(twoGroups));
    const foreign = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'net-full-0', namespace },
      spec: { restartPolicy: 'Never' as const },
    };
    await cluster.api.create<Pod>(resources.pods, foreign);
    const all = cluster.plan.nodes.map(({ name }) => cluster.wanted(name));
    await expect(cluster.runtime.ensure(all, never)).rejects.toThrow(
      /net-full-0.*belongs to nobody/,
    );
    expect(podNamed(cluster, 'net-full-0')?.metadata.labels).toBeUndefined();
    expect(cluster.pods()).toHaveLength(3);
  });

  test('a server that is away is asked again, and no pod is made twice', async () => {
    let isAway = true;
    const { fail } = await import('../../errors.ts');
    const cluster = await memoryCluster(testnetOf(twoGroups), {
      before: ({ verb, plural }) => {
        if (isAway && verb === 'create' && plural === 'pods') {
          throw fail('API_UNREACHABLE', 'cut off');
        }
      },
    });
    const all = cluster.plan.nodes.map(({ name }) => cluster.wanted(name));
    await cluster.runtime.ensure(all, never);
    expect(cluster.pods()).toEqual([]);
    expect(cluster.failures).toHaveLength(1);
    isAway = false;
    await cluster.clock.run(cluster.clock.sleep(5_000));
    expect(cluster.pods()).toHaveLength(3);
  });

  test('a pod that cannot start is replaced when what it is made from changes', async () => {
    const cluster = await memoryCluster(testnetOf(twoGroups));
    cluster.kubelet.holds.starts = true;
    await cluster.runtime.ensure([cluster.wanted('boot-0')], never);
    const before = podNamed(cluster, 'net-boot-0')?.metadata.uid;
    const waiting = { reason: 'ErrImagePull', message: 'not found' };
    const containerStatuses = [{ name: 'node', restartCount: 0, state: { waiting } }];
    cluster.kubelet.status('net-boot-0', { phase: 'Pending', containerStatuses });
    const world = await cluster.world();
    expect(world.nodes.get('boot-0' as NodeName)).toMatchObject({
      phase: 'starting',
      problem: 'ErrImagePull: not found',
    });
    const { launch } = cluster.wanted('boot-0');
    const other = { launch: { ...launch, env: { NEW: '1' } } };
    await cluster.runtime.ensure([cluster.wanted('boot-0', other)], never);
    await turn();
    await cluster.runtime.ensure([cluster.wanted('boot-0', other)], never);
    const after = podNamed(cluster, 'net-boot-0')?.metadata.uid;
    expect([typeof after, after === before]).toEqual(['string', false]);
  });

  test('a pod that runs stays as it was made', async () => {
    const cluster = await running();
    const before = cluster.pods().map(({ metadata }) => metadata.uid);
    const { launch } = cluster.wanted('boot-0');
    await cluster.ensure(['boot-0', { launch: { ...launch, env: { NEW: '1' } } }]);
    expect(cluster.pods().map(({ metadata }) => metadata.uid)).toEqual(before);
  });

  test('only nodes that a fault restarts have containers that come back', async () => {
    const cluster = await running();
    const policies = cluster.pods().map(({ spec }) => spec.restartPolicy);
    expect(policies).toEqual(['Never', 'Never', 'Always']);
  });
});

describe('pods that are lost', () => {
  test('deleted by hand: another comes, one incarnation later, and it is no failure', async () => {
    const cluster = await running();
    await cluster.api.delete(resources.pods, { namespace, name: 'net-full-0' });
    await turn();
    const world = await cluster.world();
    expect(world.nodes.get('full-0' as NodeName)).toMatchObject({
      incarnation: 1,
      phase: 'starting',
      replaced: { reason: 'the pod was deleted' },
    });
    await cluster.ensure();
    const after = (await cluster.world()).nodes.get('full-0' as NodeName);
    expect(after).toMatchObject({ incarnation: 1, phase: 'running' });
    expect(after?.exit).toBeUndefined();
    expect(podNamed(cluster, 'net-full-0')?.metadata.annotations?.[annotations.first]).toBe('1');
  });

  test('while it ends it is not made anew', async () => {
    const cluster = await running();
    cluster.kubelet.holds.ends = true;
    await cluster.api.delete(resources.pods, { namespace, name: 'net-full-0' });
    await turn();
    await cluster.ensure();
    expect(cluster.pods()).toHaveLength(3);
    cluster.kubelet.end('net-full-0');
    await turn();
    await cluster.ensure();
    expect(podNamed(cluster, 'net-full-0')?.metadata.deletionTimestamp).toBeUndefined();
    expect(cluster.pods()).toHaveLength(3);
  });

  test('evicted: what is left of the pod goes, and another comes', async () => {
    const cluster = await running();
    cluster.kubelet.evict('net-full-0');
    await turn();
    for (let pass = 0; pass < 3; pass += 1) await cluster.ensure();
    expect((await cluster.world()).nodes.get('full-0' as NodeName)).toMatchObject({
      incarnation: 1,
      phase: 'running',
      replaced: { reason: 'Evicted: the host was low on memory' },
    });
  });

  test('a controller that comes later finds what is there and makes nothing twice', async () => {
    const cluster = await running();
    cluster.closing.abort();
    const before = cluster.pods().map(({ metadata }) => metadata.uid);
    const next = await cluster.open(never);
    await next.ensure(cluster.nodes(), never);
    await turn();
    expect(cluster.pods().map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(cluster.server.all(resources.configMaps)).toHaveLength(1);
  });
});

describe('nodes that end', () => {
  test('by themselves: the exit shows, with its status, and the pod stays for its log', async () => {
    const cluster = await running();
    cluster.kubelet.exit('net-full-0', 139);
    const world = await cluster.world();
    expect(world.nodes.get('full-0' as NodeName)).toMatchObject({
      incarnation: 0,
      phase: 'exited',
      exit: { asked: false, code: null, signal: 'SIGSEGV' },
    });
    await cluster.ensure(['full-0', { run: 'stopped' }]);
    const later = await cluster.world();
    expect(later.nodes.get('full-0' as NodeName)?.exit?.asked).toBe(false);
    expect(cluster.pods()).toHaveLength(3);
  });

  test('by themselves, where the kubelet starts them again: still an exit', async () => {
    const cluster = await running();
    cluster.kubelet.exit('net-full-1', 1);
    const world = await cluster.world();
    expect(world.nodes.get('full-1' as NodeName)).toMatchObject({
      incarnation: 0,
      phase: 'exited',
      exit: { asked: false, code: 1 },
    });
  });

  test('restartPolicy always: the next incarnation is the kubelet’s', async () => {
    const [boot, full] = twoGroups.groups;
    const groups = [boot, { ...full, restartPolicy: 'always' }];
    const cluster = await running({ groups });
    cluster.kubelet.exit('net-full-0', 1);
    expect((await cluster.world()).nodes.get('full-0' as NodeName)).toMatchObject({
      incarnation: 1,
      phase: 'running',
    });
    await cluster.ensure();
    const order = podNamed(cluster, 'net-full-0')?.metadata.annotations?.[annotations.order];
    expect(order).toBeUndefined();
  });

  test('by a fault: the agent is told how, and the successor is the next incarnation', async () => {
    const cluster = await running();
    const stop = { signal: 'SIGTERM', graceSeconds: 10 } as const;
    const node = 'full-1' as NodeName;
    await cluster.ensure([node, { incarnation: 0, run: 'stopped', stop }]);
    const order = () => orderOf(podNamed(cluster, 'net-full-1') as Pod);
    expect(order()).toEqual({ incarnation: 0, run: 'stopped', stop });
    expect((await cluster.world()).nodes.get(node)?.phase).toBe('running');
    cluster.kubelet.exit('net-full-1', 143);
    const down = (await cluster.world()).nodes.get(node);
    expect(down).toMatchObject({ incarnation: 0, phase: 'exited' });
    expect(down?.exit).toMatchObject({ asked: true, signal: 'SIGTERM' });
    await cluster.ensure([node, { incarnation: 1 }]);
    expect(order()).toEqual({ incarnation: 1, run: 'running' });
    const startedAt = startTime + 4_321;
    await cluster.report('one', { nodes: { [node]: { incarnation: 1, startedAt } } });
    const back = (await cluster.world()).nodes.get(node);
    expect(back).toMatchObject({ incarnation: 1, phase: 'running', startedAt });
    expect(cluster.pods()).toHaveLength(3);
  });

  test('paused is what the agent says is paused', async () => {
    const cluster = await running();
    const node = 'full-0' as NodeName;
    await cluster.ensure([node, { run: 'paused' }]);
    expect((await cluster.world()).nodes.get(node)?.phase).toBe('running');
    await cluster.report('one', { nodes: { [node]: { incarnation: 0, phase: 'paused' } } });
    expect((await cluster.world()).nodes.get(node)?.phase).toBe('paused');
    await cluster.ensure([node, { run: 'running' }]);
    expect(orderOf(podNamed(cluster, 'net-full-0') as Pod).run).toBe('running');
    expect((await cluster.world()).nodes.get(node)?.phase).toBe('running');
  });
});

const schedule = (cluster: Pick<Cluster, 'plan'>, generation = 1): Schedule => ({
  generation,
  leaseSeconds: 10,
  base: cluster.plan.base,
  effects: cluster.plan.faults.flatMap(({ effects }) =>
    effects.map((effect) => ({ ...effect, start: startTime + 10_000, end: startTime + 30_000 })),
  ),
});
const state = ({ server }: Pick<Cluster, 'server'>, name: string) =>
  server.all<NetworkState>(resources.networkStates).find(({ metadata }) => metadata.name === name);

describe('what agents are told', () => {
  test('the schedule, with sets of nodes in words, and numbers of faults that stay', async () => {
    const cluster = await running();
    await cluster.runtime.enforce(schedule(cluster), never);
    const written = state(cluster, 'net-faults')?.schedule;
    expect(written).toMatchObject({
      generation: 1,
      leaseSeconds: 60,
      sets: [['boot 0'], ['full 0-1']],
      faultIds: { cut: 0, reboot: 1 },
    });
    cluster.closing.abort();
    const next = await cluster.open(never);
    cluster.change({ ...cluster.plan, faults: cluster.plan.faults.slice(1) });
    await next.enforce({ ...schedule(cluster, 2), effects: [] }, never);
    expect(state(cluster, 'net-faults')?.schedule?.faultIds).toEqual({ cut: 0, reboot: 1 });
  });

  test('region links as the base layer, which is no fault; and pods wait for it', async () => {
    const network = {
      regions: [{ name: 'eu' }, { name: 'us' }],
      links: [{ default: true, loss: '1%' }],
    };
    const cluster = await running({ ...twoGroups, network });
    await cluster.runtime.enforce(schedule(cluster), never);
    const written = state(cluster, 'net-faults')?.schedule;
    expect(written?.base).toHaveLength(cluster.plan.base.length);
    expect(Object.keys(written?.faultIds ?? {})).toEqual(['cut', 'reboot']);
    const gates = cluster.pods().map(({ spec }) => Object(spec)['initContainers']?.[0]);
    expect(gates).toEqual(Array(3).fill(expect.objectContaining({ command: ['/app/gate'] })));
  });

  test('a pod that comes back under a fault waits for its rules', async () => {
    const cluster = await running();
    expect(podNamed(cluster, 'net-full-0')?.spec).not.toHaveProperty('initContainers');
    await cluster.runtime.enforce(schedule(cluster), never);
    await cluster.api.delete(resources.pods, { namespace, name: 'net-full-0' });
    await turn();
    await cluster.ensure();
    expect(podNamed(cluster, 'net-full-0')?.spec).toHaveProperty('initContainers');
  });

  test('who is where, at once and then at most every two seconds', async () => {
    const cluster = await running();
    await cluster.clock.run(cluster.clock.sleep(3_000));
    const nodes = state(cluster, names.nodes('net', 0))?.nodes ?? [];
    expect(nodes.map(({ name, ips }) => [name, ips.length])).toEqual([
      ['boot-0', 1],
      ['full-0', 1],
      ['full-1', 1],
    ]);
    expect(nodes[0]?.uid).toBe(podNamed(cluster, 'net-boot-0')?.metadata.uid);
    const before = cluster.server.calls.length;
    for (const ip of ['10.9.0.1', '10.9.0.2', '10.9.0.3']) {
      cluster.kubelet.status('net-full-0', { podIPs: [{ ip }] });
      await turn();
    }
    await cluster.clock.run(cluster.clock.sleep(3_000));
    expect(cluster.server.calls.length - before).toBeLessThanOrEqual(2);
    expect(state(cluster, names.nodes('net', 0))?.nodes?.[1]?.ips).toEqual(['10.9.0.3']);
  });
});

describe('what agents say', () => {
  const enforcedAt = startTime + 10_100;
  const enforcement = {
    generation: 1,
    appliedAt: startTime,
    faults: { cut: { enforcedAt } },
    counters: {},
    lapsedPackets: 0,
  };

  test('a fault is in force when every host with nodes of it has it', async () => {
    const cluster = await running(twoGroups, { hosts: ['one', 'two'] });
    await cluster.runtime.enforce(schedule(cluster), never);
    await cluster.report('one', { enforcement });
    const first = (await cluster.world()).enforcement;
    expect(first).toEqual([{ host: 'one', ...enforcement, faults: {} }]);
    await cluster.report('two', { enforcement });
    const both = (await cluster.world()).enforcement;
    expect(both.map(({ host, faults }) => [host, faults])).toEqual([
      ['one', { cut: { enforcedAt } }],
      ['two', { cut: { enforcedAt } }],
    ]);
  });

  test('reports about another Testnet of that name are not ours', async () => {
    const cluster = await running();
    await cluster.report('one', { enforcement, uid: 'another' });
    expect((await cluster.world()).enforcement).toEqual([]);
  });

  test('a host that is silent for long is a problem', async () => {
    const cluster = await running();
    await cluster.report('one', { enforcement });
    await cluster.world();
    await cluster.clock.run(cluster.clock.sleep(120_000));
    expect((await cluster.world()).enforcement[0]?.problem).toMatch(/host one has not reported/);
  });

  test('capabilities are those of all hosts that nodes may be put on', async () => {
    const cluster = await running();
    const host = (name: string, spec: object = {}) =>
      cluster.api.create(resources.hosts, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name },
        ...{ spec },
      });
    await host('one');
    await host('two');
    await host('cordoned', { unschedulable: true });
    await host('tainted', { taints: [{ key: 'x', effect: 'NoSchedule' }] });
    await cluster.report('one');
    const found = await cluster.runtime.capabilities(never);
    expect(found.filter(({ ok }) => !ok)).toEqual([
      expect.objectContaining({ host: 'two', feature: 'namespaces' }),
    ]);
    expect(found.find(({ feature }) => feature === 'nft')?.host).toBe('one');
  });
});

describe('probes', () => {
  const pairs = [{ from: 'boot-0' as NodeName, to: 'full-0' as NodeName, count: 20 }];
  const sent = {
    half: 'sent',
    from: pairs[0]?.from ?? ('' as NodeName),
    to: pairs[0]?.to ?? ('' as NodeName),
    sent: 20,
    sentAt: [startTime, startTime + 10],
  } as const;
  const received = {
    half: 'received',
    from: sent.from,
    to: sent.to,
    received: 18,
    delaysMs: [1, 2],
  } as const;

  test('both halves together are the result', async () => {
    const cluster = await running();
    await cluster.runtime.enforce(schedule(cluster), never);
    const result = cluster.runtime.probe(pairs, never);
    await turn();
    const order = state(cluster, 'net-faults')?.schedule?.probe;
    expect(order).toMatchObject({ id: 1, pairs: [['boot-0', 'full-0', 20]] });
    await cluster.report('one', { probe: { id: 1, results: [sent] } });
    await cluster.report('two', { probe: { id: 1, results: [received] } });
    const { half: _s, ...departed } = sent;
    const { half: _r, ...arrived } = received;
    expect(await cluster.clock.run(result)).toEqual([{ ...departed, ...arrived }]);
  });

  test('a half that does not come is an error, as is one of another round', async () => {
    const cluster = await running();
    await cluster.runtime.enforce(schedule(cluster), never);
    const result = cluster.runtime.probe(pairs, never);
    await turn();
    await cluster.report('one', { probe: { id: 1, results: [sent] } });
    await cluster.report('two', { probe: { id: 7, results: [received] } });
    await expect(cluster.clock.run(result)).rejects.toThrow(/what full-0 received from boot-0/);
  });
});

const closed = async ({ runtime }: Pick<Cluster, 'runtime'>) => {
  await runtime[Symbol.asyncDispose]();
};

describe('the end', () => {
  test('leaves nothing that the runtime has made', async () => {
    const cluster = await running({
      ...twoGroups,
      kubernetes: { storage: { size: '1GiB' } },
    });
    await cluster.runtime.enforce(schedule(cluster), never);
    await cluster.clock.run(closed(cluster));
    const left = Object.values(resources).flatMap((resource) =>
      cluster.server.all(resource).map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    );
    expect(left).toEqual(['Testnet net']);
  });

  test('is nobody’s loss', async () => {
    const cluster = await running();
    await cluster.clock.run(closed(cluster));
    const { nodes } = await cluster.world();
    const shown = [...nodes.values()].map(({ phase, exit }) => [phase, exit?.asked]);
    expect(shown).toEqual(shown.map(() => ['exited', true]));
    expect(shown).toHaveLength(3);
  });

  test('volumes that are to be kept stay', async () => {
    const storage = { size: '1GiB', keep: true };
    const cluster = await running({ ...twoGroups, kubernetes: { storage } });
    await cluster.clock.run(closed(cluster));
    expect(cluster.server.all(resources.claims)).toHaveLength(3);
  });

  test('faults end first', async () => {
    const cluster = await running();
    await cluster.runtime.enforce(schedule(cluster), never);
    const before = cluster.server.calls.length;
    await cluster.clock.run(closed(cluster));
    const [first] = cluster.server.calls
      .slice(before)
      .filter(({ verb }) => !['get', 'list'].includes(verb));
    expect(first).toMatchObject({ verb: 'apply', plural: 'networkstates', name: 'net-faults' });
  });

  test('a host that is gone holds nothing up', async () => {
    const cluster = await running();
    cluster.kubelet.holds.ends = true;
    await cluster.clock.run(closed(cluster));
    expect(cluster.pods()).toEqual([]);
  });

  test('who has let go of the testnet leaves it as it is', async () => {
    const cluster = await running();
    cluster.closing.abort();
    await cluster.runtime[Symbol.asyncDispose]();
    expect(cluster.pods()).toHaveLength(3);
  });
});
