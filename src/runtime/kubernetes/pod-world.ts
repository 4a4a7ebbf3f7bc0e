// What a node does, read off its pod and its agent's report. Pure. A pod is a chain of containers;
// the one with restart count k is incarnation `first + k`. What counts as an exit that nobody asked
// for, and what as the loss of a host that the node cannot help, is decided here.
import { constants } from 'node:os';
import type { NodeName } from '../../names.ts';
import type { NodeWorld } from '../runtime.ts';
import { names, type PodOrder, type TestnetReport } from './objects.ts';
import {
  type ContainerStatus,
  firstIncarnation,
  ipsOf,
  orderOf,
  type Pod,
  type Terminated,
} from './pod.ts';

export type PodFacts = {
  readonly pod: Pod;
  /** What its agent says of the node. */
  readonly reported: TestnetReport['nodes'][NodeName] | undefined;
  /** The group's: a container that ends by itself is started again by the kubelet. */
  readonly startsAgain: boolean;
  /** We have asked for the end of this pod. */
  readonly removing: boolean;
  readonly now: number;
};

export function podWorld(facts: PodFacts): NodeWorld {
  const { pod, reported } = facts;
  const problem = reported?.problem ?? startProblem(pod);
  return {
    ...processWorld(facts),
    addresses: ipsOf(pod),
    ...(problem === undefined ? {} : { problem }),
  };
}

type ProcessWorld = Pick<NodeWorld, 'incarnation' | 'phase' | 'startedAt' | 'exit'>;

function processWorld(facts: PodFacts): ProcessWorld {
  const { pod, reported, startsAgain, removing } = facts;
  const order = orderOf(pod);
  const container = containerOf(pod);
  const incarnation = newestIncarnation(pod);
  if (container === undefined) return { incarnation, phase: 'starting' };
  const newer = incarnation > order.incarnation;
  // The kubelet's successor of a process that is to stay away, or that ended by itself.
  if (newer && (order.run === 'stopped' || !startsAgain)) {
    const asked = removing || order.run === 'stopped';
    return exited(order.incarnation, { of: container.lastState?.terminated, asked, facts });
  }
  const { running, terminated } = container.state ?? {};
  if (terminated !== undefined) {
    return exited(incarnation, {
      of: terminated,
      asked: isAsked(facts, order, incarnation),
      facts,
    });
  }
  if (running === undefined) return waiting(facts, { container, order, incarnation });
  const said = reported?.incarnation === incarnation ? reported : undefined;
  const startedAt = said?.startedAt ?? timeOf(running.startedAt) ?? facts.now;
  const paused = order.run === 'paused' && reported?.phase === 'paused';
  return { incarnation, phase: paused ? 'paused' : 'running', startedAt };
}

type Placed = {
  readonly container: ContainerStatus;
  readonly order: PodOrder;
  readonly incarnation: number;
};

/** Before its first start, or between two (the kubelet counts a start when it has happened). */
function waiting(facts: PodFacts, { container, order, incarnation }: Placed): ProcessWorld {
  const last = container.lastState?.terminated;
  if (last === undefined) return { incarnation, phase: 'starting' };
  return exited(incarnation, { of: last, asked: isAsked(facts, order, incarnation), facts });
}

function isAsked({ removing }: PodFacts, order: PodOrder, incarnation: number): boolean {
  return removing || order.run === 'stopped' || order.incarnation > incarnation;
}

function exited(
  incarnation: number,
  end: { readonly of: Terminated | undefined; readonly asked: boolean; readonly facts: PodFacts },
): ProcessWorld {
  const { of: terminated, asked, facts } = end;
  const at = timeOf(terminated?.finishedAt) ?? facts.now;
  const words = asked ? undefined : wordsOf(terminated);
  return {
    incarnation,
    phase: 'exited',
    exit: {
      at,
      ...statusOf(terminated),
      asked,
      ...(words === undefined ? {} : { words }),
    },
  };
}

/** An exit status above 128 is how runtimes write a signal. */
function statusOf(terminated: Terminated | undefined) {
  if (terminated === undefined) return { code: null, signal: null };
  const number = terminated.signal || terminated.exitCode - 128;
  const signal = Object.entries(constants.signals).find(([, one]) => one === number)?.[0];
  return signal === undefined
    ? { code: terminated.exitCode, signal: null }
    : { code: null, signal };
}

function wordsOf(terminated: Terminated | undefined): string | undefined {
  const { reason, message } = terminated ?? {};
  const said = [reason === 'Error' || reason === 'Completed' ? undefined : reason, message];
  const words = said.filter((part) => part !== undefined && part !== '').join(': ');
  return words === '' ? undefined : words.slice(0, 360);
}

/**
 * The last millisecond of what Kubernetes writes as a whole second: what happened because of an
 * order is then never before it.
 */
function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text) + (text.includes('.') ? 0 : 999);
}

/** Of the newest container, whoever wanted it. */
export function newestIncarnation(pod: Pod): number {
  return firstIncarnation(pod) + (containerOf(pod)?.restartCount ?? 0);
}

export function containerOf({ status }: Pod): ContainerStatus | undefined {
  return status?.containerStatuses?.find(({ name }) => name === names.container);
}

/** Why the pod is gone, or as good as gone, without fault of the node. */
export function lossOf(pod: Pod): string | undefined {
  const { status, metadata } = pod;
  const disrupted = status?.conditions?.find(
    ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
  );
  const over = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  const terminated = containerOf(pod)?.state?.terminated;
  if (over && disrupted !== undefined) return disrupted.message ?? disrupted.reason ?? 'disrupted';
  // Out of memory and the like are ends of the container; these are ends of the pod.
  if (over && status?.reason !== undefined) return `${status.reason}: ${status.message ?? ''}`;
  if (terminated?.reason === 'ContainerStatusUnknown') return 'its host was restarted';
  if (status?.phase === 'Failed' && isGateEnded(pod)) return 'its gate was ended';
  const ended = over || terminated !== undefined;
  if (metadata.deletionTimestamp !== undefined && ended) return 'the pod was deleted';
  return undefined;
}

/**
 * By SIGKILL, by SIGTERM, or with its host, unseen by the runtime: the gate does nothing but wait.
 * One that fails by itself, or has too little memory, would do so again.
 */
function isGateEnded(pod: Pod): boolean {
  const gate = pod.status?.initContainerStatuses?.find(({ name }) => name === names.gate);
  const { exitCode = 0, reason } = gate?.state?.terminated ?? {};
  return !hasStarted(pod) && [137, 143, 255].includes(exitCode) && reason !== 'OOMKilled';
}

/** Has a process of the node ever run in it? */
export function hasStarted(pod: Pod): boolean {
  const container = containerOf(pod);
  const { running, terminated } = container?.state ?? {};
  const past = container?.lastState?.terminated;
  return [running, terminated, past].some((state) => state !== undefined);
}

const harmless = new Set(['ContainerCreating', 'PodInitializing', 'CrashLoopBackOff']);

function startProblem(pod: Pod): string | undefined {
  const { status } = pod;
  const unschedulable = status?.conditions?.find(
    ({ type, status, reason }) =>
      type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  );
  if (unschedulable !== undefined) return `no host for it: ${unschedulable.message ?? ''}`;
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const { name, state } of all) {
    const { exitCode = 0 } = state?.terminated ?? {};
    if (exitCode !== 0 && !hasStarted(pod)) return `${name}: ended with exit status ${exitCode}`;
    const { reason, message = '' } = state?.waiting ?? {};
    if (reason === undefined || harmless.has(reason)) continue;
    const where = name === names.container ? '' : `${name}: `;
    return `${where}${reason}${message === '' ? '' : `: ${message}`}`.slice(0, 360);
  }
  return undefined;
}
