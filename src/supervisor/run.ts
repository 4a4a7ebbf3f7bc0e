// The shell around `decide`: a loop that looks at the world, lets decide say what is to be done,
// and does it. It holds no opinion of its own: what must run, which faults are due, what is passed
// or failed, and when it is over is all decided there. It guarantees that state is on disk before
// anything is done because of it, and that every sample and event is written down as it comes.
// The same loop runs the local runtime in real time and the memory runtime in virtual time.
import { isDeepStrictEqual } from 'node:util';
import { decide, initialState } from '../decide/decide.ts';
import type { Observed, Stop } from '../decide/observed.ts';
import type { RunState } from '../decide/state.ts';
import { storeState } from '../decide/stored.ts';
import { messageOf, PeerstormError } from '../errors.ts';
import type { KindTable } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import type { Answer } from '../network/network.ts';
import { type LogWatch, watchLogs } from '../observe/log-watch.ts';
import type { Observer, Target } from '../observe/observer.ts';
import { type ReadinessWatch, watchReadiness } from '../observe/readiness.ts';
import { targetsOf } from '../observe/targets.ts';
import type { LaunchOptions } from '../plan/launch.ts';
import type { Plan, PlannedFault } from '../plan/plan.ts';
import { peersFrom } from '../plan/waves.ts';
import type { ObservedFault } from '../report/parts.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Capability, Runtime, World } from '../runtime/runtime.ts';
import type { TimelineEvent } from '../session/session.ts';
import { type Applier, createApplier } from './apply.ts';
import { createEventLog, type EventLog } from './events.ts';
import type { Guards, Seen } from './guards.ts';
import { groupOf, logHandlers, observationHandlers } from './handlers.ts';
import type { Journal } from './journal.ts';
import { countMatches, type LogMatches } from './log-matches.ts';
import { createRunMetrics, type RunMetrics } from './metrics.ts';
import { createProver, type Prover } from './proofs.ts';
import { createSampler, type Sampler } from './sampler.ts';
import { createSpread, type Spread } from './spread.ts';
import { firstAnswers, firstLook, takeNextPlan } from './succession.ts';

export type RunDependencies = LaunchOptions & {
  readonly plan: Plan;
  readonly kinds: KindTable;
  readonly runtime: Runtime;
  readonly runtimeName: string;
  readonly capabilities: readonly Capability[];
  /** Of Peerstorm. */
  readonly version: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly observe: (
    handlers: ObservationHandlers,
    signal: AbortSignal,
    /** Those that join come into it. */
    targets: ReadonlyMap<NodeName, Target>,
  ) => Observer;
  readonly guards: Guards;
  readonly keep: boolean;
  readonly failFast: boolean;
  readonly timeoutMs?: number;
  /** What holds when the enforcers hear nothing for so long is the base alone; default 10. */
  readonly leaseSeconds?: number;
  /** How long the world may be out of sight, see Observed; default: not at all. */
  readonly contactLossMs?: number;
  /** Of whom to ask what; default: as the plan has it. */
  readonly targets?: ReadonlyMap<NodeName, Target>;
  /** What is known of this run by the process that had it before. */
  readonly resume?: Resumption;
  /** Lets go of the run: nothing more is done or written, another process may go on with it. */
  readonly abandon?: AbortSignal;
};

export type Resumption = {
  readonly state: RunState;
  readonly startedAt: number;
  readonly cleared: Iterable<string>;
  /** Those that were judged. */
  readonly faults: readonly ObservedFault[];
  readonly timeline: readonly TimelineEvent[];
};

export type ObservationHandlers = {
  readonly onObservation: (node: NodeName, answer: Answer, seconds: number) => void;
  readonly onFailure: (node: NodeName, message: string) => void;
  /** Whoever observes is gone. */
  readonly onLost: (message: string) => void;
};

/** A run in progress, as its parts share it. Only the loop below writes `state` and `plan`. */
export type Running = Omit<RunDependencies, 'targets' | 'keep'> & {
  keep: boolean;
  plan: Plan;
  /** Takes the place of `plan` at the next tick. */
  nextPlan: Plan | undefined;
  state: RunState;
  world: World;
  /** Whether the world was seen at all. */
  seen: boolean;
  /** Of all nodes that there ever were. */
  readonly targets: Map<NodeName, Target>;
  stop: Stop | undefined;
  phase: 'starting' | 'running' | 'ended' | 'stopping';
  ready: ReadonlySet<NodeName>;
  /** Before time 0: since when all of them are, epoch milliseconds. */
  readySince: number | undefined;
  /** The wave from which on a node must have a peer to be ready. */
  readonly peersFrom: ReadonlyMap<NodeName, number>;
  /** Faults that a user has ended. */
  readonly cleared: Set<string>;
  readonly startedAt: number;
  readonly observationFailures: Map<NodeName, string>;
  readonly logMatches: LogMatches;
  readonly logWatch: LogWatch;
  readonly events: EventLog;
  readonly sampler: Sampler;
  readonly prover: Prover;
  readonly applier: Applier;
  readonly readiness: ReadinessWatch;
  readonly observer: Observer;
  readonly metrics: RunMetrics;
  readonly spread: Spread;
};

const tickMs = 200;
/** Between two answers of a node before time 0: of up to 300 nodes ten answer in a second. */
function startingMs(nodes: number): number {
  return Math.min(30_000, Math.max(5_000, nodes * 100));
}

/** Whoever follows a log reads at least that often. */
const logPollMs = 400;

/** Starts the loop. It ends when the run has ended (without `keep`), or when it is stopped. */
export function startRun(deps: RunDependencies): {
  readonly running: Running;
  readonly done: Promise<RunState>;
} {
  const over = new AbortController();
  const { abandon } = deps;
  const signal = abandon === undefined ? over.signal : AbortSignal.any([over.signal, abandon]);
  const running = prepare(deps, signal);
  const done = loop(running, signal).finally(() => over.abort());
  return { running, done };
}

function prepare(deps: RunDependencies, signal: AbortSignal): Running {
  const { plan, kinds, runtime, clock, journal, resume, leaseSeconds = 10 } = deps;
  const { runtimeName, version, dataDirectory } = deps;
  const targets = new Map(deps.targets ?? targetsOf(plan, { kinds, dataDirectory }));
  const sampler = createSampler(targets);
  const metrics = createRunMetrics({ testnet: plan.testnet, runtime: runtimeName, version });
  const past = resume?.timeline ?? [];
  const events = createEventLog({ journal, clock, timeZero: () => running.state.t0, past });
  const logMatches = countMatches(plan.expectations, { clock, events });
  const observer = deps.observe(
    observationHandlers(() => running),
    signal,
    targets,
  );
  const base = () => running.plan.base;
  const patienceMs = deps.contactLossMs === undefined ? undefined : 2_000;
  const running: Running = {
    ...deps,
    nextPlan: undefined,
    state: resume?.state ?? initialState(plan),
    world: { nodes: new Map(), enforcement: [] },
    seen: false,
    targets,
    stop: undefined,
    phase: 'starting',
    ready: new Set(),
    readySince: undefined,
    peersFrom: peersFrom(plan),
    cleared: new Set(resume?.cleared),
    startedAt: resume?.startedAt ?? clock.now(),
    observationFailures: new Map(),
    logMatches,
    events,
    sampler,
    prover: createProver({ runtime, clock, randomSeed: plan.randomSeed, signal }, resume?.faults),
    applier: createApplier({ runtime, targets, base, leaseSeconds, clock, patienceMs }, signal),
    readiness: watchReadiness(runtime, { targets, clock }, signal),
    observer,
    metrics,
    spread: createSpread(metrics, (node) => groupOf(targets, node)),
    logWatch: watchLogs(
      runtime,
      logHandlers(() => running),
      signal,
    ),
  };
  running.logWatch.follow(plan.expectations);
  void watchWorld(running, signal);
  return running;
}

async function watchWorld(running: Running, signal: AbortSignal): Promise<void> {
  try {
    for await (const world of running.runtime.watch(signal)) {
      running.world = world;
      running.seen = true;
    }
  } catch (error) {
    running.stop ??= { code: 'CONTACT_LOST', exit: 3, message: messageOf(error) };
  }
}

async function loop(running: Running, signal: AbortSignal): Promise<RunState> {
  const { clock, resume } = running;
  const { nodes, randomSeed, hash } = running.plan;
  const [event, message] =
    resume === undefined
      ? ['started', `${nodes.length} nodes are planned`]
      : ['resumed', 'another process goes on with the run'];
  running.events.note(event ?? '', message ?? '', { randomSeed, planHash: hash });
  // What nobody has looked at yet is not gone.
  if (resume !== undefined) {
    await firstLook(running, signal);
    await firstAnswers(running, lookAround, signal);
  }
  while (!signal.aborted) {
    const started = clock.now();
    try {
      await tick(running, Math.round(started));
    } catch (error) {
      running.stop ??= stopFor(error);
      running.events.note('error', messageOf(error), {
        stack: error instanceof Error ? error.stack : undefined,
      });
      if (running.state.ended === undefined && running.stop.exit === 70) throw error;
    }
    // Nothing is kept of a start that failed.
    const keeps = running.keep && running.state.t0 !== undefined;
    if (running.state.ended && (!keeps || running.stop)) break;
    await clock.sleep(Math.max(1, started + tickMs - clock.now()), signal);
  }
  if (signal.aborted) return running.state;
  running.phase = 'stopping';
  await running.prover.settled();
  await finish(running);
  return running.state;
}

async function tick(running: Running, now: number): Promise<void> {
  const before = running.state;
  takeNextPlan(running);
  const { plan, state } = running;
  lookAround(running);
  enforceTimeout(running, now);
  const sample = running.sampler.draw(running, now);
  if (sample !== undefined) {
    const { eventLoopP99Seconds } = running.guards.read(sample.t / 1000, seenByGuards(running));
    running.metrics.eventLoopLag(eventLoopP99Seconds);
    running.spread.sampled(sample, now);
  }
  const seen = observed(running, now);
  const decideStart = performance.now();
  let decision = decide(plan, state, seen, now);
  running.metrics.decided((performance.now() - decideStart) / 1000);
  if (settlesLogs(plan, before, decision.state)) {
    await running.clock.sleep(logPollMs);
    decision = decide(plan, state, { ...seen, logCounts: running.logMatches.counts }, now);
  }
  running.state = decision.state;
  if (running.phase !== 'stopping') running.phase = decision.phase;
  running.events.follow(decision.events);
  if (!isDeepStrictEqual(before, decision.state)) await saveState(running, before);
  await running.applier.apply(decision, running.world);
  running.prover.follow(running);
  running.events.publish(running);
}

function seenByGuards({ plan, sampler, world }: Running): Seen {
  const mining = plan.nodes.flatMap(({ name }) => sampler.answer(name)?.observation.mining ?? []);
  const queueDrops = world.enforcement.reduce((sum, one) => sum + (one.queueDrops ?? 0), 0);
  return { mining, queueDrops };
}

/** Claims about logs are judged when all lines written until now have been counted. */
function settlesLogs(plan: Plan, before: RunState, after: RunState): boolean {
  const isOpen = ({ expectations }: RunState, name: string) =>
    expectations[name]?.verdict === 'pending';
  return plan.expectations.some(
    (one) => 'log' in one && isOpen(before, one.name) && !isOpen(after, one.name),
  );
}

function lookAround(running: Running): void {
  const { readiness, observer, plan } = running;
  readiness.check(running.world);
  const ready = new Set<NodeName>();
  const up: NodeName[] = [];
  const peerless: NodeName[] = [];
  for (const { name, peered, joins } of plan.nodes) {
    const world = running.world.nodes.get(name);
    if (world?.phase === 'running' || world?.phase === 'paused') up.push(name);
    if (world?.phase !== 'running' || !readiness.isReady(name, world.incarnation)) continue;
    const first = world.incarnation === 0 && running.state.t0 === undefined;
    const joining = joins === true && world.incarnation === 0 && !running.ready.has(name);
    const asked = peered && running.state.wave >= (running.peersFrom.get(name) ?? 0);
    if ((first || joining) && asked && !running.sampler.hasPeer(name)) peerless.push(name);
    else ready.add(name);
  }
  running.ready = ready;
  const { state, clock, sampler } = running;
  if (state.t0 !== undefined) return observer.follow(up, peerless);
  const isReady = ready.size === plan.nodes.length;
  running.readySince = isReady ? (running.readySince ?? clock.now()) : undefined;
  // The next wave, or time 0, waits for them.
  if (isReady) return observer.follow(up, sampler.unheard(running, clock.now()));
  const every = Math.round(startingMs(plan.nodes.length) / plan.sampleIntervalMs);
  observer.follow(up, peerless, Math.max(1, every));
}

function enforceTimeout(running: Running, now: number): void {
  const { timeoutMs, startedAt } = running;
  if (timeoutMs === undefined || running.state.ended || now < startedAt + timeoutMs) return;
  const limit = `the time limit of ${timeoutMs / 1000} s was reached`;
  const message =
    running.state.t0 === undefined ? `${limit}: ${unreadyNodes(running, now)}` : limit;
  running.stop ??= { code: 'TIMEOUT', exit: 4, message };
}

/** Who kept the network from being ready, and what was last heard of them. */
function unreadyNodes(running: Running, now: number): string {
  const { plan, ready, world, observationFailures, sampler } = running;
  const unheard = new Set(sampler.unheard(running, now));
  const unready = plan.nodes.filter(({ name }) => !ready.has(name) || unheard.has(name));
  const shown = unready.slice(0, 5).map(({ name }) => {
    const last = observationFailures.get(name);
    const phase = world.nodes.get(name)?.phase ?? 'absent';
    return `${name} (${phase}${last === undefined ? '' : `: ${last.slice(0, 60)}`})`;
  });
  return `${unready.length} nodes are not ready, such as ${shown.join(', ')}`;
}

function observed(running: Running, now: number): Observed {
  const { sample } = running.sampler;
  const problem = running.applier.problem();
  if (problem !== undefined) running.stop ??= stopFor(problem);
  return {
    world: running.world,
    ...(sample ? { sample } : {}),
    ready: running.ready,
    ...(running.state.t0 === undefined && { unheard: running.sampler.unheard(running, now) }),
    logCounts: running.logMatches.counts,
    proofs: running.prover.proofs(),
    proofsPending: running.prover.pending(),
    ...(running.stop ? { stop: running.stop } : {}),
    voids: voidsOf(running),
    failFast: running.failFast,
    keep: running.keep,
    ...(running.contactLossMs === undefined ? {} : { contactLossMs: running.contactLossMs }),
  };
}

function voidsOf(running: Running): readonly string[] {
  return running.guards
    .results()
    .filter(({ result }) => result === 'void')
    .map(({ guard, worst, limit }) => `${guard} was ${worst}, the limit is ${limit}`);
}

function stopFor(error: unknown): Stop {
  const message = messageOf(error);
  if (error instanceof PeerstormError) return { code: error.code, exit: error.exit, message };
  // What the system refuses (a full disk, no more files or processes) is no bug of ours.
  const refused = error instanceof Error && 'errno' in error;
  return refused
    ? { code: 'COMMAND_FAILED', exit: 3, message }
    : { code: 'INTERNAL', exit: 70, message };
}

async function finish(running: Running): Promise<void> {
  const { journal } = running;
  journal.replace('validity', running.guards.results());
  journal.replace('faults', running.prover.observedFaults(running));
  journal.replace('state', storeState(running.plan, running.state));
  await journal.stored?.();
}

/** Before anything is done because of it. */
async function saveState(running: Running, before: RunState): Promise<void> {
  const { journal, plan, state, prover } = running;
  const isJudged = ({ name }: PlannedFault) =>
    state.faults[name]?.proof !== before.faults[name]?.proof;
  if (plan.faults.some(isJudged)) journal.replace('faults', prover.observedFaults(running));
  journal.replace('state', storeState(plan, state));
  await journal.stored?.();
}
