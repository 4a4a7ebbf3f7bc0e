// Which pods are ours, decided from what the API says of them: an agent acts on a pod only if it
// is on the agent's host, carries our labels, has a network of its own, and is owned by a Testnet
// that the agent can read and that has this very uid. So nobody can turn an agent against pods of
// others by labels alone.
import type { NodeName } from '../names.ts';
import {
  annotations,
  apiGroup,
  labels,
  names,
  type ObjectMeta,
  type PodOrder,
} from '../runtime/kubernetes/objects.ts';
import { readNodeName, readOrder } from './received.ts';

/** As much of a pod as an agent needs. */
export type Pod = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly initContainers?: readonly { readonly name: string }[];
    readonly terminationGracePeriodSeconds?: number;
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
};

type ContainerStatus = {
  readonly name: string;
  readonly restartCount?: number;
  /** Absent before the first start; of the last one between two. */
  readonly containerID?: string;
  readonly lastState?: { readonly terminated?: { readonly containerID?: string } };
};

export type TestnetId = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
};

/** A pod that says it is a node of that testnet. */
export type Claim = {
  /** Of the pod. */
  readonly uid: string;
  readonly pod: string;
  readonly node: NodeName;
  readonly testnet: TestnetId;
  /** Its own; empty until it has a network. */
  readonly ips: readonly string[];
  /** Ids of its init containers, as far as they are known. */
  readonly initContainers: readonly string[];
  /** Of the node's container, as far as the kubelet has counted. */
  readonly newest: {
    readonly container?: string;
    /** The one before. */
    readonly last?: string;
    readonly incarnation: number;
  };
  /** Its node starts when the gate opens. */
  readonly gated: boolean;
  /** It was made ahead of its turn. */
  readonly ahead: boolean;
  /** What is done when an order does not say how to stop. */
  readonly graceSeconds: number;
  readonly order?: PodOrder;
  /** The order cannot be read. */
  readonly problem?: string;
};

/** Undefined: not ours, or over; its rules, if there are any, go. */
export function claimOf(pod: Pod, host: string): Claim | undefined {
  const { metadata, spec, status } = pod;
  if (spec?.nodeName !== host || spec.hostNetwork === true) return undefined;
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined;
  const { uid, namespace, name } = metadata;
  const testnet = metadata.labels?.[labels.testnet];
  const node = readNodeName(metadata.labels?.[labels.node] ?? '');
  const owner = metadata.ownerReferences?.find(
    ({ apiVersion, kind }) => kind === 'Testnet' && apiVersion.startsWith(`${apiGroup}/`),
  );
  if (uid === undefined || namespace === undefined || node === undefined) return undefined;
  if (owner === undefined || owner.name !== testnet) return undefined;
  return {
    uid,
    pod: name,
    node,
    testnet: { namespace, name: testnet, uid: owner.uid },
    ips: (status?.podIPs ?? []).map(({ ip }) => ip),
    initContainers: (status?.initContainerStatuses ?? []).flatMap(
      ({ containerID }) => idOf(containerID) ?? [],
    ),
    newest: newestOf(pod),
    gated: spec.initContainers?.some(({ name }) => name === names.gate) ?? false,
    ahead: metadata.annotations?.[annotations.ahead] !== undefined,
    graceSeconds: spec.terminationGracePeriodSeconds ?? 30,
    ...orderOf(metadata),
  };
}

function orderOf(metadata: ObjectMeta): Pick<Claim, 'order' | 'problem'> {
  const text = metadata.annotations?.[annotations.order];
  if (text === undefined) return {};
  const read = readOrder(text);
  if (read.ok) return { order: read.value };
  return { problem: `annotation ${annotations.order}: ${read.reason}` };
}

function newestOf({ metadata, status }: Pod): Claim['newest'] {
  const own = status?.containerStatuses?.find(({ name }) => name === names.container);
  const first = Number(metadata.annotations?.[annotations.first] ?? 0);
  const [container, last] = [idOf(own?.containerID), idOf(own?.lastState?.terminated?.containerID)];
  return {
    ...(container === undefined ? {} : { container }),
    ...(last === undefined ? {} : { last }),
    incarnation: first + (own?.restartCount ?? 0),
  };
}

/** Of a container of the node: one that the kubelet has not told of is newer than all others. */
export function incarnationOf({ newest }: Claim, container: string): number {
  if (newest.container === undefined || newest.container === container) return newest.incarnation;
  return newest.last === container ? newest.incarnation - 1 : newest.incarnation + 1;
}

/** `containerd://<id>` */
function idOf(text: string | undefined): string | undefined {
  const id = text?.split('//')[1];
  return id === '' ? undefined : id;
}
