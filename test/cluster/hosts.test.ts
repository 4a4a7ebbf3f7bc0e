// A testnet on two hosts: what spans them, and what is left when one of them is drained or does not
// answer any more. The second host is there for this file only.
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostReport } from '../../src/runtime/kubernetes/objects.ts';
import { addHost, inCluster, removeHost } from './cluster.ts';
import {
  eventually,
  hasHost,
  installChart,
  kubectl,
  type Pod,
  podsOf,
  reaches,
  release,
  Storm,
  tablesOf,
} from './harness.ts';

const available = hasHost('test/cluster/hosts.test.ts');
const folder = process.env['PEERSTORM_TEST_CLUSTER'] ?? '';
let second = '';

/** Both sides of the cut have a node on each host. */
const split = (length: string) => `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: net }
spec:
  groups:
    - { name: a, count: 2, kind: reference, bootstrap: true, kubernetes: &spread { topologySpread:
        [{ topologyKey: kubernetes.io/hostname }] } }
    - { name: b, count: 2, kind: reference, kubernetes: *spread }
  topology: { model: full-mesh }
  faults:
    - { name: split, at: 5s, for: ${length}, partition: { sides: [{ group: a }, { group: b }] } }
  expect:
    - { name: two halves, during: split, settle: 10s, metric: components, is: "== 2" }
    - { name: one again, after: split, within: 60s, stays: 5s, metric: components, is: "== 1" }
`;

type Placed = Pod & { readonly spec: { readonly nodeName?: string } };

const placed = (storm: Storm) =>
  storm.list<Placed>('pods', ['--selector=peerstorm.dev/testnet=net']);
const hostsOf = (pods: readonly Placed[]) => new Set(pods.map(({ spec }) => spec.nodeName));
const namesOf = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.name).sort();
const on = (host: string, pods: readonly Placed[]) =>
  pods.filter(({ spec }) => spec.nodeName === host);
const sideOf = ({ metadata }: Pod) => metadata.name.at(-3);

/** Of each two nodes: exactly those of one side reach each other. */
async function isCut(pods: readonly Pod[]): Promise<boolean> {
  const pairs = pods.flatMap((from) =>
    pods.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  const found = await Promise.all(
    pairs.map(async ({ from, to }) => (await reaches(from, to)) === (sideOf(from) === sideOf(to))),
  );
  return found.every(Boolean);
}

async function underFault(name: string, length: string) {
  const storm = await Storm.create(name);
  await storm.apply(split(length));
  await storm.enforced('net', 'split');
  const pods = await placed(storm);
  expect(hostsOf(pods)).toEqual(new Set(['host-1', second]));
  expect(await isCut(pods)).toBe(true);
  return { storm, pods };
}

/** One agent on each Ready host, ready. */
async function agentsAre(count: number): Promise<void> {
  const daemons = [`--namespace=${release.namespace}`, 'daemonset/peerstorm-agent'];
  await eventually(`${count} agents`, 90_000, async () => (await podsOf('agent')).length === count);
  await kubectl(['rollout', 'status', ...daemons, '--timeout=90s']);
}

beforeAll(async () => {
  if (!available) return;
  await installChart();
  const images = await execa(join(import.meta.dirname, 'build-images'), ['--cached']);
  second = await addHost(folder, [images.stdout]);
  await agentsAre(2);
}, 300_000);

afterAll(async () => {
  if (second === '') return;
  await removeHost(folder, second);
  await kubectl(['delete', 'node', second]);
  // Nobody is there to say that they have ended; Kubernetes takes a minute to see that.
  const force = ['--force', '--grace-period=0', `--field-selector=spec.nodeName=${second}`];
  await kubectl(['delete', 'pods', '--all-namespaces', ...force]);
  await agentsAre(1);
  await kubectl(['delete', 'hostreport', second, `--namespace=${release.namespace}`]);
}, 200_000);

describe.runIf(available)('two hosts', { timeout: 300_000 }, () => {
  test('a partition spans them: both agents enforce it, and probes prove it', async () => {
    const { storm: made, pods } = await underFault('two-hosts', '20s');
    await using storm = made;
    const text = await storm.kubectl(['get', 'testnet', 'net', '--output=json']);
    const { metadata } = JSON.parse(text) as Pick<HostReport, 'metadata'>;
    const reports = await storm.list<HostReport>('hostreports', [
      `--namespace=${release.namespace}`,
    ]);
    const reported = reports.map(({ host, testnets }) => {
      const ours = testnets.find(({ uid }) => uid === metadata.uid);
      return [host, ours?.pods] as const;
    });
    expect(Object.fromEntries(reported)).toEqual({
      'host-1': on('host-1', pods).length,
      [second]: on(second, pods).length,
    });
    for (const pod of pods) expect(await tablesOf(pod)).not.toEqual([]);
    expect(await storm.finished('net'), await storm.explain()).toMatchObject({
      verdict: 'passed',
      faults: [{ proof: 'proved' }],
    });
  });

  test('one is drained: its nodes go on at the other, under the fault', async () => {
    const { storm: made, pods } = await underFault('drained', '45s');
    await using storm = made;
    const before = await storm.status('net');
    const options = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=60s'];
    await kubectl(['drain', second, ...options]);
    try {
      await storm.until('all at the first', 60_000, async () => {
        const now = await placed(storm);
        return on('host-1', now).filter(({ status }) => status.phase === 'Running').length === 4;
      });
      const now = await placed(storm);
      expect(namesOf(now)).toEqual(namesOf(pods));
      const stayed = now.filter((pod) => pods.some((old) => old.metadata.uid === pod.metadata.uid));
      expect(namesOf(stayed)).toEqual(namesOf(on('host-1', pods)));
      await storm.until('all under the fault', 30_000, () => isCut(now));
      const status = await storm.finished('net');
      expect(status, await storm.explain()).toMatchObject({ verdict: 'passed' });
      expect(status.faults?.map(({ start, end }) => [start, end])).toEqual(
        before?.faults?.map(({ start, end }) => [start, end]),
      );
    } finally {
      await kubectl(['uncordon', second]);
    }
  });

  test('one is cut off: a deletion does not wait for it, and nothing stays on it', async () => {
    const { storm: made, pods } = await underFault('cut-off', '290s');
    await using storm = made;
    const there = on(second, pods);
    await inCluster(folder, ['ip', 'link', 'set', second, 'down']);
    try {
      await storm.kubectl(['delete', 'testnet', 'net', '--timeout=150s']);
      const kinds = 'configmaps,services,networkstates,faults,testnets,networkpolicies';
      const left = ['get', kinds, '--selector=peerstorm.dev/testnet=net', '--output=name'];
      expect(await storm.kubectl(left)).toBe('');
      expect(await placed(storm)).toEqual([]);
      // The agent there lives and cannot know: the fault goes on, until its end at the latest.
      for (const pod of there) expect(await tablesOf(pod)).not.toEqual([]);
    } finally {
      await inCluster(folder, ['ip', 'link', 'set', second, 'up']);
    }
    await eventually('nothing left', 90_000, async () => {
      const tables = await Promise.all(there.map((pod) => tablesOf(pod)));
      return tables.flat().length === 0;
    });
  });
});
