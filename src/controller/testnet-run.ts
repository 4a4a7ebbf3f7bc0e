// One testnet under the controller: the loop of the supervisor over a runtime that speaks to the
// cluster. It is begun, or taken over from where another controller left it; it can be changed
// while it goes on, let go of, and ended. What it is to be is written down before it is so.
import type { RunState } from '../decide/state.ts';
import { restoreState } from '../decide/stored.ts';
import { fail, messageOf } from '../errors.ts';
import type { KindTable } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import type { Plan, PlannedFault } from '../plan/plan.ts';
import type { RunRecord } from '../report/history.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Api } from '../runtime/kubernetes/api.ts';
import { keepEdges } from '../runtime/kubernetes/edge-map.ts';
import { idOf } from '../runtime/kubernetes/manifest.ts';
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import { missingCapabilities, missingForFault } from '../runtime/needs.ts';
import type { Capability, Runtime } from '../runtime/runtime.ts';
import type { Session } from '../session/session.ts';
import { failsFast } from '../session/wishes.ts';
import type { EdgeList } from '../spec/edge-list.ts';
import type { Testnet } from '../spec/schema.ts';
import { sessionOf } from '../supervisor/backend.ts';
import { watchGuards } from '../supervisor/guards.ts';
import { reportNodes } from '../supervisor/report-nodes.ts';
import { type RunDependencies, type Running, startRun } from '../supervisor/run.ts';
import {
  type Change,
  type Course,
  type CourseDependencies,
  courseOf,
  declaredIn,
  follow,
  mustPlan,
} from './changes.ts';
import { type AskingAgents, observeNodes } from './observe.ts';
import type { SecretsOf } from './passwords.ts';
import {
  openRunJournal,
  type RunJournal,
  type RunStart,
  readStored,
  type Stored,
} from './run-journal.ts';

export type RunWorld = {
  readonly api: Api;
  readonly clock: Clock;
  readonly kinds: KindTable;
  /** Of Peerstorm. */
  readonly version: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly openRuntime: (request: RuntimeRequest, signal: AbortSignal) => Promise<Runtime>;
  /** The plan of a spec without problems. */
  readonly planOf: (testnet: Testnet, edges?: EdgeList) => Plan | undefined;
  readonly dataDirectory: (node: NodeName) => string;
  readonly secretsOf: SecretsOf;
  /** Absent: the controller asks all nodes itself. */
  readonly agents?: AskingAgents | undefined;
  /** Something could not be done yet; it is tried again. */
  readonly onFailure: (error: unknown) => void;
};

/** `edges`: of a spec that has them elsewhere. */
export type Spec = { readonly testnet: Testnet; readonly edges?: EdgeList | undefined };

export type RuntimeRequest = {
  readonly owner: TestnetObject;
  readonly testnet: Testnet;
  /** As it is now: it grows and shrinks. */
  readonly plan: () => Plan;
};

export interface TestnetRun {
  readonly uid: string;
  readonly running: Running;
  readonly session: Session;
  readonly journal: RunJournal;
  readonly course: () => Course;
  /** Aborted when it is ended or let go of. */
  readonly leaving: AbortSignal;
  /** The run is over, and everything about it is written down. */
  readonly isOver: () => boolean;
  /** It was taken over only now: who is ready is not found out yet. */
  readonly isSettling: () => boolean;
  /** Resolves when it is over, let go of, or has failed. Never throws. */
  readonly finished: Promise<void>;
  /** A bug of ours has ended it. */
  readonly failure: () => string | undefined;
  /** Refuses by throwing; otherwise it is written down first. */
  change(change: Change): Promise<void>;
  /** Ends the run (for that it waits so long at most) and takes away all that it has made. */
  end(limitMs: number): Promise<void>;
  /** Nothing more is done; another controller may go on. */
  letGo(): Promise<void>;
}

/** A run that is over for good: its nodes are gone. */
export type PastRun = { readonly state: RunState; readonly course: Course };

const leaseSeconds = 60;
const contactLossMs = 60_000;
const settleMs = 5_000;
const openLimitMs = 30_000;

export async function openTestnetRun(
  owner: TestnetObject,
  { testnet, edges }: Spec,
  world: RunWorld,
): Promise<TestnetRun | PastRun> {
  const stored = await readStored(world.api, owner);
  const start = stored?.record ?? firstStart(testnet, world);
  const secretOf = await world.secretsOf(owner.metadata.uid ?? '');
  const deps = courseDependencies({ testnet, edges, world, secretOf });
  const course = courseOf(start.changes, deps);
  if (!course.declared.keep && stored?.state?.ended !== undefined) {
    return { state: restoreState(course.plan, stored.state), course };
  }
  if (stored?.state !== undefined && stored.state.planHash !== course.plan.hash) {
    const message = 'the run was begun by another version of Peerstorm, which plans otherwise';
    throw fail('SPEC_INVALID', message);
  }
  return await begin({ owner, testnet, edges, world, stored, start, course, secretOf });
}

type Beginning = {
  readonly owner: TestnetObject;
  readonly testnet: Testnet;
  readonly edges: EdgeList | undefined;
  readonly world: RunWorld;
  readonly stored: Stored | undefined;
  readonly start: RunStart;
  readonly course: Course;
  readonly secretOf: (node: NodeName) => string;
};

function courseDependencies({
  testnet,
  edges,
  world,
  secretOf,
}: Pick<Beginning, 'testnet' | 'edges' | 'world' | 'secretOf'>): CourseDependencies {
  const { kinds, dataDirectory } = world;
  const planOf = (one: Testnet) => mustPlan(world.planOf(one, edges), one);
  return { testnet, kinds, planOf, dataDirectory, secretOf };
}

async function begin(beginning: Beginning): Promise<TestnetRun> {
  const { owner, testnet, world, stored, start } = beginning;
  let { course } = beginning;
  const leave = new AbortController();
  const drop = new AbortController();
  const request = { owner, testnet, plan: () => course.plan };
  const runtime = await world.openRuntime(request, drop.signal);
  try {
    const capabilities = await runtime.capabilities(AbortSignal.timeout(openLimitMs));
    const missing = missingCapabilities(course.plan, capabilities);
    if (missing.length > 0) throw fail('CAPABILITY_MISSING', missing.join('\n'));
    const journal = openRunJournal({ ...world, owner }, stored, leave.signal);
    await keepListed(beginning);
    await journal.record(start);
    const shell = { ...beginning, runtime, capabilities, journal, leave, drop };
    return runOf(shell, {
      get: () => course,
      set: (next) => {
        course = next;
      },
    });
  } catch (error) {
    leave.abort();
    drop.abort();
    await runtime[Symbol.asyncDispose]();
    throw error;
  }
}

/** Before the run is: whoever takes it over finds what it has begun with. */
async function keepListed({ owner, testnet, edges, world }: Beginning): Promise<void> {
  const from = testnet.spec.topology.edgesFrom?.configMap;
  if (from === undefined || edges === undefined) return;
  await keepEdges(world.api, idOf(owner), { text: edges.text, from });
}

type Shell = Beginning & {
  readonly runtime: Runtime;
  readonly capabilities: readonly Capability[];
  readonly journal: RunJournal;
  /** Ends the loop and what it writes. */
  readonly leave: AbortController;
  /** Lets go of the runtime: what is there stays. */
  readonly drop: AbortController;
};

type CourseCell = { readonly get: () => Course; readonly set: (course: Course) => void };

function runOf(shell: Shell, cell: CourseCell): TestnetRun {
  const { owner, world, runtime, journal, leave, drop } = shell;
  const guards = watchGuards({ timing: false, proc: '/proc/none' });
  const { running, done } = startRun(dependenciesOf(shell, cell.get(), guards));
  let isOver = false;
  let failure: string | undefined;
  let { start } = shell;
  const settledAt = world.clock.now() + settleMs;
  let ending = false;
  const run = { running, done, start: () => start, ending: () => ending };
  const finished = finish(shell, run).then(
    () => {
      isOver = !leave.signal.aborted;
    },
    (error: unknown) => {
      failure = messageOf(error);
      world.onFailure(error);
    },
  );
  const close = async () => {
    leave.abort();
    await finished;
    guards[Symbol.dispose]();
    await runtime[Symbol.asyncDispose]();
  };
  return {
    uid: owner.metadata.uid ?? '',
    running,
    session: sessionOf(running),
    journal,
    course: cell.get,
    leaving: leave.signal,
    isOver: () => isOver,
    isSettling: () => shell.stored !== undefined && world.clock.now() < settledAt && !isOver,
    finished,
    failure: () => failure,
    change: async (change) => {
      const next = changed(shell, cell.get(), change);
      // At once: the run may end while it is written down.
      running.keep = next.declared.keep;
      const { first, since } = start.changes;
      start = { ...start, changes: { first, since: [...since, change] } };
      await journal.record(start);
      for (const fault of next.cleared) running.cleared.add(fault);
      cell.set(next);
      running.nextPlan = next.plan;
    },
    end: async (limitMs) => {
      ending = true;
      running.stop ??= { code: 'DOWN', exit: endStatus(running), message: 'it was deleted' };
      await within(finished, limitMs, world.clock);
      await close();
      drop.abort();
    },
    letGo: async () => {
      drop.abort();
      await close();
    },
  };
}

function dependenciesOf(
  shell: Shell,
  course: Course,
  guards: RunDependencies['guards'],
): RunDependencies {
  const { owner, world, runtime, capabilities, journal, leave, stored, start, secretOf } = shell;
  const { plan, targets, declared } = course;
  const { clock, kinds, version, dataDirectory } = world;
  return {
    plan,
    kinds,
    runtime,
    runtimeName: 'kubernetes',
    version,
    capabilities,
    clock,
    journal,
    dataDirectory,
    secretOf,
    targets,
    observe: (handlers, signal, live) => {
      const { namespace = '', name, uid = '' } = owner.metadata;
      const { agents } = world;
      return observeNodes(
        {
          testnet: { namespace, name, uid },
          plan,
          kinds,
          clock,
          runtime,
          agents,
          targets: live,
          handlers,
        },
        signal,
      );
    },
    guards,
    keep: declared.keep,
    failFast: failsFast(owner),
    leaseSeconds,
    contactLossMs,
    abandon: leave.signal,
    ...resumption(course, { stored, start }),
  };
}

function resumption(
  { plan, cleared }: Course,
  { stored, start }: Pick<Shell, 'stored' | 'start'>,
): Pick<RunDependencies, 'resume'> {
  if (stored?.state === undefined) return {};
  const state = restoreState(plan, stored.state);
  const faults = stored.faults.filter(({ name }) => state.faults[name]?.proof !== undefined);
  const startedAt = Date.parse(start.run.startedAt);
  return { resume: { state, startedAt, cleared, faults, timeline: stored.timeline } };
}

/** Waits for the end of the run and writes down what the report needs. */
async function finish(
  { journal, runtime, world, leave }: Shell,
  run: {
    readonly running: Running;
    readonly done: Promise<unknown>;
    readonly start: () => RunStart;
    /** It goes, and its report with it. */
    readonly ending: () => boolean;
  },
): Promise<void> {
  const { running } = run;
  let over = false;
  const done = run.done.finally(() => {
    over = true;
  });
  done.catch(() => undefined);
  // One whose nodes stay is over, too, when its verdict is there.
  while (running.state.ended === undefined && !leave.signal.aborted) {
    await Promise.race([done, world.clock.sleep(200, leave.signal)]);
  }
  if (!running.keep || running.state.t0 === undefined || leave.signal.aborted) await done;
  if (leave.signal.aborted || run.ending()) return;
  const { t0 } = running.state;
  journal.replace('validity', running.guards.results());
  journal.replace('faults', running.prover.observedFaults(running));
  journal.replace('added', running.plan.faults);
  journal.replace('nodes', reportNodes(running));
  journal.replace('run', {
    ...run.start().run,
    ...(t0 === undefined ? {} : { readyAt: new Date(t0).toISOString() }),
    endedAt: new Date(world.clock.now()).toISOString(),
  });
  await journal.flush();
  if (over) await runtime.ensure([], leave.signal);
}

function firstStart(testnet: Testnet, { clock, versions }: RunWorld): RunStart {
  const run: RunRecord = {
    runtime: 'kubernetes',
    specFile: `testnet/${testnet.metadata.name}`,
    startedAt: new Date(clock.now()).toISOString(),
    versions,
  };
  return { version: 1, run, changes: { first: declaredIn(testnet), since: [] } };
}

/** The course after the change; throws what speaks against it. */
function changed(shell: Shell, course: Course, change: Change): Course {
  const { capabilities } = shell;
  const next = follow(course, change, courseDependencies(shell));
  const known = new Set(course.plan.faults.map(({ name }) => name));
  const fresh = next.plan.faults.filter(({ name }: PlannedFault) => !known.has(name));
  const missing = fresh.flatMap((fault) => missingForFault(fault, capabilities));
  if (missing.length > 0) throw fail('CAPABILITY_MISSING', missing.join('\n'));
  return next;
}

/** A run that was to settle has not: no verdict. */
function endStatus({ state }: Running): number {
  return state.endsWhen !== 'stopped' && state.ended === undefined ? 3 : 0;
}

async function within(promise: Promise<void>, limitMs: number, clock: Clock): Promise<void> {
  const over = new AbortController();
  await Promise.race([promise, clock.sleep(limitMs, over.signal)]);
  over.abort();
}
