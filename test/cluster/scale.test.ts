// A hundred nodes on one host: they start, are cut in two in every one of their pods, and heal.
import { describe, expect, test } from 'vitest';
import type { HostReport } from '../../src/runtime/kubernetes/objects.ts';
import { hasCluster, kubectl, release, Storm } from './harness.ts';

const available = hasCluster('test/cluster/scale.test.ts');

// In the clear: a hundred times the handshakes of 4 peers each are too much for two cores at once.
const spec = `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: hundred }
spec:
  randomSeed: 7
  network: { regions: [{ name: eu }, { name: us }] }
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
    const status = await storm.finished('hundred');
    expect(status, await storm.explain()).toMatchObject({
      verdict: 'passed',
      exitCode: 0,
      nodes: { planned: 100 },
      faults: [{ name: 'split', proof: 'proved' }],
    });
  });
});
