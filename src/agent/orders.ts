// Carries out what nodes were told: looks at the processes of their pods and takes the one step
// that leads there, again and again. Signals go to processes of the host by their numbers, so this
// needs `hostPID` and CAP_KILL; without them it says so of every node that has an order.
import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import { systemClock } from '../runtime/clock.ts';
import type { PodOrder, TestnetReport } from '../runtime/kubernetes/objects.ts';
import {
  type Ending,
  endContainer,
  type NodeContainer,
  nodeContainer,
  sharesProcessNumbers,
  signalProcess,
} from './containers.ts';
import { type NodeStep, nodeStep } from './node-order.ts';
import type { PodProcess, ProcessTable } from './processes.ts';
import { type Claim, incarnationOf } from './selection.ts';

export type NodeState = TestnetReport['nodes'][keyof TestnetReport['nodes']];

export interface Orders {
  /** One step for each of these; true if it is to be called again at once. */
  follow(claims: readonly Claim[], around: OrdersAround): boolean;
  /** What is known of the node of that pod. */
  state(uid: string): NodeState | undefined;
}

export type OrdersAround = {
  /** UIDs of pods that are, or may be, nodes. What is stopped in any other pod goes on. */
  readonly claimed: ReadonlySet<string>;
  readonly processes: () => readonly PodProcess[];
};

type Memory = {
  state: NodeState;
  ending?: Ending;
  /** The container that is kept from running while its node is to be away. */
  held?: string;
  /** When that one was let go on. */
  released?: { readonly container: string; readonly at: number };
};

export type OrdersOptions = {
  readonly table: ProcessTable;
  /** Why no process can be signalled here. */
  readonly unable: string | undefined;
  readonly onChange: () => void;
};

export function createOrders(options: OrdersOptions): Orders {
  const memories = new Map<string, Memory>();
  return {
    follow: (claims, around) => {
      const ordered = claims.filter(({ order }) => order !== undefined);
      if (ordered.length + memories.size === 0) return false;
      const processes = around.processes();
      for (const uid of memories.keys()) {
        if (around.claimed.has(uid)) continue;
        memories.delete(uid);
        if (options.unable === undefined) goOn(options.table, { uid, processes });
      }
      let watchful = false;
      for (const claim of ordered) {
        const memory = memories.get(claim.uid) ?? { state: {} };
        memories.set(claim.uid, memory);
        const before = JSON.stringify(memory.state);
        try {
          watchful = followOne(options, { claim, processes, memory }) || watchful;
        } catch (error) {
          memory.state = { problem: messageOf(error) };
        }
        if (JSON.stringify(memory.state) !== before) options.onChange();
      }
      return watchful;
    },
    state: (uid) => memories.get(uid)?.state,
  };
}

type Followed = {
  readonly claim: Claim;
  readonly processes: readonly PodProcess[];
  readonly memory: Memory;
};

function followOne(options: OrdersOptions, { claim, processes, memory }: Followed): boolean {
  const { table, unable } = options;
  const { order, initContainers } = claim;
  if (order === undefined) return false;
  if (unable !== undefined) {
    memory.state = { problem: unable };
    return false;
  }
  const own = processes.filter(({ pod }) => pod === claim.uid);
  const container = nodeContainer(table, { processes: own, initContainers });
  const seen = container && {
    frozen: container.frozen,
    incarnation: incarnationOf(claim, container.id),
  };
  const step = nodeStep(order, seen);
  if (container !== undefined) act(table, { step, container, claim, order, memory });
  memory.state = {
    incarnation:
      step.phase === 'exited' ? order.incarnation : (seen?.incarnation ?? order.incarnation),
    phase: step.phase,
    ...(container === undefined || step.phase === 'exited' ? {} : startOf(container, memory)),
  };
  return step.watchful;
}

type Act = {
  readonly step: NodeStep;
  readonly container: NodeContainer;
  readonly claim: Claim;
  readonly order: PodOrder;
  readonly memory: Memory;
};

function act(table: ProcessTable, { step, container, claim, order, memory }: Act): void {
  const toAll = (signal: NodeJS.Signals) => {
    for (const process of container.processes) signalProcess(table, process, signal);
  };
  if (step.phase === 'exited') memory.held = container.id;
  if (step.act === 'freeze') toAll('SIGSTOP');
  if (step.act === 'release') {
    toAll('SIGCONT');
    if (memory.held === container.id) {
      memory.released = { container: container.id, at: systemClock.now() };
    }
  }
  if (step.act === 'end') {
    const { stop = { signal: 'SIGTERM', graceSeconds: claim.graceSeconds } } = order;
    memory.ending = endContainer(table, container, { stop, before: memory.ending });
  }
}

/** Nobody else knows that a pod of theirs was stopped, and by whom. */
export function goOn(
  table: ProcessTable,
  { uid, processes }: { readonly uid: string; readonly processes: readonly PodProcess[] },
): void {
  for (const process of processes) {
    if (process.pod === uid) signalProcess(table, process, 'SIGCONT');
  }
}

/** A successor that was held begins when it is let go; one that was paused has begun before. */
function startOf(container: NodeContainer, { released }: Memory): Pick<NodeState, 'startedAt'> {
  const held = released?.container === container.id;
  return { startedAt: Math.round(held ? released.at : container.startedAt) };
}

/** Why this process cannot signal those of other pods, or undefined if it can. */
export function nodeFaultsProblem(proc: string, wanted: boolean): string | undefined {
  if (!wanted) return 'node faults are switched off (chart value nodeFaults)';
  // Through the host's /proc, which shows numbers of the host.
  const status = readFileSync(`${proc}/self/status`, 'utf8');
  if (!sharesProcessNumbers(status, process.pid)) {
    return 'the agent has process numbers of its own; it needs hostPID';
  }
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  // CAP_KILL is bit 5, see capabilities(7) and linux/capability.h.
  if ((capabilities & 32n) === 0n) return 'the agent lacks the capability KILL';
  return undefined;
}
