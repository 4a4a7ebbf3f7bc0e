// Where the client layer counts what it does. Each piece takes the small part of this that it
// needs, and none of them knows prom-client. What is a state (depth of a queue, silence of a
// watch) is asked for when somebody scrapes.
import type { Registry } from 'prom-client';
import { type KubernetesMetricName, kubernetesCatalog } from '../../metrics/kubernetes.ts';
import { type Collectors, type Registered, registerMetrics } from '../register-metrics.ts';

export interface RequestMetrics {
  requested(request: {
    readonly method: string;
    /** The status, or `<error>`. */
    readonly code: string;
    readonly seconds: number;
  }): void;
  repeated(method: string, code: string): void;
  waited(method: string, seconds: number): void;
}

export type WatchFailure = 'expired' | 'silent' | 'cut' | 'refused';

export interface WatchMetrics {
  listed(): void;
  watched(): void;
  failed(reason: WatchFailure): void;
  /** A cache that is scraped until its signal is aborted. */
  show(state: () => { readonly silentSeconds: number; readonly objects: number }): () => void;
}

export interface QueueMetrics {
  added(): void;
  retried(): void;
  started(waitedSeconds: number): void;
  worked(seconds: number): void;
  /** Called at each scrape; `inWork` in seconds. */
  show(state: () => { readonly depth: number; readonly inWork: readonly number[] }): void;
}

export interface ReconcileMetrics {
  workers(count: number): void;
  began(): void;
  ended(result: 'success' | 'error' | 'requeue_after', seconds: number): void;
}

export interface KubernetesMetrics {
  /** `host` is the API server's, with its port. */
  requests(host: string): RequestMetrics;
  watch(resource: string): WatchMetrics;
  queue(name: string): QueueMetrics;
  reconciles(controller: string): ReconcileMetrics;
  leader(name: string): (leads: boolean) => void;
}

/** Registers all of the catalogue; once for a process. */
export function kubernetesMetrics(registry: Registry): KubernetesMetrics {
  const states: States = { caches: new Set(), queues: new Set() };
  const registered = registerMetrics(registry, kubernetesCatalog, collectorsOf(states));
  const { counter, gauge, histogram } = registered;
  return {
    ...clientMetrics(registered, states),
    queue: (name) => ({
      added: () => counter('workqueue_adds_total').inc({ name }),
      retried: () => counter('workqueue_retries_total').inc({ name }),
      started: (s) => histogram('workqueue_queue_duration_seconds').observe({ name }, s),
      worked: (s) => histogram('workqueue_work_duration_seconds').observe({ name }, s),
      show: (state) => void states.queues.add([name, state]),
    }),
    reconciles: (controller) => ({
      workers: (count) =>
        gauge('controller_runtime_max_concurrent_reconciles').set({ controller }, count),
      began: () => gauge('controller_runtime_active_workers').inc({ controller }),
      ended: (result, seconds) => {
        gauge('controller_runtime_active_workers').dec({ controller });
        counter('controller_runtime_reconcile_total').inc({ controller, result });
        const failed = result === 'error' ? 1 : 0;
        counter('controller_runtime_reconcile_errors_total').inc({ controller }, failed);
        histogram('controller_runtime_reconcile_time_seconds').observe({ controller }, seconds);
      },
    }),
    leader: (name) => (leads) =>
      gauge('leader_election_master_status').set({ name }, leads ? 1 : 0),
  };
}

type Shown<T> = readonly [label: string, state: () => T];
type States = {
  readonly caches: Set<Shown<{ readonly silentSeconds: number; readonly objects: number }>>;
  readonly queues: Set<Shown<{ readonly depth: number; readonly inWork: readonly number[] }>>;
};

function clientMetrics(
  { counter, histogram }: Registered<KubernetesMetricName>,
  { caches }: States,
): Pick<KubernetesMetrics, 'requests' | 'watch'> {
  return {
    requests: (host) => ({
      requested: ({ method, code, seconds }) => {
        counter('rest_client_requests_total').inc({ code, method, host });
        histogram('rest_client_request_duration_seconds').observe({ verb: method, host }, seconds);
      },
      repeated: (verb, code) =>
        counter('rest_client_request_retries_total').inc({ code, verb, host }),
      waited: (verb, seconds) =>
        histogram('rest_client_rate_limiter_duration_seconds').observe({ verb, host }, seconds),
    }),
    watch: (resource) => ({
      listed: () => counter('peerstorm_lists_total').inc({ resource }),
      watched: () => counter('peerstorm_watches_total').inc({ resource }),
      failed: (reason) => counter('peerstorm_watch_failures_total').inc({ resource, reason }),
      show: (state) => {
        const shown = [resource, state] as const;
        caches.add(shown);
        return () => void caches.delete(shown);
      },
    }),
  };
}

function collectorsOf({ caches, queues }: States): Collectors<KubernetesMetricName> {
  return {
    peerstorm_watch_silent_seconds: (metric) => {
      for (const [resource, same] of Map.groupBy(caches, ([name]) => name)) {
        metric.set({ resource }, Math.max(...same.map(([, state]) => state().silentSeconds)));
      }
    },
    peerstorm_cached_objects: (metric) => {
      for (const [resource, state] of caches) metric.inc({ resource }, state().objects);
    },
    workqueue_depth: (metric) => {
      for (const [name, state] of queues) metric.set({ name }, state().depth);
    },
    workqueue_unfinished_work_seconds: (metric) => {
      for (const [name, state] of queues) {
        metric.set(
          { name },
          state().inWork.reduce((sum, seconds) => sum + seconds, 0),
        );
      }
    },
    workqueue_longest_running_processor_seconds: (metric) => {
      for (const [name, state] of queues) metric.set({ name }, Math.max(0, ...state().inWork));
    },
  };
}
