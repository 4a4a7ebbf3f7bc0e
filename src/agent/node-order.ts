// What to do with the processes of a node's container, decided from the order and from what is
// there. The kubelet starts a container again by itself, sooner or later than a fault wants: so the
// successor is frozen as it appears, and goes on when the node is to run again. Each start of a
// container is one incarnation more, so nothing must be remembered to know which one is there.
import type { PodOrder } from '../runtime/kubernetes/objects.ts';
import type { NodeWorld } from '../runtime/runtime.ts';

export type SeenContainer = {
  readonly incarnation: number;
  /** Every process of it is stopped. */
  readonly frozen: boolean;
};

export type NodeStep = {
  /** `end`: signal, grace, SIGKILL. */
  readonly act: 'nothing' | 'freeze' | 'release' | 'end';
  readonly phase: NodeWorld['phase'];
  /** Something may appear that must not run, or is on its way: look again soon. */
  readonly watchful: boolean;
};

export function nodeStep(order: PodOrder, seen: SeenContainer | undefined): NodeStep {
  if (order.run === 'stopped') return stoppedStep(order, seen);
  if (seen === undefined) return { act: 'nothing', phase: 'starting', watchful: false };
  // It was not asked to stop before, only to be a new one.
  if (seen.incarnation < order.incarnation) return ending;
  if (order.run === 'running') {
    return { act: seen.frozen ? 'release' : 'nothing', phase: 'running', watchful: false };
  }
  if (seen.frozen) return { act: 'nothing', phase: 'paused', watchful: false };
  return { act: 'freeze', phase: 'running', watchful: true };
}

const ending: NodeStep = { act: 'end', phase: 'running', watchful: true };

function stoppedStep(order: PodOrder, seen: SeenContainer | undefined): NodeStep {
  if (seen === undefined) return { act: 'nothing', phase: 'exited', watchful: true };
  if (seen.incarnation <= order.incarnation) return ending;
  return { act: seen.frozen ? 'nothing' : 'freeze', phase: 'exited', watchful: true };
}
