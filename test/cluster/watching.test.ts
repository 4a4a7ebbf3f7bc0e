// Watching on a cluster: a real Prometheus finds controller and agents by the chart's own monitors,
// and every panel that applies has data; the live page shows the network from the cluster's data.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { findProgram } from '../../src/runtime/local/programs.ts';
import { until as comes, openBrowser, openPageAt, positionsIn } from '../page/browser.ts';
import { hasData, queriesFor } from '../prometheus/panels.ts';
import {
  apiAt,
  type Queries,
  queriesOf,
  type Started,
  start,
  stop,
} from '../prometheus/watcher.ts';
import { requireTier } from '../require.ts';
import { inItsNetwork } from './cluster.ts';
import { chartFolder, hasHost, helm, installChart, release, Storm } from './harness.ts';
import { scrapeConfigs } from './monitors.ts';

const hasPrograms = await Promise.all(['prometheus', 'chromium'].map(findProgram)).then(
  () => true,
  () => false,
);
const available =
  hasHost('test/cluster/watching.test.ts') &&
  requireTier('watching on a cluster', hasPrograms, 'needs prometheus and chromium');
const root = join(import.meta.dirname, '../..');
const dataLimitMs = 180_000;

describe.runIf(available)('of a testnet on a cluster', { timeout: 300_000 }, () => {
  const started = Date.now() / 1_000;
  const clusterFolder = process.env['PEERSTORM_TEST_CLUSTER'] ?? '';
  let folder: string;
  let storm: Storm;
  let prometheus: Started;
  let queries: Queries;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'watching-'));
    await installChart();
    storm = await Storm.create('watching');
    const config = join(folder, 'prometheus.yml');
    const scrapes = await scrapeConfigs(await monitors());
    writeFileSync(config, JSON.stringify({ scrape_configs: scrapes }));
    const server = JSON.parse(readFileSync(storm.kubeconfig, 'utf8')).clusters[0].cluster.server;
    const address = `${new URL(server).hostname}:9090`;
    const [program = '', ...args] = inItsNetwork(clusterFolder, [
      'prometheus',
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      `--web.listen-address=${address}`,
    ]);
    prometheus = start(program, args);
    queries = queriesOf(await apiAt(`http://${address}`, prometheus), started);
    await storm.apply(readFileSync(join(root, 'test/prometheus/watched.yaml'), 'utf8'));
  }, 200_000);
  afterAll(async () => {
    if (prometheus !== undefined) await stop(prometheus.child);
    await storm?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);

  test('the page has the graph, the nodes and the faults', async () => {
    await storm.until('ready', 120_000, async () => {
      return (await storm.status('watched'))?.startedAt !== undefined;
    });
    const place = ['--kubeconfig', storm.kubeconfig, '--namespace', storm.namespace];
    const watch = start('bin/peerstorm', [
      'watch',
      'watched',
      '--runtime',
      'kubernetes',
      ...place,
      '--web',
    ]);
    const browser = await openBrowser();
    try {
      const address = () => /page: (http:\S+)/.exec(watch.said())?.[1];
      await comes(async () => address() !== undefined || watch.child.exitCode !== null);
      const url = address();
      if (url === undefined) throw new TypeError(`no page: ${watch.said()}`);
      await using open = await openPageAt(browser, url);
      await open.page.waitForSelector('canvas');
      await comes(async () => (await positionsIn(open.page)).length === 11);
      const shown = await open.page.locator('body').innerText();
      for (const text of [
        'watched',
        'split',
        'flaky',
        'eclipse',
        'miner-3',
        'the network is cut',
      ]) {
        expect(shown).toContain(text);
      }
      expect(open.complaints).toEqual([]);
    } finally {
      await browser.close();
      await stop(watch.child);
    }
  });

  test('Prometheus finds the controller and the agent by the monitors of the chart', async () => {
    const targets = z.object({
      activeTargets: z.array(
        z.object({ health: z.string(), labels: z.record(z.string(), z.string()) }),
      ),
    });
    await comes(async () => {
      const { activeTargets } = targets.parse(await queries.api('targets'));
      const up = activeTargets.filter(({ health }) => health === 'up');
      const jobs = new Set(up.map(({ labels }) => labels['job']));
      const wanted = ['peerstorm-agent', 'peerstorm-controller'];
      return up.length === 2 && wanted.every((job) => jobs.has(job));
    });
  });

  test('every panel has data', async () => {
    const wanted = [...queriesFor('watched'), ...queriesFor('kubernetes')];
    let missing = wanted;
    for (const end = Date.now() + dataLimitMs; missing.length > 0 && Date.now() < end; ) {
      const found = await Promise.all(missing.map(([, expr]) => hasData(queries, expr)));
      missing = missing.filter((_, at) => found[at] !== true);
      await sleep(1_000);
    }
    expect(missing).toEqual([]);
    const testnets = await queries.labelValues('testnet', 'peerstorm_testnet_info');
    expect(testnets).toContain('watched');
  });
});

/** The chart, where the operator's definitions are. */
async function monitors(): Promise<string> {
  const kinds = ['ServiceMonitor', 'PodMonitor'];
  const apis = kinds.flatMap((kind) => ['--api-versions', `monitoring.coreos.com/v1/${kind}`]);
  const often = ['--set', 'serviceMonitor.interval=2s,podMonitor.interval=2s'];
  const where = ['--namespace', release.namespace];
  return await helm(['template', release.name, chartFolder, ...where, ...apis, ...often]);
}
