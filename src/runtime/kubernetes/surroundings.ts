// What a testnet has but its pods: the headless Service that gives each node a name, and the policy
// that closes the way out. Made once; the garbage collector takes them with the Testnet.

import { bindAddresses } from '../../plan/launch.ts';
import type { Plan } from '../../plan/plan.ts';
import { type Api, type KubernetesObject, type Named, resources } from './api.ts';
import { labelsOf, ownerOf, type TestnetId } from './manifest.ts';
import { labels, names } from './objects.ts';

type Specified = KubernetesObject & { readonly spec: unknown };

/**
 * The plan as it is on Kubernetes, where nodes are reached by name. The name is short: the resolver
 * completes it with the pod's namespace at the first try, and a longer one would cost three.
 */
export function bindToPods(plan: Plan): Plan {
  const { testnet } = plan;
  return bindAddresses(plan, (node) => `${names.pod(testnet, node)}.${names.service(testnet)}`);
}

export async function applySurroundings(
  api: Pick<Api, 'apply' | 'delete'>,
  testnet: TestnetId,
  { openEgress }: { readonly openEgress: boolean },
): Promise<void> {
  await api.apply<Specified>(resources.services, serviceOf(testnet));
  if (openEgress) await api.delete(resources.networkPolicies, named(testnet));
  else await api.apply<Specified>(resources.networkPolicies, policyOf(testnet));
}

export async function removeSurroundings(
  api: Pick<Api, 'delete'>,
  testnet: TestnetId,
): Promise<void> {
  await api.delete(resources.services, named(testnet));
  await api.delete(resources.networkPolicies, named(testnet));
}

function named({ namespace, name }: TestnetId): Named {
  return { namespace, name: names.service(name) };
}

function metadataOf(testnet: TestnetId) {
  return {
    ...named(testnet),
    labels: labelsOf(testnet),
    ownerReferences: [ownerOf(testnet)],
  };
}

function serviceOf(testnet: TestnetId): Specified {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(testnet),
    spec: {
      clusterIP: 'None',
      // Nodes look for each other before they are ready.
      publishNotReadyAddresses: true,
      selector: { [labels.testnet]: testnet.name },
    },
  };
}

/** To the nodes of the testnet and to DNS, nowhere else. */
function policyOf(testnet: TestnetId): Specified {
  const matchLabels = { [labels.testnet]: testnet.name };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(testnet),
    spec: {
      podSelector: { matchLabels },
      policyTypes: ['Egress'],
      egress: [
        { to: [{ podSelector: { matchLabels } }] },
        { ports: ['UDP', 'TCP'].map((protocol) => ({ protocol, port: 53 })) },
      ],
    },
  };
}
