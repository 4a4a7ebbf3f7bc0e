// A hundred nodes on one host: their pods are made before their turn and start in waves, are cut in
// two in every one of them, and heal.
import { describe, expect, test } from 'vitest';
import { annotations, type HostReport, labels } from '../../src/runtime/kubernetes/objects.ts';
import type { Pod } from '../../src/runtime/kubernetes/pod.ts';
import { hasCluster, kubectl, release, Storm } from './harness.ts';

const available = hasCluster('test/cluster/scale.test.ts');

// In the clear: a hundred times the handshakes of 4 peers each are too much for two cores at once.
const spec = `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: hundred }
spec:
  randomSeed: 7
  network:
    regions: [{ name: eu }, { name: us }]
    links: [{ default: true, loss: 0.1% }]
  groups:
    - { name: boot, count: 2, kind: reference, bootstrap: true, config: { encryption: plaintext } }
    - name: miner
      count: 2
      kind: reference
      role: miner
      config: { encryption: plaintext, blockInterval: 2s }
    - { name: full, count: 96, kind: reference, config: { encryption: plaintext } }
  topology: { model: random-regular, degree: 4 }
  faults:
    - name: split
      at: 15s
      for: 15s
      partition: { sides: [{ region: eu }, { region: us }] }
  expect:
    - { name: the network is cut, during: split, throughout: true, metric: components, is: ">= 2" }
    - { name: one network again, after: split, within: 60s, metric: components, is: "== 1" }
    - { name: all nodes answer, after: split, within: 60s, metric: nodes_answering, is: "== 100" }
`;

function startOf({ status }: Pod): number {
  const [container] = status?.containerStatuses ?? [];
  return Date.parse(container?.state?.running?.startedAt ?? '');
}

/** Pods in which the newest rules are in force. */
async function enforcedPods(): Promise<number> {
  const argv = ['get', 'hostreports', `--namespace=${release.namespace}`, '--output=json'];
  const { items } = JSON.parse(await kubectl(argv)) as { readonly items: readonly HostReport[] };
  const ours = items.flatMap(({ testnets }) => testnets.filter(({ name }) => name === 'hundred'));
  return ours.reduce((sum, { pods }) => sum + pods, 0);
}

describe.runIf(available)('a hundred nodes', { timeout: 400_000 }, () => {
  test('start, are cut in two in each of their pods, and heal', async () => {
    await using storm = await Storm.create('scale-hundred');
    await storm.apply(spec);
    await storm.enforced('hundred', 'split', 300_000);
    expect(await enforcedPods()).toBe(100);
    const pods = await storm.list<Pod>('pods');
    const waited = pods.filter(({ metadata }) => metadata.annotations?.[annotations.ahead]);
    const boot = pods.filter(({ metadata }) => metadata.labels?.[labels.group] === 'boot');
    expect([boot.length, waited.length > 50, waited.some((pod) => boot.includes(pod))]).toEqual([
      2,
      true,
      false,
    ]);
    const started = Math.max(...boot.map(startOf));
    expect(Math.min(...waited.map(startOf))).toBeGreaterThanOrEqual(started);
    const status = await storm.finished('hundred');
    expect(status, await storm.explain()).toMatchObject({
      verdict: 'passed',
      exitCode: 0,
      nodes: { planned: 100 },
      faults: [{ name: 'split', proof: 'proved' }],
    });
  });
});
