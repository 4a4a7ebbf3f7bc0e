// What is done about one Testnet, whatever has happened: look at how it is, compare with how it is
// to be, take one step. It is asked again when something has changed, and each second while a run
// goes on, and does nothing then if there is nothing to do. What takes long (begin, end) goes on by
// itself. The finalizer comes before the first side effect: nothing of ours outlives its Testnet.
import { messageOf, PeerstormError } from '../errors.ts';
import type { NodeName } from '../names.ts';
import type { Clock } from '../runtime/clock.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { keptEdges, noEdgeMap, readEdgeMap } from '../runtime/kubernetes/edge-map.ts';
import { idOf } from '../runtime/kubernetes/manifest.ts';
import { edgesMissing, finalizer, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { World } from '../runtime/runtime.ts';
import { refusedChanges } from '../spec/changes.ts';
import { type EdgeList, edgesFromIn } from '../spec/edge-list.ts';
import type { Testnet } from '../spec/schema.ts';
import { declaredIn, withDeclared } from './changes.ts';
import { followFaults, refuseFaults } from './fault-objects.ts';
import {
  type Acceptance,
  type Known,
  type Looked,
  linesOf,
  type ReconcilerDependencies,
  type Reconciling,
  sinceTimeZero,
} from './known.ts';
import { removePods, removeTestnet } from './remove.ts';
import { announce } from './run-events.ts';
import type { ShownRun, Situation } from './status.ts';
import { createStatusWriter } from './status-writer.ts';
import { openTestnetRun, type PastRun, type TestnetRun } from './testnet-run.ts';
import { followWishes } from './wishes.ts';

export type Reconciler = {
  /** Gives the milliseconds after which to ask again, if that is known. */
  readonly reconcile: (key: string) => Promise<number | undefined>;
  /** By `namespace/name`; what HTTP shows. */
  readonly runs: () => ReadonlyMap<string, TestnetRun>;
  /** Ends nothing: another controller goes on. */
  readonly letGo: () => Promise<void>;
};

const capabilityRetryMs = 30_000;
/** ConfigMaps are not watched: they are looked at again. */
const edgesRetryMs = 5_000;
const longestRetryMs = 30_000;
const flushMs = 2_000;

export function createReconciler(deps: ReconcilerDependencies): Reconciler {
  const known = new Map<string, Known>();
  const reconciling: Reconciling = { ...deps, known, status: createStatusWriter(deps) };
  return {
    reconcile: (key) => reconcile(reconciling, key),
    runs: () =>
      new Map([...known].flatMap(([key, { run }]) => (run === undefined ? [] : [[key, run]]))),
    letGo: async () => {
      const runs = [...known.values()].flatMap(({ run }) => run ?? []);
      await Promise.all(runs.map(({ journal }) => inTime(journal.flush(), deps.clock)));
      await Promise.all([...known.keys()].map((key) => forget(reconciling, key)));
    },
  };
}

/** What the next controller begins with is to be new, but not waited for if nobody takes it. */
async function inTime(work: Promise<void>, clock: Clock): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, clock.sleep(flushMs, over.signal)]);
  over.abort();
}

async function reconcile(deps: Reconciling, key: string): Promise<number | undefined> {
  const object = deps.testnets.get(key);
  const before = deps.known.get(key);
  if (before !== undefined && before.uid !== object?.metadata.uid) await forget(deps, key);
  if (object === undefined) return await refuseFaults(deps, key);
  const known = deps.known.get(key) ?? remember(deps, object, key);
  if (object.metadata.deletionTimestamp !== undefined) return await remove(deps, known, object);
  const { result, again, reason } = await lookOnce(deps, known, object);
  if (!isBegun(known)) {
    if ('problem' in result) {
      const wait = await refuse(deps, object, { message: result.problem, reason });
      return wait ?? (again ? edgesRetryMs : undefined);
    }
    await begin(deps, known, { object, accepted: result });
  } else if (known.run !== undefined) {
    await followSpec(deps, known.run, { known, object, result });
    await followFaults(deps, known.run, object);
    await followWishes(deps, known.run, object);
  }
  const situation = situationOf(known);
  // Of a run that is being taken over nothing new is known yet.
  const isOld =
    object.status?.planHash !== undefined &&
    (situation.is === 'opening' || known.run?.isSettling() === true);
  const wait = isOld ? undefined : await deps.status.write(object, situation);
  const retry = known.obstacle === undefined ? undefined : known.obstacle.until - deps.clock.now();
  return wait ?? (retry === undefined ? undefined : Math.max(1, retry));
}

function remember(deps: Reconciling, object: TestnetObject, key: string): Known {
  const known: Known = {
    key,
    uid: object.metadata.uid ?? '',
    task: undefined,
    run: undefined,
    past: undefined,
    testnet: undefined,
    edges: undefined,
    generation: undefined,
    accepted: undefined,
    obstacle: undefined,
    tries: 0,
    refused: undefined,
  };
  deps.known.set(key, known);
  return known;
}

async function forget(deps: Reconciling, key: string): Promise<void> {
  const known = deps.known.get(key);
  deps.known.delete(key);
  await known?.task;
  await known?.run?.letGo();
}

async function lookOnce(deps: Reconciling, known: Known, object: TestnetObject): Promise<Looked> {
  const { generation = 0 } = object.metadata;
  const before = known.accepted;
  if (before?.generation === generation && !before.again) return before;
  const { list, isMissing } = await edgesFor(deps, known, object);
  const result = deps.accept(object, list);
  // What a run goes on with is read once; a list that is wrong or missing may come to be right.
  const again = list !== undefined && 'problem' in result && !isBegun(known);
  const reason = again && isMissing ? { reason: edgesMissing } : {};
  const looked: Looked = { generation, result, again, ...reason };
  known.accepted = looked;
  if ('problem' in result && !isSame(before, looked)) {
    const note = result.problem;
    deps.notices.tell(object, { type: 'Warning', reason: 'SpecInvalid', action: 'Accept', note });
  }
  return looked;
}

function isSame(before: Looked | undefined, now: Looked): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}

function isBegun({ run, past }: Known): boolean {
  return run !== undefined || past !== undefined;
}

/** The edges of a spec that has them in a ConfigMap: of a run, those that it has begun with. */
async function edgesFor(
  { api }: Pick<Reconciling, 'api'>,
  known: Known,
  object: TestnetObject,
): Promise<{ readonly list?: EdgeList; readonly isMissing: boolean }> {
  const from = edgesFromIn(object)?.configMap;
  if (from === undefined) return { isMissing: false };
  const id = idOf(object);
  const list =
    (isBegun(known) ? known.edges : undefined) ??
    (await keptEdges(api, id, from)) ??
    (await readEdgeMap(api, id.namespace, from));
  return { list: list ?? noEdgeMap(from, id.namespace), isMissing: list === undefined };
}

async function refuse(
  deps: Reconciling,
  object: TestnetObject,
  { message, reason }: { readonly message: string; readonly reason: Looked['reason'] },
): Promise<number | undefined> {
  const why = reason === undefined ? {} : { reason };
  return await deps.status.write(object, { is: 'refused', message, ...why });
}

type Beginning = {
  readonly object: TestnetObject;
  readonly accepted: Extract<Acceptance, { readonly testnet: Testnet }>;
};

/** One step towards a run: status, finalizer, then the run itself. */
async function begin(
  deps: Reconciling,
  known: Known,
  { object, accepted }: Beginning,
): Promise<void> {
  if (known.task !== undefined || deps.clock.now() < (known.obstacle?.until ?? 0)) return;
  const { name, namespace = '', finalizers = [], resourceVersion } = object.metadata;
  if (!finalizers.includes(finalizer)) {
    // With the version that was seen: nobody's finalizer is lost, none is added to what goes.
    const metadata = { finalizers: [...finalizers, finalizer], resourceVersion };
    await deps.api.mergePatch(resources.testnets, { namespace, name }, { metadata });
    return;
  }
  known.testnet = accepted.testnet;
  known.edges = accepted.edges;
  known.task = open(deps, known, { object, accepted }).finally(() => {
    known.task = undefined;
    deps.ask(known.key);
  });
}

async function open(
  deps: Reconciling,
  known: Known,
  { object, accepted }: Beginning,
): Promise<void> {
  const since = deps.clock.now();
  try {
    const opened = await openTestnetRun(object, accepted, deps);
    known.obstacle = undefined;
    known.tries = 0;
    if ('state' in opened) {
      await removePods(deps, object);
      known.past = opened;
      return;
    }
    known.run = opened;
    void opened.finished.then(() => deps.ask(known.key));
    void announce(deps, known, { object, run: opened, since });
  } catch (error) {
    known.tries += 1;
    known.obstacle = obstacleOf(error, { now: deps.clock.now(), tries: known.tries });
    const { reason = 'StartDelayed', message } = known.obstacle;
    deps.notices.tell(object, { type: 'Warning', reason, action: 'Start', note: message });
    deps.onFailure(error);
  }
}

function obstacleOf(
  error: unknown,
  { now, tries }: { readonly now: number; readonly tries: number },
): NonNullable<Known['obstacle']> {
  const message = messageOf(error);
  const code = error instanceof PeerstormError ? error.code : undefined;
  if (code === 'CAPABILITY_MISSING') {
    return { reason: 'CapabilityMissing', message, until: now + capabilityRetryMs };
  }
  if (code === 'SPEC_INVALID') {
    return { reason: 'PlanChanged', message, until: now + capabilityRetryMs };
  }
  return { message, until: now + Math.min(longestRetryMs, 500 * 2 ** tries) };
}

/** Only what may change of a running testnet does; the rest is refused, and the run goes on. */
async function followSpec(
  deps: Reconciling,
  run: TestnetRun,
  seen: { readonly known: Known; readonly object: TestnetObject; readonly result: Acceptance },
): Promise<void> {
  const { known, object, result } = seen;
  const { generation = 0 } = object.metadata;
  if (known.generation === generation) return;
  const refused = await takeOver(run, { known, result, now: deps.clock.now() });
  if (refused !== undefined) {
    const notice = { type: 'Warning', reason: 'ChangeRefused', action: 'Change' } as const;
    deps.notices.tell(object, { ...notice, note: refused });
  }
  known.refused = refused;
  known.generation = generation;
}

async function takeOver(
  run: TestnetRun,
  {
    known,
    result,
    now,
  }: { readonly known: Known; readonly result: Acceptance; readonly now: number },
): Promise<string | undefined> {
  if ('problem' in result) return result.problem;
  const { testnet } = result;
  const before = run.course().declared;
  const refused = refusedChanges(withDeclared(known.testnet ?? testnet, before), testnet);
  if (refused.length > 0) return linesOf(refused);
  const declared = declaredIn(testnet);
  if (JSON.stringify(declared) === JSON.stringify(before)) return undefined;
  if (declared.keep !== before.keep && run.running.state.ended !== undefined) {
    return 'spec.afterRun: afterRun cannot change when the run is over';
  }
  try {
    await run.change({ what: 'spec', declared, atMs: sinceTimeZero(run, now) });
    return undefined;
  } catch (error) {
    if (error instanceof PeerstormError) return error.message;
    throw error;
  }
}

async function remove(
  deps: Reconciling,
  known: Known,
  object: TestnetObject,
): Promise<number | undefined> {
  if (object.metadata.finalizers?.includes(finalizer) !== true) {
    await forget(deps, known.key);
    return undefined;
  }
  if (known.task !== undefined) return undefined;
  const { run } = known;
  known.run = undefined;
  known.task = removeTestnet(deps, object, run)
    .catch(deps.onFailure)
    .finally(() => {
      known.task = undefined;
      deps.clock.sleep(1_000).then(() => deps.ask(known.key), deps.onFailure);
    });
  return await deps.status.write(object, { is: 'deleting', message: 'faults end, then nodes go' });
}

function situationOf({ run, past, obstacle, refused }: Known): Situation {
  const failure = run?.failure();
  if (failure !== undefined) return { is: 'stalled', reason: 'InternalError', message: failure };
  if (run !== undefined) return { is: 'run', run: shownRun(run, refused) };
  if (past !== undefined) return { is: 'run', run: shownPast(past) };
  if (obstacle?.reason !== undefined) {
    return { is: 'stalled', reason: obstacle.reason, message: obstacle.message };
  }
  return { is: 'opening', message: obstacle?.message ?? 'the testnet is being prepared' };
}

function shownRun({ running, isOver }: TestnetRun, refused: string | undefined): ShownRun {
  const { plan, state, cleared, world, ready } = running;
  const up = plan.nodes.filter(({ name }) => world.nodes.get(name)?.phase === 'running');
  return {
    plan,
    state,
    cleared,
    running: up.length,
    ready: up.filter(({ name }) => ready.has(name)).length,
    over: isOver(),
    obstacles: isOver() ? [] : plan.nodes.flatMap(({ name }) => obstacleIn(world, name)),
    ...(refused === undefined ? {} : { refused }),
  };
}

function obstacleIn({ nodes }: World, name: NodeName): readonly string[] {
  const problem = nodes.get(name)?.problem;
  return problem === undefined ? [] : [`${name}: ${problem}`];
}

function shownPast({ state, course }: PastRun): ShownRun {
  const { plan, cleared } = course;
  return { plan, state, cleared, running: 0, ready: 0, over: true, obstacles: [] };
}
