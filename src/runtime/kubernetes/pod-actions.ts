// What is to be done with the pods of a testnet, from what is wanted and what there is. Pure and
// level-triggered: asked again with the same world it says the same, and when all is done, nothing.
import type { NodeName } from '../../names.ts';
import type { DesiredNode, NodeWorld } from '../runtime.ts';
import { annotations, type PodOrder } from './objects.ts';
import { orderOf, type Pod } from './pod.ts';
import { hasStarted, lossOf } from './pod-world.ts';

export type PodAction =
  | { readonly do: 'create'; readonly node: DesiredNode; readonly first: number }
  /** `lost`: it is not we who want it away. */
  | { readonly do: 'delete'; readonly node: NodeName; readonly pod: Pod; readonly lost: boolean }
  | { readonly do: 'order'; readonly node: NodeName; readonly pod: Pod; readonly order: PodOrder };

export type NodeFacts = {
  readonly wanted: DesiredNode | undefined;
  readonly pod: Pod | undefined;
  readonly world: NodeWorld;
  /** The least incarnation of the next pod. */
  readonly floor: number;
  /** A pod that is made now waits at a gate. */
  readonly gated: boolean;
  /** A pod was created and does not show yet. */
  readonly expected: boolean;
  /** Of what its pod would be made from now. */
  readonly madeFrom: () => string;
  /** The group's. */
  readonly startsAgain: boolean;
};

/** At most one a node; the next one follows when this one shows. */
export function podAction(node: NodeName, facts: NodeFacts): PodAction | undefined {
  const { wanted, pod, world, floor, expected, gated } = facts;
  if (pod === undefined) {
    if (wanted === undefined || wanted.run === 'stopped' || expected) return undefined;
    if (wanted.run === 'held' && !gated) return undefined;
    // An exit stays an exit until a new start is asked for.
    if (world.phase === 'exited' && world.incarnation >= wanted.incarnation) return undefined;
    return { do: 'create', node: wanted, first: Math.max(wanted.incarnation, floor) };
  }
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  if (wanted === undefined) return { do: 'delete', node, pod, lost: false };
  if (wanted.run === 'stopped') return stopAction(node, { ...facts, pod, wanted });
  if (lossOf(pod) !== undefined && world.exit === undefined) {
    return { do: 'delete', node, pod, lost: true };
  }
  return runAction(node, { ...facts, pod, wanted });
}

type Present = NodeFacts & { readonly pod: Pod; readonly wanted: DesiredNode };

/** With a signal by the agent; without one by the end of the pod. */
function stopAction(node: NodeName, { pod, wanted, world }: Present): PodAction | undefined {
  if (world.phase === 'exited' || world.incarnation > wanted.incarnation) return undefined;
  if (wanted.stop === undefined) return { do: 'delete', node, pod, lost: false };
  const { incarnation } = wanted;
  return ordered(node, pod, { incarnation, run: 'stopped', stop: wanted.stop });
}

function runAction(
  node: NodeName,
  { pod, wanted, world, startsAgain, madeFrom }: Present,
): PodAction | undefined {
  const { run, incarnation } = wanted;
  if (run === 'stopped') return undefined;
  const isOld = !hasStarted(pod) && pod.metadata.annotations?.[annotations.madeFrom] !== madeFrom();
  if (run === 'held') return isOld ? { do: 'delete', node, pod, lost: false } : undefined;
  const before = orderOf(pod);
  if (incarnation > world.incarnation) {
    if (pod.spec.restartPolicy === 'Never') return { do: 'delete', node, pod, lost: false };
    // The kubelet does it by itself where nobody has told the agent to keep it down.
    if (startsAgain && before.run !== 'stopped') return undefined;
    return ordered(node, pod, { incarnation, run });
  }
  if (isOld) return { do: 'delete', node, pod, lost: false };
  // One that is to be away is not called back by an older wish.
  if (before.run === 'stopped' || world.phase === 'exited') return undefined;
  return before.run === run ? undefined : ordered(node, pod, { incarnation, run });
}

function ordered(node: NodeName, pod: Pod, order: PodOrder): PodAction | undefined {
  const same = JSON.stringify(orderOf(pod)) === JSON.stringify(order);
  return same ? undefined : { do: 'order', node, pod, order };
}
