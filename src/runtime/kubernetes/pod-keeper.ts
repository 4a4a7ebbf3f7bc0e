// Brings the pods of a testnet to what is wanted, and keeps them there: each pass looks at every
// node, does at most one thing for it, and what could not be done is tried again later. A pod is
// made once, under the only name it can have, so that there are never two of a node; one of that
// name that is not this Testnet's is an error and stays untouched.
import { createHash } from 'node:crypto';
import { type ErrorCode, fail, PeerstormError } from '../../errors.ts';
import type { NodeName } from '../../names.ts';
import type { Clock } from '../clock.ts';
import type { DesiredNode } from '../runtime.ts';
import { type Api, resources } from './api.ts';
import type { ClusterView } from './cluster-view.ts';
import type { FileStore, NodeFiles } from './files.ts';
import {
  type Claim,
  claimOf,
  type Gate,
  type PodRecipe,
  podOf,
  type TestnetId,
} from './manifest.ts';
import { annotations, names } from './objects.ts';
import type { IndexedNode } from './plan-index.ts';
import { isOwnedBy, type Pod } from './pod.ts';
import { type PodAction, podAction } from './pod-actions.ts';
import type { GroupPods } from './settings.ts';

export interface PodKeeper {
  /** The whole set; resolves after one pass over it. Throws what no repetition would mend. */
  ensure(nodes: readonly DesiredNode[]): Promise<void>;
}

export type KeeperDependencies = {
  readonly api: Pick<Api, 'get' | 'create' | 'delete' | 'mergePatch'>;
  readonly testnet: TestnetId;
  readonly planned: (node: NodeName) => IndexedNode | undefined;
  readonly view: ClusterView;
  readonly files: FileStore;
  readonly clock: Clock;
  readonly settings: (group: string) => GroupPods;
  /** Must a pod that is made now wait for its rules? */
  readonly gate: () => Gate | undefined;
  readonly readyCommand: (node: NodeName) => readonly string[] | undefined;
  readonly onFailure: (error: unknown) => void;
};

type Keeping = KeeperDependencies & {
  readonly signal: AbortSignal;
  wanted: ReadonlyMap<NodeName, DesiredNode>;
  /** Pods that were made and do not show yet, and when they were. */
  readonly expected: Map<NodeName, number>;
  readonly made: WeakMap<DesiredNode['launch'], string>;
  pass: Promise<void>;
  retryMs: number;
  retrying: boolean;
};

const atOnce = 16;
/** In one pass: whoever is to run waits for no more pods that are not to run yet. */
const aheadAtOnce = 100;
const showsWithinMs = 30_000;
const retry = { first: 1_000, longest: 30_000 };
const mended: ReadonlySet<ErrorCode> = new Set([
  'API_UNREACHABLE',
  'API_BUSY',
  'API_ERROR',
  'API_CONFLICT',
]);

export function keepPods(deps: KeeperDependencies, signal: AbortSignal): PodKeeper {
  const keeping: Keeping = {
    ...deps,
    signal,
    wanted: new Map(),
    expected: new Map(),
    made: new WeakMap(),
    pass: Promise.resolve(),
    retryMs: retry.first,
    retrying: false,
  };
  deps.view.onChange(() => {
    const shown = [...keeping.expected.keys()].filter((node) => deps.view.pod(node) !== undefined);
    for (const node of shown) keeping.expected.delete(node);
    // Nobody may ask again for the end of a pod that was made just before all were to go.
    if (shown.every((node) => keeping.wanted.has(node))) return;
    void next(keeping).catch(deps.onFailure);
  });
  return {
    ensure: async (nodes) => {
      keeping.wanted = new Map(nodes.map((node) => [node.name, node]));
      await next(keeping);
    },
  };
}

/** One pass at a time. */
function next(keeping: Keeping): Promise<void> {
  const mine = keeping.pass.then(() => onePass(keeping));
  keeping.pass = mine.catch(() => undefined);
  return mine;
}

async function onePass(keeping: Keeping): Promise<void> {
  if (keeping.signal.aborted) return;
  const failures = await perform(keeping, actionsOf(keeping));
  const final = failures.find((error) => !isMended(error));
  if (final !== undefined) throw final;
  if (failures.length === 0) keeping.retryMs = retry.first;
  else retryLater(keeping, failures[0]);
}

function isMended(error: unknown): boolean {
  return error instanceof PeerstormError && mended.has(error.code);
}

function retryLater(keeping: Keeping, error: unknown): void {
  keeping.onFailure(error);
  if (keeping.retrying) return;
  keeping.retrying = true;
  const { clock, signal, retryMs } = keeping;
  keeping.retryMs = Math.min(retry.longest, 2 * retryMs);
  const again = async () => {
    await clock.sleep(retryMs, signal);
    keeping.retrying = false;
    try {
      await next(keeping);
    } catch (failure) {
      keeping.onFailure(failure);
    }
  };
  void again();
}

function actionsOf(keeping: Keeping): readonly PodAction[] {
  const { wanted, view, expected, clock } = keeping;
  const nodes = new Set([...wanted.keys(), ...view.pods().keys()]);
  const gated = keeping.gate() !== undefined;
  const actions = [...nodes].flatMap((node) => {
    const pod = view.pod(node);
    const madeAt = expected.get(node);
    const found = podAction(node, {
      wanted: wanted.get(node),
      pod,
      world: view.node(node),
      floor: view.floor(node),
      expected: madeAt !== undefined && clock.now() < madeAt + showsWithinMs,
      madeFrom: () => madeFrom(keeping, wanted.get(node)),
      startsAgain: keeping.planned(node)?.startsAgain ?? false,
      gated,
    });
    return found ?? [];
  });
  const ahead = actions.filter((action) => action.do === 'create' && action.node.run === 'held');
  const later = new Set(ahead.slice(aheadAtOnce));
  return actions.filter((action) => !later.has(action));
}

/** What went wrong; the rest is done. */
async function perform(
  keeping: Keeping,
  actions: readonly PodAction[],
): Promise<readonly unknown[]> {
  if (actions.length === 0) return [];
  const failures: unknown[] = [];
  const creates = actions.flatMap((action) => (action.do === 'create' ? [action.node] : []));
  // Only nodes with files are in there.
  let files: ReadonlyMap<NodeName, NodeFiles>;
  try {
    files = await keeping.files.place(creates);
  } catch (error) {
    return [error];
  }
  const queue = [...actions];
  const worker = async () => {
    for (let action = queue.shift(); action !== undefined; action = queue.shift()) {
      if (keeping.signal.aborted) return;
      await performOne(keeping, action, files).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, actions.length) }, worker));
  return failures;
}

async function performOne(
  keeping: Keeping,
  action: PodAction,
  files: ReadonlyMap<NodeName, NodeFiles>,
): Promise<void> {
  if (action.do === 'create') return await create(keeping, action, files.get(action.node.name));
  const { api, testnet, view } = keeping;
  const { node, pod } = action;
  const named = { namespace: testnet.namespace, name: pod.metadata.name };
  if (action.do === 'order') {
    const { uid } = pod.metadata;
    const metadata = { uid, annotations: { [annotations.order]: JSON.stringify(action.order) } };
    await api.mergePatch(resources.pods, named, { metadata });
    return;
  }
  if (!action.lost) view.removing(node, pod);
  const { uid } = pod.metadata;
  await api.delete(resources.pods, { ...named, ...(uid === undefined ? {} : { uid }) });
}

async function create(
  keeping: Keeping,
  { node, first }: Extract<PodAction, { do: 'create' }>,
  files: NodeFiles | undefined,
): Promise<void> {
  const { api, testnet, expected, clock } = keeping;
  // Scaled down while it was in the queue; the next pass knows.
  if (keeping.planned(node.name) === undefined) return;
  const recipe = recipeOf(keeping, node, files);
  const ahead = node.run === 'held';
  // Nothing would hold it any more.
  if (ahead && recipe.gate === undefined) return;
  const claim = claimOf(recipe);
  if (claim !== undefined) await createClaim(keeping, claim);
  const pod = podOf(recipe, { first, madeFrom: madeFrom(keeping, node), ahead });
  try {
    await api.create(resources.pods, pod);
  } catch (error) {
    if (!(error instanceof PeerstormError) || error.code !== 'API_CONFLICT') throw error;
    const name = names.pod(testnet.name, node.name);
    const other = await api.get<Pod>(resources.pods, { namespace: testnet.namespace, name });
    if (other === undefined) throw error;
    if (!isOwnedBy(other, testnet.uid)) throw foreign(other, testnet);
    // It is ours and about to show, or about to go: then it is made anew when it has gone.
    if (other.metadata.deletionTimestamp !== undefined) throw error;
  }
  expected.set(node.name, clock.now());
}

function foreign({ metadata }: Pod, { name, uid }: TestnetId): Error {
  const [owner] = metadata.ownerReferences ?? [];
  const whose = owner === undefined ? 'nobody' : `${owner.kind} ${owner.name} (${owner.uid})`;
  return fail(
    'START_FAILED',
    `the pod ${metadata.namespace}/${metadata.name} is there and belongs to ${whose}, not to ` +
      `Testnet ${name} (${uid}); it is not taken over: delete it, or rename the testnet`,
  );
}

/** One that a run before has kept is taken up again: that is what it was kept for. */
async function createClaim({ api }: Keeping, claim: Claim): Promise<void> {
  await api.create(resources.claims, claim).catch((error: unknown) => {
    if (!(error instanceof PeerstormError) || error.code !== 'API_CONFLICT') throw error;
  });
}

function plannedOf({ planned }: Keeping, name: NodeName): IndexedNode {
  const found = planned(name);
  if (found === undefined) throw new TypeError(`the plan has no node ${name}`);
  return found;
}

function recipeOf(
  keeping: Keeping,
  { name, launch }: DesiredNode,
  files: NodeFiles | undefined,
): PodRecipe {
  const { testnet, settings, gate, readyCommand } = keeping;
  const { node, group, restarts } = plannedOf(keeping, name);
  return {
    testnet,
    node,
    group,
    settings: settings(group.name),
    launch,
    ...(files === undefined ? {} : { files }),
    restarts,
    gate: gate(),
    readyCommand: readyCommand(name),
  };
}

/** Of all that decides what the node is; not of where its files happen to be, nor of a gate. */
function madeFrom(keeping: Keeping, desired: DesiredNode | undefined): string {
  if (desired === undefined) return '';
  const { launch, name } = desired;
  const known = keeping.made.get(launch);
  if (known !== undefined) return known;
  const { node, group } = plannedOf(keeping, name);
  const parts = [launch, node.region, group.resources, keeping.settings(group.name)];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  keeping.made.set(launch, digest);
  return digest;
}
