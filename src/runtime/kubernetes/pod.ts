// The parts of core/v1 Pod that we write and read.
import type { NodeName } from '../../names.ts';
import type { KubernetesObject } from './api.ts';
import { annotations, labels, type PodOrder } from './objects.ts';

export type Pod = KubernetesObject & {
  readonly spec: PodSpec;
  readonly status?: PodStatus;
};

export type PodSpec = {
  readonly nodeName?: string;
  readonly restartPolicy: 'Always' | 'Never';
} & Readonly<Record<string, unknown>>;

export type PodStatus = {
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
  readonly podIPs?: readonly { readonly ip: string }[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
};

export type ContainerStatus = {
  readonly name: string;
  readonly restartCount: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
};

type ContainerState = {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: Terminated;
};

export type Terminated = {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly finishedAt?: string;
};

const readConditions = new Set(['DisruptionTarget', 'PodScheduled', 'ContainersReady']);

/**
 * As much of a pod as the controller reads. The rest (volumes, probes, image ids, times of
 * conditions) is most of what 5,000 pods weigh.
 */
export function essenceOf({ apiVersion, kind, metadata, spec, status }: Pod): Pod {
  const { creationTimestamp: _c, finalizers: _f, generation: _g, ...own } = metadata;
  return {
    apiVersion,
    kind,
    metadata: own,
    spec: {
      restartPolicy: spec.restartPolicy,
      ...(spec.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
    },
    ...(status === undefined ? {} : { status: essenceOfStatus(status) }),
  };
}

function essenceOfStatus(status: PodStatus): PodStatus {
  const { conditions, initContainerStatuses, containerStatuses } = status;
  return {
    ...picked(status, ['phase', 'reason', 'message', 'podIPs']),
    ...(conditions === undefined
      ? {}
      : {
          conditions: conditions
            .filter(({ type }) => readConditions.has(type))
            .map((one) => picked(one, ['type', 'status', 'reason', 'message'])),
        }),
    ...(initContainerStatuses === undefined
      ? {}
      : { initContainerStatuses: initContainerStatuses.map(essenceOfContainer) }),
    ...(containerStatuses === undefined
      ? {}
      : { containerStatuses: containerStatuses.map(essenceOfContainer) }),
  };
}

function essenceOfContainer(status: ContainerStatus): ContainerStatus {
  return picked(status, ['name', 'restartCount', 'state', 'lastState']);
}

function picked<T extends object, K extends keyof T>(object: T, keys: readonly K[]): Pick<T, K> {
  const there = keys.filter((key) => object[key] !== undefined);
  return Object.fromEntries(there.map((key) => [key, object[key]])) as Pick<T, K>;
}

export function nodeOf({ metadata }: Pod): NodeName | undefined {
  // What carries our label was named by us.
  return metadata.labels?.[labels.node] as NodeName | undefined;
}

export function isOwnedBy({ metadata }: KubernetesObject, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
}

export function ipsOf({ status }: Pod): readonly string[] {
  return status?.podIPs?.map(({ ip }) => ip) ?? [];
}

/** The incarnation of its first container. */
export function firstIncarnation({ metadata }: Pod): number {
  return Number(metadata.annotations?.[annotations.first] ?? 0);
}

/** What its node was told last. */
export function orderOf(pod: Pod): PodOrder {
  const text = pod.metadata.annotations?.[annotations.order];
  // Written by us, as JSON.stringify of an order.
  if (text !== undefined) return JSON.parse(text) as PodOrder;
  return { incarnation: firstIncarnation(pod), run: 'running' };
}
