// The metrics of the processes on Kubernetes, as data: controller and agents as clients of the API
// server. Names and labels are those of client-go and controller-runtime where they have one, so
// that the dashboards and alerts that everybody has work here too.
import { counter, gauge, histogram, type Metric, named, type Row } from './row.ts';

const requestSeconds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const workSeconds = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60, 600];

const rows = {
  rest_client_requests_total: counter(
    'Requests to the API server, by status; <error> where no answer came.',
    ['code', 'method', 'host'],
  ),
  rest_client_request_retries_total: counter(
    'Requests that were repeated, by what the try before ended with.',
    ['code', 'verb', 'host'],
  ),
  rest_client_request_duration_seconds: histogram(
    'Until the headers of the answer.',
    ['verb', 'host'],
    requestSeconds,
  ),
  rest_client_rate_limiter_duration_seconds: histogram(
    "How long requests waited for the client's own rate limit.",
    ['verb', 'host'],
    requestSeconds,
  ),
  workqueue_depth: gauge('Keys that wait for a worker.', ['name']),
  workqueue_adds_total: counter('Keys that were queued.', ['name']),
  workqueue_retries_total: counter('Keys that came back because their work failed.', ['name']),
  workqueue_queue_duration_seconds: histogram(
    'How long keys waited for a worker.',
    ['name'],
    workSeconds,
  ),
  workqueue_work_duration_seconds: histogram('How long a worker had a key.', ['name'], workSeconds),
  workqueue_unfinished_work_seconds: gauge(
    'Sum of the seconds that the keys in work have been there.',
    ['name'],
  ),
  workqueue_longest_running_processor_seconds: gauge(
    'Seconds that the oldest key in work has been there.',
    ['name'],
  ),
  controller_runtime_reconcile_total: counter(
    'Reconciliations by result: success, error or requeue_after.',
    ['controller', 'result'],
  ),
  controller_runtime_reconcile_errors_total: counter('Reconciliations that failed.', [
    'controller',
  ]),
  controller_runtime_reconcile_time_seconds: histogram(
    'How long a reconciliation took.',
    ['controller'],
    workSeconds,
  ),
  controller_runtime_active_workers: gauge('Workers that have a key.', ['controller']),
  controller_runtime_max_concurrent_reconciles: gauge('Workers in all.', ['controller']),
  leader_election_master_status: gauge('1 while this process leads, else 0.', ['name']),
  peerstorm_lists_total: counter('Full lists of a watched resource.', ['resource']),
  peerstorm_watches_total: counter('Watches that were opened.', ['resource']),
  peerstorm_watch_failures_total: counter(
    'Lists and watches that failed: expired, silent, cut or refused.',
    ['resource', 'reason'],
  ),
  peerstorm_watch_silent_seconds: gauge(
    'Seconds since the API server was last heard of the resource; it speaks once a minute.',
    ['resource'],
  ),
  peerstorm_cached_objects: gauge('Objects in the cache of the resource.', ['resource']),
} as const satisfies Record<string, Row>;

export type KubernetesMetricName = keyof typeof rows;
export const kubernetesCatalog: readonly Metric<KubernetesMetricName>[] = named(rows);
