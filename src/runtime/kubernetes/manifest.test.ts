import { mkdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { memoryCluster, testnetOf } from '../../../test/memory-cluster.ts';
import { resources } from './api.ts';
import type { Pod, PodSpec } from './pod.ts';

const never = new AbortController().signal;
const golden = new URL('../../../test/golden/kubernetes/', import.meta.url).pathname;
mkdirSync(golden, { recursive: true });

/** What a spec becomes in the cluster, as the API server is asked for it. */
async function objectsOf(spec: object) {
  const cluster = await memoryCluster(testnetOf(spec));
  cluster.kubelet.holds.starts = true;
  await cluster.runtime.ensure(
    cluster.plan.nodes.map(({ name }) => cluster.wanted(name)),
    never,
  );
  return cluster;
}

async function manifestsOf(spec: object): Promise<string> {
  const cluster = await objectsOf(spec);
  const { services, networkPolicies, configMaps, claims, pods } = resources;
  const all = [services, networkPolicies, configMaps, claims, pods].flatMap((resource) =>
    cluster.server.all(resource),
  );
  const asked = all.map(({ apiVersion, kind, metadata, ...rest }) => {
    const {
      uid: _u,
      resourceVersion: _v,
      generation: _g,
      creationTimestamp: _c,
      ...named
    } = metadata;
    return { apiVersion, kind, metadata: named, ...rest };
  });
  return `${JSON.stringify(asked, undefined, 2).replaceAll(cluster.uid, '<uid of the Testnet>')}\n`;
}

describe('golden manifests', () => {
  test.each([
    [
      'reference',
      {
        network: {
          regions: [{ name: 'eu' }, { name: 'us' }],
          links: [{ default: true, rtt: '80ms' }],
        },
        groups: [
          { name: 'boot', kind: 'reference', bootstrap: true },
          { name: 'full', kind: 'reference', resources: { cpus: 0.5, memory: '128MiB' } },
        ],
      },
    ],
    [
      'bitcoind',
      {
        network: { egress: 'open' },
        kubernetes: { nodeSelector: { pool: 'testnets' }, imagePullSecrets: ['registry'] },
        groups: [
          {
            name: 'btc',
            kind: 'bitcoind',
            image: 'registry.example.com/bitcoin:29',
            count: 2,
            restartPolicy: 'always',
            kubernetes: {
              user: 1000,
              imagePullPolicy: 'Always',
              storage: { size: '2GiB', className: 'fast' },
              requests: { cpus: 0.1 },
              tolerations: [{ key: 'testnets', operator: 'Exists' }],
              affinity: { nodeAffinity: {} },
              topologySpread: [{ topologyKey: 'kubernetes.io/hostname' }],
            },
          },
        ],
      },
    ],
    [
      'custom',
      {
        groups: [
          {
            name: 'odd',
            kind: 'custom',
            image: 'odd:1',
            kubernetes: { user: 0, writableRoot: true },
            config: {
              argv: ['serve', '--listen={{address}}', '--price=$(PRICE) $$5', '{{seeds...}}'],
              env: { WHERE: '{{address}}:80', COST: '$5' },
              files: { 'etc/odd.conf': 'peers={{peers}}' },
              lists: { peers: { of: 'both', self: true } },
              ready: { command: ['check', '{{name}}'] },
            },
          },
        ],
      },
    ],
  ])('%s', async (name, spec) => {
    await expect(await manifestsOf(spec)).toMatchFileSnapshot(`${golden}${name}.json`);
  });
});

const specOf = async (group: object): Promise<PodSpec> => {
  const cluster = await objectsOf({ groups: [{ name: 'full', kind: 'reference', ...group }] });
  const [pod] = cluster.server.all<Pod>(resources.pods);
  if (pod === undefined) throw new TypeError('no pod');
  return pod.spec;
};

test('fields of a group stand instead of those for all groups, one by one', async () => {
  const cluster = await objectsOf({
    kubernetes: { user: 1, nodeSelector: { a: 'b' } },
    groups: [{ name: 'full', kind: 'reference', kubernetes: { user: 2 } }],
  });
  const [pod] = cluster.server.all<Pod>(resources.pods);
  expect(pod?.spec).toMatchObject({
    nodeSelector: { a: 'b' },
    securityContext: { runAsUser: 2, runAsNonRoot: true },
  });
});

test('root is for those who ask for it', async () => {
  expect(await specOf({})).toMatchObject({ securityContext: { runAsNonRoot: true } });
  const spec = await specOf({ kubernetes: { user: 0 } });
  expect(spec).toMatchObject({ securityContext: { runAsNonRoot: false, runAsUser: 0 } });
});

test('a file that needs the own address of its node is refused', async () => {
  const config = {
    argv: ['serve'],
    files: { 'a.conf': 'listen={{address}}' },
    ready: { tcp: 80 },
  };
  const group = { name: 'odd', kind: 'custom', image: 'odd:1', config };
  await expect(objectsOf({ groups: [group] })).rejects.toThrow(/a\.conf.*argv or env/);
});
