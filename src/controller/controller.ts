// The controller: the second shell around `decide`. It watches Testnets and Faults, and for every
// accepted Testnet it runs the loop of the supervisor over pods. Whatever happens puts the key of a
// Testnet into one queue; workers reconcile it, each key by one at a time. It keeps nothing that it
// could not find again: killed at any moment, the next one goes on. It acts only while it leads.
import { messageOf } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import {
  type Api,
  type Cache,
  type Followed,
  type KubernetesObject,
  type Resource,
  resources,
} from '../runtime/kubernetes/api.ts';
import type { KubernetesMetrics } from '../runtime/kubernetes/metrics.ts';
import type { FaultObject, TestnetObject } from '../runtime/kubernetes/objects.ts';
import { createWorkQueue, type WorkQueue } from '../runtime/kubernetes/work-queue.ts';
import { runWorkers } from '../runtime/kubernetes/workers.ts';
import { acceptanceOf, planOf } from './acceptance.ts';
import { createNotices } from './notices.ts';
import { createReconciler, type Reconciler } from './reconcile.ts';
import type { RunWorld } from './testnet-run.ts';

export type ControllerOptions = Omit<RunWorld, 'planOf' | 'onFailure'> & {
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  /** Who this is: the name of its pod. */
  readonly instance: string;
  /** The plan with what nodes are reached by in the cluster. */
  readonly bind: (plan: Plan) => Plan;
  readonly metrics?: Pick<KubernetesMetrics, 'queue' | 'reconciles'>;
  readonly log: (level: 'info' | 'error', message: string) => void;
};

export interface Controller {
  readonly runs: Reconciler['runs'];
  /** All caches have their first list. */
  readonly isSynced: () => boolean;
  /** Milliseconds since the API server was last heard. */
  readonly silentMs: () => number;
  /** Ends with the signal; runs are let go of, not ended. */
  readonly done: Promise<void>;
}

const workerCount = 4;
const name = 'testnet';
/** A run must not wait long for its status because an earlier one could not be written. */
const backoffMs = [5, 30_000] as const;

export function startController(options: ControllerOptions, signal: AbortSignal): Controller {
  const { api, clock, kinds, metrics, namespaces, log } = options;
  const counted = metrics === undefined ? {} : { metrics: metrics.queue(name) };
  const queue = createWorkQueue({ clock, backoffMs, ...counted });
  const testnets = followAll<TestnetObject>(api, resources.testnets, { namespaces, signal });
  const faults = followAll<FaultObject>(api, resources.faults, { namespaces, signal });
  const onFailure = (error: unknown) => log('error', messageOf(error));
  const reconciler = createReconciler({
    ...options,
    testnets,
    faults,
    accept: (object, edges) => acceptanceOf(object, kinds, edges),
    planOf: (testnet, edges) => {
      const plan = planOf(testnet, kinds, edges);
      return plan && options.bind(plan);
    },
    notices: createNotices({ api, clock, instance: options.instance, onFailure }),
    ask: (key) => queue.add(key),
    onFailure,
  });
  testnets.onChange((key) => queue.add(key));
  followOwners(faults, queue);
  let isSynced = false;
  const work = async () => {
    await Promise.all([testnets.synced(), faults.synced()]);
    isSynced = true;
    await runWorkers(queue, signal, {
      count: workerCount,
      clock,
      reconcile: async (key) => {
        const againMs = await reconciler.reconcile(key);
        return againMs === undefined ? undefined : { againMs };
      },
      onError: (key, error) => log('error', `${key}: ${messageOf(error)}`),
      ...(metrics === undefined ? {} : { metrics: metrics.reconciles(name) }),
    });
    await reconciler.letGo();
  };
  return {
    runs: reconciler.runs,
    isSynced: () => isSynced,
    silentMs: () => Math.max(testnets.silentMs(), faults.silentMs()),
    done: work(),
  };
}

/** A Fault is a matter of its Testnet, also when it is gone. */
function followOwners(faults: Cache<FaultObject>, queue: Pick<WorkQueue, 'add'>): void {
  const owners = new Map<string, string>();
  faults.onChange((key, object) => {
    const before = owners.get(key);
    if (before !== undefined) queue.add(before);
    owners.delete(key);
    if (object === undefined) return;
    const owner = `${object.metadata.namespace}/${object.spec.testnet}`;
    owners.set(key, owner);
    queue.add(owner);
  });
}

/** One cache for all namespaces, or one for each that is watched. */
export function followAll<T extends KubernetesObject>(
  api: Pick<Api, 'follow'>,
  resource: Resource,
  scope: Omit<Followed<T>, 'namespace'> & {
    readonly namespaces: readonly string[] | undefined;
    readonly signal: AbortSignal;
  },
): Cache<T> {
  const { namespaces, signal, ...narrowed } = scope;
  if (namespaces === undefined) return api.follow<T>(resource, narrowed, signal);
  const caches = new Map(
    namespaces.map((namespace) => [
      namespace,
      api.follow<T>(resource, { namespace, ...narrowed }, signal),
    ]),
  );
  const each = [...caches.values()];
  return {
    get: (key) => caches.get(key.split('/', 1)[0] ?? '')?.get(key),
    values: () => each.flatMap((cache) => cache.values()),
    onChange: (listener) => {
      for (const cache of each) cache.onChange(listener);
    },
    silentMs: () => Math.max(0, ...each.map((cache) => cache.silentMs())),
    synced: async () => {
      await Promise.all(each.map((cache) => cache.synced()));
    },
  };
}
