import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { hurriedClock, refuse, reply, scriptedApi } from '../../../test/scripted-api.ts';
import { catalog } from '../../metrics/catalog.ts';
import { renderMetricsDoc } from '../../metrics/doc.ts';
import { kubernetesCatalog } from '../../metrics/kubernetes.ts';
import { resources } from './api.ts';
import { openApi } from './client.ts';
import { standForElection } from './leader.ts';
import { memoryServer } from './memory-api.ts';
import { kubernetesMetrics } from './metrics.ts';
import { createWorkQueue } from './work-queue.ts';
import { runWorkers } from './workers.ts';

/** A process that does everything once, seen in the middle of its work. */
async function scrape(): Promise<string> {
  const registry = new Registry();
  const metrics = kubernetesMetrics(registry);
  const clock = hurriedClock(31_000);
  const stop = new AbortController();
  let busy = true;
  await using server = await scriptedApi(({ query }, response) => {
    if (busy) refuse(response, 429, { headers: { 'retry-after': '1' } });
    else if (query['watch'] === undefined) {
      const metadata = { name: 'a', namespace: 'b', resourceVersion: '1' };
      reply(response, { metadata: { resourceVersion: '1' }, items: [{ metadata }] });
    } else refuse(response, 500);
    busy = false;
  });
  const failed = Promise.withResolvers<void>();
  const api = openApi(server.connection, {
    userAgent: 'test',
    fieldManager: 'test',
    clock,
    metrics,
    onProblem: () => failed.resolve(),
  });
  const cache = api.follow(resources.pods, {}, stop.signal);
  await cache.synced();
  await failed.promise;
  const leadership = standForElection({
    api: memoryServer().client('test'),
    lease: { namespace: 'b', name: 'l' },
    identity: 'one',
    clock: hurriedClock(1),
    onLost: () => undefined,
    leading: metrics.leader('peerstorm-controller'),
  });
  await leadership.elected;
  const queue = createWorkQueue({ clock, metrics: metrics.queue('testnet') });
  const inWork = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let tries = 0;
  const reconcile = async () => {
    tries += 1;
    if (tries === 1) throw new Error('first');
    inWork.resolve();
    await release.promise;
  };
  const options = { count: 2, reconcile, clock, onError: () => undefined };
  queue.add('b/a');
  const running = runWorkers(queue, stop.signal, {
    ...options,
    metrics: metrics.reconciles('testnet'),
  });
  await inWork.promise;
  clock.advance(3000);
  const text = await registry.metrics();
  stop.abort();
  release.resolve();
  await running;
  return text;
}

test('every metric is set by what it is about, with all of its labels', async () => {
  const text = await scrape();
  for (const { name, type, labels } of kubernetesCatalog) {
    const own = type === 'histogram' ? `${name}_sum` : name;
    const line = text.split('\n').find((each) => each.startsWith(`${own}{`));
    expect(line, name).toBeDefined();
    const set = [...(line ?? '').matchAll(/[{,](\w+)="/g)].map(([, label]) => label);
    expect(new Set(set), name).toEqual(new Set(labels));
  }
  for (const line of [
    'leader_election_master_status{name="peerstorm-controller"} 1',
    'workqueue_retries_total{name="testnet"} 1',
    'workqueue_adds_total{name="testnet"} 2',
    'workqueue_unfinished_work_seconds{name="testnet"} 3',
    'controller_runtime_reconcile_total{controller="testnet",result="error"} 1',
    'controller_runtime_active_workers{controller="testnet"} 1',
    'controller_runtime_max_concurrent_reconciles{controller="testnet"} 2',
    'peerstorm_watch_failures_total{resource="pods",reason="refused"} 1',
    'peerstorm_cached_objects{resource="pods"} 1',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

test.each(kubernetesCatalog.map((metric) => [metric.name, metric] as const))(
  '%s keeps the rules',
  (name, { type, labels, help, buckets }) => {
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(buckets !== undefined).toBe(type === 'histogram');
    expect(buckets ?? []).toEqual((buckets ?? []).toSorted((a, b) => a - b));
    expect(new Set(labels).size).toBe(labels.length);
    expect(help).toMatch(/^[A-Z0-9].*\.$/);
    expect(renderMetricsDoc().split(`| \`${name}\` |`)).toHaveLength(2);
  },
);

test('no name is in both catalogues', () => {
  const names = [...catalog, ...kubernetesCatalog].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
