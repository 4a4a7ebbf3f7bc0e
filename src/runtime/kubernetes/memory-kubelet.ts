// A kubelet in memory, for the API server in memory: pods get a host, an address and a running
// container as soon as they are made, and go when they are deleted. Containers exit and restart,
// pods are evicted, when the test says so. Nothing waits: a test that needs a pod which is starting
// turns `holds` on.
import type { Clock } from '../clock.ts';
import { type KubernetesObject, resources } from './api.ts';
import type { MemoryServer } from './memory-api.ts';
import type { MemoryServerOptions } from './memory-store.ts';
import { names } from './objects.ts';
import type { ContainerStatus, Pod, PodStatus } from './pod.ts';

export interface MemoryKubelet {
  readonly onPod: NonNullable<MemoryServerOptions['onPod']>;
  /** The server that it works for; before the first pod. */
  attach(server: MemoryServer): void;
  /** New pods stay without a host until `start`; deleted ones stay until `end`. */
  holds: { starts: boolean; ends: boolean };
  start(pod: string): void;
  end(pod: string): void;
  /** Its process ends; with restartPolicy Always another one is started at once. */
  exit(pod: string, exitCode: number): void;
  /** By the kubelet: the pod stays, and has failed. */
  evict(pod: string): void;
  /** Merged into the status. */
  status(pod: string, status: PodStatus): void;
}

export type MemoryKubeletOptions = {
  readonly clock: Clock;
  readonly namespace: string;
  /** Pods go to each of them in turn. */
  readonly hosts: readonly string[];
  /** Of the n-th pod, from 1 on. */
  readonly addressOf?: (pod: number) => string;
};

const usualAddress = (pod: number) => `10.1.${Math.floor(pod / 250)}.${1 + (pod % 250)}`;

export function memoryKubelet(options: MemoryKubeletOptions): MemoryKubelet {
  const { clock, namespace, hosts, addressOf = usualAddress } = options;
  let server: MemoryServer | undefined;
  let pods = 0;
  const holds = { starts: false, ends: false };
  const { pods: resource } = resources;
  const time = () => new Date(clock.now()).toISOString();
  const cluster = (): MemoryServer => {
    if (server === undefined) throw new TypeError('the kubelet has no server');
    return server;
  };
  const find = (name: string): Pod => {
    const pod = cluster()
      .all<Pod>(resource)
      .find(({ metadata }) => metadata.name === name);
    if (pod === undefined) throw new TypeError(`no pod ${name}`);
    return pod;
  };
  const change = (name: string, patch: unknown) =>
    cluster().change(resource, { namespace, name }, patch);
  const container = (name: string, status: Omit<ContainerStatus, 'name'>, rest: PodStatus) => {
    const containerStatuses = [{ name: names.container, ...status }];
    change(name, { status: { ...rest, containerStatuses } });
  };
  const start = (name: string) => {
    pods += 1;
    const ip = addressOf(pods);
    change(name, { spec: { nodeName: hosts[pods % hosts.length] } });
    const running = { restartCount: 0, state: { running: { startedAt: time() } } };
    container(name, running, { phase: 'Running', podIPs: [{ ip }] });
  };
  const end = (name: string) => cluster().remove(resource, { namespace, name });
  const exit = (name: string, exitCode: number) =>
    change(name, { status: afterExit(find(name), exitCode, time()) });
  return {
    attach: (one) => {
      server = one;
    },
    holds,
    onPod: (event, { metadata }: KubernetesObject) => {
      queueMicrotask(() => {
        if (event === 'created' && !holds.starts) start(metadata.name);
        if (event === 'deleting' && !holds.ends) end(metadata.name);
      });
    },
    start,
    end,
    exit,
    evict: (name) => {
      const terminated = { exitCode: 137, finishedAt: time(), reason: 'Error' };
      const rest = { phase: 'Failed', reason: 'Evicted', message: 'the host was low on memory' };
      container(name, { restartCount: 0, state: { terminated } }, { ...rest, phase: 'Failed' });
    },
    status: (name, status) => change(name, { status }),
  };
}

function afterExit({ spec, status }: Pod, exitCode: number, now: string): PodStatus {
  const restartCount = status?.containerStatuses?.[0]?.restartCount ?? 0;
  const terminated = { exitCode, finishedAt: now, reason: 'Error' };
  const one = (rest: Omit<ContainerStatus, 'name'>) => [{ name: names.container, ...rest }];
  if (spec.restartPolicy === 'Never') {
    const containerStatuses = one({ restartCount, state: { terminated } });
    return { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses };
  }
  const state = { running: { startedAt: now } };
  const lastState = { terminated };
  return { containerStatuses: one({ restartCount: restartCount + 1, state, lastState }) };
}
