// Keeps one pod under the rules of its testnet, from when its network appears until it goes: finds
// its namespace, holds it, puts the schedule in force there and opens the start gate. Whatever
// fails is tried again, and is said in the report. When the pod gets another network (its sandbox
// was made anew), the keeper follows. One thing at a time; rules that are in force are not touched
// by any failure here.
import { setTimeout as wait } from 'node:timers/promises';
import { fail, messageOf } from '../errors.ts';
import type { Addresses } from '../faults/addresses.ts';
import { systemClock } from '../runtime/clock.ts';
import {
  openPodEnforcer,
  type PodEnforcer,
  type PodEnforcerOptions,
} from '../runtime/kubernetes/pod-enforcer.ts';
import type { Schedule } from '../runtime/runtime.ts';
import { heldAlias, openAlias } from './alias.ts';
import type { Turn } from './network-view.ts';
import { type Patience, postpone } from './patience.ts';
import { isCurrent, openPodNamespace, type PodNamespace, setAlias } from './pod-namespace.ts';
import type { PodProcess, ProcessTable } from './processes.ts';
import type { EnforcedPod } from './report.ts';
import type { Claim } from './selection.ts';

export type PodWish = {
  readonly claim: Claim;
  /** Undefined: nothing is known of the testnet's faults yet. */
  readonly schedule: Schedule | undefined;
  readonly openEgress: boolean;
  readonly largePackets: boolean;
  readonly addresses: Addresses;
  /** To go through its gate. */
  readonly turn: Turn;
};

export type KeeperOptions = {
  readonly table: ProcessTable;
  /** Made not long ago, and shared by all keepers. */
  readonly processes: () => readonly PodProcess[];
  readonly faultIds: PodEnforcerOptions['faultIds'];
  readonly onChange: () => void;
  /** Seconds from when a change was learnt of until it was in force. */
  readonly applied: (seconds: number) => void;
  /** How long pods that run may wait to hear of new nodes; those at the gate go first. */
  readonly patience: () => Patience;
  /** What was left undone when it was let go of. */
  readonly onFailure: (message: string) => void;
  /** The namespace is let go of. */
  readonly onRelease: (netns: string) => void;
  readonly signal: AbortSignal;
};

export interface PodKeeper {
  /** Takes note; what is to be done is done soon. */
  update(wish: PodWish): void;
  readonly claim: () => Claim;
  /** It has a network, and its processes do not run yet. */
  readonly isAtGate: () => boolean;
  /** Of its network namespace, while it is held. */
  readonly netns: () => string | undefined;
  /** Undefined while no rules are in force in it. */
  readonly enforced: () => EnforcedPod | undefined;
  readonly problem: () => string | undefined;
  /** Why its egress is open though it was to be closed. */
  readonly egressProblem: () => string | undefined;
  /** Looks whether the namespace is still the pod's, and reads the counters if asked to. */
  check(): Promise<void>;
  refresh(): Promise<void>;
  /** `heal`: of ours nothing stays. `leave`: rules stay in force as long as their lease. */
  close(how: 'heal' | 'leave'): Promise<void>;
}

type Held = {
  readonly namespace: PodNamespace;
  readonly enforcer: PodEnforcer;
  readonly ips: string;
  /** Since when. */
  readonly at: number;
};

const retryMs = 300;
/** A network that is not there yet is no problem at first. */
const patienceMs = 10_000;
/** Nobody waits longer for the controller to publish a pod. */
const unknownMs = 5_000;
const defaultLeaseSeconds = 60;

type State = {
  wish: PodWish;
  /** When the wish changed in a way that matters. */
  askedAt: number;
  done: PodWish | undefined;
  held: Held | undefined;
  since: number | undefined;
  applied: Schedule | undefined;
  open: boolean;
  problem: string | undefined;
  lookedSince: number | undefined;
  closing: boolean;
  stop: AbortController;
  work: Promise<void> | undefined;
  /** What is wished by now and not begun is no more than news of other nodes. */
  mayWait: boolean;
};

export function keepPod(wish: PodWish, options: KeeperOptions): PodKeeper {
  const state: State = {
    wish,
    askedAt: systemClock.now(),
    done: undefined,
    held: undefined,
    since: undefined,
    applied: undefined,
    open: false,
    problem: undefined,
    lookedSince: undefined,
    closing: false,
    stop: new AbortController(),
    work: undefined,
    mayWait: true,
  };
  const start = () => {
    postponed.cancel();
    if (state.closing || state.work !== undefined || isDone(state)) return;
    state.work = work(state, options).finally(() => {
      state.work = undefined;
      const isOver = state.closing || options.signal.aborted;
      if (!isDone(state) && !isOver) postponed.later();
    });
  };
  const postponed = postpone(start, options.patience);
  start();
  return {
    update: (next) => {
      if (isSameWish(state.wish, next)) return postponed.reconsider();
      const patient = state.open && next.schedule === state.wish.schedule;
      state.wish = next;
      state.mayWait &&= patient;
      if (!patient) state.askedAt = systemClock.now();
      if (patient) postponed.later();
      else start();
    },
    claim: () => state.wish.claim,
    isAtGate: () => state.held !== undefined && !state.open,
    netns: () => state.held?.namespace.path,
    enforced: () => enforcedPod(state),
    problem: () => problemOf(state),
    egressProblem: () => state.held?.enforcer.egressProblem(),
    check: async () => {
      const { held } = state;
      if (held === undefined || (await isCurrent(options.table, held.namespace))) return;
      state.done = undefined;
      start();
    },
    refresh: async () => await state.held?.enforcer.refresh().catch(() => undefined),
    close: async (how) => {
      state.closing = true;
      postponed.cancel();
      state.stop.abort();
      await state.work;
      await letGo(state, options, how);
    },
  };
}

/** Until all that is wished is so, but for what may wait. */
async function work(state: State, options: KeeperOptions): Promise<void> {
  const signal = AbortSignal.any([state.stop.signal, options.signal]);
  while (!isDone(state) && !signal.aborted) {
    const { wish } = state;
    const before = state.problem;
    state.mayWait = true;
    try {
      const finished = await step(state, options);
      if (finished) state.done = wish;
      state.problem = undefined;
    } catch (error) {
      state.problem = messageOf(error);
    }
    if (state.problem !== before || state.done === wish) options.onChange();
    if (state.done !== wish) await wait(retryMs, undefined, { signal }).catch(() => undefined);
    else if (state.mayWait) return;
  }
}

function isDone(state: State): boolean {
  return state.done === state.wish || isWaiting(state);
}

/** In hand, and behind its gate: before its turn comes there is nothing to do, whatever is new. */
function isWaiting({ done, held, open, wish }: State): boolean {
  const { turn, claim } = wish;
  return done !== undefined && held?.ips === claim.ips.join() && !open && turn === 'later';
}

/** True if there is nothing left to do for this wish. */
async function step(state: State, options: KeeperOptions): Promise<boolean> {
  const { wish, askedAt } = state;
  const { claim, schedule, addresses, openEgress } = wish;
  // It has no network yet; the next wish will know more.
  if (claim.ips.length === 0) return true;
  const held = await hold(state, options);
  if (held === undefined) return false;
  if (schedule === undefined) return true;
  // Behind its gate nothing runs: rules go in once, with all who are known by then.
  if (!state.open && wish.turn === 'later') return true;
  if (!state.open && !mayOpen(wish, held)) return false;
  await held.enforcer.enforce(schedule, addresses, { openEgress });
  const now = systemClock.now();
  state.since ??= now;
  if (schedule !== state.applied) options.applied((now - askedAt) / 1_000);
  state.applied = schedule;
  if (!state.open) await openGate(state, wish, held);
  return true;
}

function mayOpen({ turn }: PodWish, { at }: Held): boolean {
  return turn === 'now' || systemClock.now() - at >= unknownMs;
}

async function hold(state: State, options: KeeperOptions): Promise<Held | undefined> {
  const { claim } = state.wish;
  const ips = claim.ips.join();
  const { held } = state;
  if (held?.ips === ips && (await isCurrent(options.table, held.namespace))) return held;
  if (held !== undefined) await letGo(state, options, 'leave');
  state.lookedSince ??= systemClock.now();
  const processes = options.processes();
  const { uid } = claim;
  const found = await openPodNamespace(options.table, { uid, ips: claim.ips, processes });
  if (!found.ok) {
    if (systemClock.now() - state.lookedSince < patienceMs) return undefined;
    throw fail('ENFORCE_FAILED', `network namespace not found: ${found.reason}`);
  }
  state.lookedSince = undefined;
  state.open = found.namespace.alias === openAlias(uid);
  try {
    const taken = await takeInHand(state, options, found.namespace);
    state.held = { ...taken, ips, at: systemClock.now() };
    return state.held;
  } catch (error) {
    await found.namespace[Symbol.asyncDispose]();
    throw error;
  }
}

async function takeInHand(state: State, options: KeeperOptions, namespace: PodNamespace) {
  const { claim, schedule } = state.wish;
  // Said before the first rule is in, so that whoever comes after us knows whose the rules are.
  if (!state.open) await mark(namespace, heldAlias(claim.uid));
  const enforcer = await openPodEnforcer({
    self: claim.node,
    netns: namespace.path,
    device: namespace.device,
    leaseSeconds: schedule?.leaseSeconds ?? defaultLeaseSeconds,
    faultIds: options.faultIds,
    // Whoever puts rules in says so before.
    untouched: namespace.alias === '',
  });
  enforcer.onChange(options.onChange);
  return { namespace, enforcer };
}

async function openGate(state: State, wish: PodWish, { namespace }: Held): Promise<void> {
  await mark(namespace, openAlias(wish.claim.uid), { cutPackets: !wish.largePackets });
  state.open = true;
}

async function mark(
  namespace: PodNamespace,
  alias: string,
  how?: Parameters<typeof setAlias>[2],
): Promise<void> {
  const problem = await setAlias(namespace, alias, how);
  if (problem !== undefined) throw fail('ENFORCE_FAILED', problem);
}

async function letGo(state: State, options: KeeperOptions, how: 'heal' | 'leave'): Promise<void> {
  const { held } = state;
  if (held === undefined) return;
  const { namespace, enforcer } = held;
  // The network of a pod whose sandbox is gone ends when we let go of it.
  const there = options.table.stat(namespace.process) !== undefined;
  try {
    await enforcer.dispose(there ? how : 'leave');
    if (there && how === 'heal') await mark(namespace, '');
  } catch (error) {
    options.onFailure(`${state.wish.claim.pod}: ${messageOf(error)}`);
  }
  state.held = undefined;
  state.open = false;
  options.onRelease(namespace.path);
  await namespace[Symbol.asyncDispose]();
}

function enforcedPod({ held, since, wish }: State): EnforcedPod | undefined {
  if (held === undefined || since === undefined) return undefined;
  const { host: _, ...enforcement } = held.enforcer.enforcement();
  return { node: wish.claim.node, since, enforcement };
}

function problemOf({ problem, held, wish }: State): string | undefined {
  if (problem !== undefined) return problem;
  if (wish.claim.problem !== undefined) return wish.claim.problem;
  const { problem: said } = held?.enforcer.enforcement() ?? {};
  return said;
}

function isSameWish(one: PodWish, other: PodWish): boolean {
  return (
    one.schedule === other.schedule &&
    one.addresses === other.addresses &&
    one.openEgress === other.openEgress &&
    one.largePackets === other.largePackets &&
    one.turn === other.turn &&
    one.claim.problem === other.claim.problem &&
    one.claim.ips.join() === other.claim.ips.join()
  );
}
