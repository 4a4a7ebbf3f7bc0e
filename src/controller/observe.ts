// Who observes the nodes of a run: the controller itself, or above a number of nodes the agents,
// for all groups that they are told to ask. It is decided when a run begins or is taken over, so
// that nobody is without an answer while others begin to ask. What is done to nodes stays here.
import { messageOf } from '../errors.ts';
import type { KindTable } from '../kinds/kind.ts';
import { groupOfNode, type NodeName } from '../names.ts';
import { type Observer, startObserver, type Target } from '../observe/observer.ts';
import { dutiesOf } from '../observe/targets.ts';
import type { Plan } from '../plan/plan.ts';
import type { Clock } from '../runtime/clock.ts';
import { observeOrder } from '../runtime/kubernetes/observe-order.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ObservationHandlers } from '../supervisor/run.ts';
import type { ReadAgent } from './agent-answers.ts';
import { observeHosts } from './host-observer.ts';

/** Agents that can be asked what the nodes of their hosts answer. */
export type AskingAgents = {
  /** With more nodes than that, agents ask them. */
  readonly above: number;
  readonly read: ReadAgent;
  readonly hostOf: (testnet: TestnetName, node: NodeName) => string | undefined;
};

type TestnetName = { readonly namespace: string; readonly name: string };

export type Observing = {
  readonly testnet: TestnetName & { readonly uid: string };
  /** As the run begins. */
  readonly plan: Plan;
  readonly kinds: KindTable;
  readonly clock: Clock;
  readonly runtime: Pick<Runtime, 'request'>;
  readonly agents: AskingAgents | undefined;
  readonly targets: ReadonlyMap<NodeName, Target>;
  readonly handlers: ObservationHandlers;
};

export function observeNodes(observing: Observing, signal: AbortSignal): Observer {
  const { plan, clock, runtime, agents, kinds, targets, handlers } = observing;
  const common = {
    clock,
    intervalMs: plan.sampleIntervalMs,
    onObservation: handlers.onObservation,
    onFailure: (node: NodeName, error: unknown) =>
      handlers.onFailure(node, typeof error === 'string' ? error : messageOf(error)),
  };
  const own = startObserver(
    {
      ...common,
      targets,
      dutiesOf: dutiesOf(targets),
      ask: (node, request, until) => runtime.request(node, request, until),
      randomSeed: plan.randomSeed,
    },
    signal,
  );
  const order = agents && observeOrder(plan, kinds, agents.above);
  if (agents === undefined || order === undefined) return own;
  const groups = new Set(order.groups.map(({ name }) => name));
  const isTheirs = (node: NodeName) => groups.has(groupOfNode(node));
  const { testnet } = observing;
  let theirs: readonly NodeName[] = [];
  void observeHosts(
    {
      ...common,
      hosts: () => byHost(theirs, (node) => agents.hostOf(testnet, node)),
      read: (host, since, until) => agents.read(host, { uid: testnet.uid, since }, until),
    },
    signal,
  );
  return {
    follow: (nodes, awaited = [], every = 1) => {
      theirs = nodes.filter(isTheirs);
      const ours = (node: NodeName) => !isTheirs(node);
      own.follow(nodes.filter(ours), awaited.filter(ours), every);
    },
  };
}

function byHost(
  nodes: readonly NodeName[],
  hostOf: (node: NodeName) => string | undefined,
): ReadonlyMap<string, ReadonlySet<NodeName>> {
  const hosts = Map.groupBy(nodes, hostOf);
  return new Map(
    [...hosts].flatMap(([host, there]) => (host === undefined ? [] : [[host, new Set(there)]])),
  );
}
