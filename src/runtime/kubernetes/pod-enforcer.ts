// The enforcer of one pod, run from outside the pod: nft and tc are started in its network
// namespace. Everything else is the fabric's enforcer, narrowed to the pairs of nodes that this
// one is a part of; a sender's pod has its delays, rates and rejects, a receiver's its drops and
// losses.
//
// Guarantees: a pod's change is one transaction of one process (start, load, flip, lease, deletion
// of the old), so that a hundred pods take about a second; what an earlier process left goes on
// until the first change takes its place; only our tables, our root qdisc and the size of packets
// are touched.
import { availableParallelism } from 'node:os';
import type { Addresses } from '../../faults/addresses.ts';
import { closeEgress, tryEgressHook } from '../../faults/closed-egress.ts';
import { rootHandle, tableName } from '../../faults/ruleset.ts';
import type { NodeName } from '../../names.ts';
import { type Ahead, nftAhead } from '../enforcement/ahead.ts';
import { Enforcer } from '../enforcement/enforcer.ts';
import { lookAround, nothingFound } from '../enforcement/found.ts';
import { nft, type Tool } from '../enforcement/kernel-state.ts';
import { createPool } from '../enforcement/pool.ts';
import { attempt } from '../fabric/kernel-commands.ts';
import type { Enforcement, Schedule } from '../runtime.ts';

export type PodEnforcerOptions = {
  readonly self: NodeName;
  /** Path of its network namespace, as long as it is used; of a descriptor: /proc/<us>/fd/<n>. */
  readonly netns: string;
  /** Default: eth0. */
  readonly device?: string;
  /** Until a schedule says otherwise. */
  readonly leaseSeconds: number;
  /** Numbers of faults, the same for the whole run; read at each change, so it may grow. */
  readonly faultIds: ReadonlyMap<string, number>;
  /** Nobody has ever put a rule there, so none is looked for. */
  readonly untouched?: boolean;
};

export type PodEnforcer = {
  /**
   * The whole desired state; resolves when what is due of it is in force and, if it has faults, was
   * read back; rejects when it could not be made (then it is tried again, and what was in force
   * stays). `addresses`: all podIPs of all nodes, this one's too.
   */
  enforce(
    schedule: Schedule,
    addresses: Addresses,
    options?: { readonly openEgress?: boolean },
  ): Promise<void>;
  /** What is known; counters of faults in force are at most a third of the lease old. */
  enforcement(): Enforcement;
  /** Reads counters and drift now. */
  refresh(): Promise<void>;
  onChange(listener: () => void): void;
  /** The longest that a packet from here may still be on its way. */
  longestDelayMs(): number;
  /** Why egress is open though it was to be closed; a NetworkPolicy may close it. */
  egressProblem(): string | undefined;
  /** `leave`: all stays in force as long as the lease. `heal`: all of ours is gone. */
  dispose(how: 'leave' | 'heal'): Promise<void>;
};

/** Of all pods: processes at once, more would only wait for each other. */
const pool = createPool(Math.max(2, availableParallelism()));

/** Counters of faults in force are read at changes, at heartbeats and when asked to. */
const counterAgeMs = 25_000;

/** A fault that ends sets all nodes to work. What waits before that needs no turn in the pool. */
const leadMs = 5_000;

export async function openPodEnforcer(options: PodEnforcerOptions): Promise<PodEnforcer> {
  const { self, netns, device = 'eth0', leaseSeconds, faultIds, untouched = false } = options;
  const tool = toolIn(netns);
  const place = { kind: 'pod', node: self } as const;
  let addresses: Addresses = new Map();
  const egress = closedEgress(tool, device);
  const point = {
    place,
    tool,
    addresses: () => addresses,
    deviceOf: () => device,
    extra: egress,
    faultIds,
    counterAgeMs,
    ahead: nftInPod(netns),
  };
  const found = untouched ? nothingFound(place) : await lookAround(point);
  const enforcer = new Enforcer(point, leaseSeconds, found);
  return {
    async enforce(schedule, next, { openEgress = false } = {}) {
      const changed = !sameAddresses(addresses, next);
      if (changed) addresses = next;
      const moved = await egress.want(openEgress ? undefined : addresses);
      await enforcer.enforce(schedule, changed || moved);
    },
    enforcement: () => enforcer.enforcement(),
    refresh: () => enforcer.refresh(),
    onChange: (listener) => enforcer.onChange(listener),
    longestDelayMs: () => enforcer.longestDelayMs(),
    egressProblem: () => egress.problem(),
    async dispose(how) {
      if (how === 'leave') return await enforcer.leave();
      await enforcer[Symbol.asyncDispose]();
      await removeOrphan(netns, device);
    },
  };
}

/** Deletes what is ours in a namespace, and nothing else: faults there end at once. */
export async function removeOrphan(netns: string, device = 'eth0'): Promise<void> {
  const tool = toolIn(netns);
  // Added first, so that there is something to delete.
  const remove = (table: string) => `add table ${table}\ndelete table ${table}\n`;
  await nft(tool, remove(`inet ${tableName}`));
  // Kernels without this family have none of it.
  await tool('nft', ['-f', '-'], { input: remove(`netdev ${tableName}`) });
  // As interfaces are made. Refused where the device cannot do so much: then it never was less.
  await tool('ip', ['link', 'set', 'dev', device, 'gso_max_segs', '65535']);
  // The kernel refuses it for a root with another handle.
  await tool('tc', ['qdisc', 'del', 'dev', device, 'root', 'handle', `${rootHandle}:`]);
}

function toolIn(netns: string): Tool {
  return (program, args, { later = false, ...options } = {}) =>
    pool(
      () => attempt('nsenter', inside(netns, program, ...args), options),
      later ? 'later' : 'soon',
    );
}

/** Of many pods of one host, not all prepare at the same instant. */
function nftInPod(netns: string): Ahead {
  const lead = leadMs * (0.75 + Math.random() / 4);
  const ahead = nftAhead(lead, ['nsenter', ...inside(netns, 'nft', '-f', '-')]);
  return {
    ...ahead,
    run: (input) => {
      const outcome = ahead.run(input);
      return outcome && pool(() => outcome, 'now');
    },
  };
}

/** What another process opens by `self` is its own. */
function inside(netns: string, ...argv: readonly string[]): readonly string[] {
  const path = netns.replace(/^\/proc\/self\//, `/proc/${process.pid}/`);
  return [`--net=${path}`, '--', ...argv];
}

/** Of this kernel: what one pod's network can do, all can. */
const egressHook = { supported: false };

function closedEgress(tool: Tool, device: string) {
  let wanted: Addresses | undefined;
  let done: Addresses | undefined;
  let problem: string | undefined;
  return {
    /** True if there is something new to be done. */
    async want(addresses: Addresses | undefined): Promise<boolean> {
      if (addresses === wanted) return wanted !== done && egressHook.supported;
      wanted = addresses;
      if (wanted !== undefined && !egressHook.supported) {
        const trial = await tool('nft', ['-f', '-'], { input: tryEgressHook(device) });
        egressHook.supported = trial.ok;
        problem = trial.ok ? undefined : trial.message;
      }
      return wanted !== done && egressHook.supported;
    },
    pending: () =>
      wanted === undefined || wanted === done || !egressHook.supported
        ? ''
        : closeEgress(device, wanted),
    done: () => {
      if (egressHook.supported) done = wanted;
    },
    problem: () => problem,
  };
}

function sameAddresses(one: Addresses, other: Addresses): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  return [...other].every(([node, list]) => list.join() === one.get(node)?.join());
}
