// What must go on when parts are killed, cut off or deleted while a fault is in force, and what a
// node keeps when its pod is deleted: each is done for real. Connections are tried from the host of
// the cluster, which needs no API server.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TestnetStatus } from '../../src/runtime/kubernetes/objects.ts';
import {
  eventually,
  hasHost,
  hold,
  installChart,
  type Pod,
  podsOf,
  reaches,
  resetConnections,
  Storm,
  signalPod,
  tablesOf,
} from './harness.ts';

const available = hasHost('test/cluster/behaviours.test.ts');

/** Two pairs of nodes; `b` is cut off from `a` from the fifth second on. */
const split = (length: string) => `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: net }
spec:
  groups:
    - { name: a, count: 2, kind: reference, bootstrap: true }
    - { name: b, count: 2, kind: reference }
  topology: { model: full-mesh }
  faults:
    - { name: split, at: 5s, for: ${length}, partition: { sides: [{ group: a }, { group: b }] } }
  expect:
    - { name: two halves, during: split, settle: 10s, metric: components, is: "== 2" }
    - { name: one again, after: split, within: 60s, stays: 12s, metric: components, is: "== 1" }
`;

/** Both ways, and that the nodes of a side still reach each other. */
async function cut(storm: Storm): Promise<boolean> {
  const [a0, a1, b0, b1] = await pairs(storm);
  return (await sees([a0, b0], [b1, a0])) === 'none' && (await sees([a0, a1], [b1, b0])) === 'all';
}

type Pair = readonly [from: Pod, to: Pod];

async function sees(...tries: readonly Pair[]): Promise<'all' | 'some' | 'none'> {
  const found = await Promise.all(tries.map(([from, to]) => reaches(from, to)));
  return found.every(Boolean) ? 'all' : found.some(Boolean) ? 'some' : 'none';
}

async function pairs(storm: Storm): Promise<readonly [Pod, Pod, Pod, Pod]> {
  const [a0, a1, b0, b1] = await Promise.all(
    ['a-0', 'a-1', 'b-0', 'b-1'].map((node) => storm.pod('net', node)),
  );
  if (!a0 || !a1 || !b0 || !b1) throw new TypeError('not four pods');
  return [a0, a1, b0, b1];
}

async function underFault(name: string, length: string): Promise<Storm> {
  const storm = await Storm.create(name);
  await storm.apply(split(length));
  await storm.enforced('net', 'split');
  expect(await cut(storm)).toBe(true);
  return storm;
}

/** As the controller says, which is up to date then. */
async function healed(storm: Storm): Promise<void> {
  await storm.until('healed', 120_000, async () => {
    const [fault] = (await storm.status('net'))?.faults ?? [];
    return fault?.healed !== undefined;
  });
}

const windows = (status: TestnetStatus | undefined) =>
  status?.faults?.map(({ start, end }) => [start, end]);
const uids = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid).sort();

beforeAll(async () => {
  if (available) await installChart();
}, 200_000);

/** What they kill is everybody's: one after the other. */
describe.runIf(available)('mid-fault', { timeout: 300_000 }, () => {
  test('the controller is killed: the run goes on, with the same pods and windows', async () => {
    await using storm = await underFault('kill-controller', '25s');
    const before = await storm.status('net');
    const pods = await storm.pods('net');
    for (const pod of await podsOf('controller')) signalPod(pod, 'SIGKILL');
    expect(await cut(storm)).toBe(true);
    await healed(storm);
    expect(uids(await storm.pods('net'))).toEqual(uids(pods));
    const status = await storm.finished('net');
    expect(status, await storm.explain()).toMatchObject({ verdict: 'passed' });
    expect(status.startedAt).toBe(before?.startedAt);
    expect(windows(status)).toEqual(windows(before));
  });

  test('the agent is killed: what is cut stays cut, and heals in time', async () => {
    await using storm = await underFault('kill-agent', '35s');
    for (const pod of await podsOf('agent')) signalPod(pod, 'SIGKILL');
    expect(await cut(storm)).toBe(true);
    await healed(storm);
    const [a0, a1, b0, b1] = await pairs(storm);
    expect(await sees([a0, b0], [b1, a1])).toBe('all');
    // A round of probes that was lost with it is repeated.
    expect(await storm.finished('net'), await storm.explain()).toMatchObject({
      verdict: 'passed',
      faults: [{ proof: 'proved' }],
    });
  });

  test('the API server is restarted: the run goes on', async () => {
    await using storm = await underFault('api-server', '25s');
    const before = await storm.status('net');
    const pods = await storm.pods('net');
    await using back = await hold('kube-apiserver');
    await back[Symbol.asyncDispose]();
    expect(await cut(storm)).toBe(true);
    await healed(storm);
    expect(uids(await storm.pods('net'))).toEqual(uids(pods));
    const status = await storm.finished('net');
    expect(status, await storm.explain()).toMatchObject({ verdict: 'passed' });
    expect(windows(status)).toEqual(windows(before));
  });

  test('the API server is away: the fault stays, and ends when it is due', async () => {
    await using storm = await underFault('no-api-server', '20s');
    const before = await storm.status('net');
    const [a0, , b0, b1] = await pairs(storm);
    {
      await using _ = await hold('kube-apiserver');
      expect(await sees([a0, b0], [b1, a0])).toBe('none');
      await eventually('healed', 40_000, async () => (await sees([a0, b0], [b1, a0])) === 'all');
      expect(Date.now()).toBeGreaterThan(Date.parse(before?.faults?.[0]?.end ?? ''));
    }
    const status = await storm.finished('net');
    expect(status, await storm.explain()).toMatchObject({ verdict: 'passed' });
    expect(windows(status)).toEqual(windows(before));
  });

  test('connections to the API server are reset: watches begin anew', async () => {
    await using storm = await underFault('reset', '25s');
    const before = await storm.status('net');
    await resetConnections();
    expect(await cut(storm)).toBe(true);
    await healed(storm);
    const status = await storm.finished('net');
    expect(status, await storm.explain()).toMatchObject({ verdict: 'passed' });
    expect(windows(status)).toEqual(windows(before));
  });

  test('the agent is silent for longer than the lease: the kernel ends the fault', async () => {
    await using storm = await underFault('silent-agent', '300s');
    const agents = await podsOf('agent');
    const [a0, , b0, b1] = await pairs(storm);
    for (const pod of agents) signalPod(pod, 'SIGSTOP');
    try {
      await eventually('healed', 120_000, async () => (await sees([a0, b0], [b1, a0])) === 'all');
    } finally {
      for (const pod of agents) signalPod(pod, 'SIGCONT');
    }
    await storm.until('cut again', 60_000, () => cut(storm));
  });
});

/** Each deletes what is its own. */
describe.runIf(available).concurrent('mid-fault', { timeout: 300_000 }, () => {
  test('a node is deleted: its successor is under the fault, too', async () => {
    await using storm = await underFault('delete-node', '40s');
    const old = await storm.pod('net', 'b-0');
    await storm.kubectl(['delete', 'pod', 'net-b-0', '--grace-period=0', '--force']);
    await storm.until('a successor', 60_000, async () => {
      const pod = await storm.pod('net', 'b-0').catch(() => undefined);
      return pod?.metadata.uid !== old.metadata.uid && pod?.status.phase === 'Running';
    });
    const [a0, , b0, b1] = await pairs(storm);
    expect(await sees([a0, b0], [b0, a0])).toBe('none');
    await eventually('its own side reaches it', 20_000, () => reaches(b1, b0));
    await healed(storm);
    expect(await sees([a0, b0], [b0, a0])).toBe('all');
    expect(await storm.finished('net'), await storm.explain()).toMatchObject({ verdict: 'passed' });
  });

  test('the testnet is deleted: it heals and nothing of it is left', async () => {
    await using storm = await underFault('delete-testnet', '300s');
    await storm.kubectl(['delete', 'testnet', 'net', '--timeout=90s']);
    const kinds = 'pods,configmaps,services,networkstates,faults,testnets,networkpolicies';
    const left = ['get', kinds, '--selector=peerstorm.dev/testnet=net', '--output=name'];
    await storm.until('nothing left', 30_000, async () => (await storm.kubectl(left)) === '');
  });

  test('a fault is deleted: it heals, and nothing is left in the kernel at the end', async () => {
    await using storm = await Storm.create('delete-fault');
    await storm.apply(split('300s').replace(/ {2}faults:[^]*$/, ''));
    await storm.until('ready', 90_000, async () => {
      const conditions = (await storm.status('net'))?.conditions ?? [];
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
    });
    await storm.apply(`
apiVersion: peerstorm.dev/v1alpha1
kind: Fault
metadata: { name: now }
spec: { testnet: net, partition: { sides: [{ group: a }, { group: b }] } }
`);
    await storm.until('cut', 30_000, () => cut(storm));
    await storm.kubectl(['delete', 'fault', 'now', '--timeout=60s']);
    const [a0, , b0, b1] = await pairs(storm);
    expect(await sees([a0, b0], [b1, a0])).toBe('all');
    expect((await tablesOf(b0)).length).toBeGreaterThan(0);
  });

  test('the namespace is deleted: it goes', async () => {
    const storm = await underFault('delete-namespace', '300s');
    await storm.kubectl(['delete', 'namespace', storm.namespace, '--timeout=120s']);
  });
});

describe.runIf(available).concurrent('a node with a volume', { timeout: 300_000 }, () => {
  test('goes on with its chain in another pod; the volume goes with the testnet', async () => {
    await using storm = await Storm.create('volume');
    // Nobody else has the chain.
    await storm.apply(`
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: net }
spec:
  groups:
    - name: miner
      count: 1
      kind: reference
      bootstrap: true
      role: miner
      config: { blockInterval: 1s }
      kubernetes: { storage: { size: 10MiB } }
  topology: { model: none }
  duration: 10m
`);
    const claim = ['get', 'persistentvolumeclaim', 'net-miner-0', '--output'];
    await storm.until('a volume', 90_000, async () => {
      const bound = await storm.kubectl([...claim, 'jsonpath={.status.phase}']).catch(String);
      return bound === 'Bound';
    });
    const { spec } = JSON.parse(await storm.kubectl([...claim, 'json'])) as {
      readonly spec: { readonly volumeName: string };
    };
    const volume = spec.volumeName.replace('volume-', '');
    const folder = join(process.env['PEERSTORM_TEST_CLUSTER'] ?? '', 'volumes', volume);
    const kept = (file: string) => readFileSync(join(folder, file), 'utf8');
    const blocks = () =>
      existsSync(join(folder, 'blocks.log')) ? kept('blocks.log').split('\n').slice(0, -1) : [];
    await storm.until('blocks', 90_000, async () => blocks().length >= 3);

    const old = await storm.pod('net', 'miner-0');
    await storm.kubectl(['delete', 'pod', 'net-miner-0', '--timeout=60s']);
    const before = blocks();
    await storm.until('more blocks', 90_000, async () => blocks().length > before.length);
    expect((await storm.pod('net', 'miner-0')).metadata.uid).not.toBe(old.metadata.uid);
    expect(blocks().slice(0, before.length)).toEqual(before);
    expect(JSON.parse(kept('identity.json'))).toMatchObject({ starts: 2 });

    await storm.kubectl(['delete', 'testnet', 'net', '--timeout=90s']);
    await storm.until('no claim', 30_000, async () => {
      return (await storm.kubectl(['get', 'persistentvolumeclaims', '--output=name'])) === '';
    });
  });
});
