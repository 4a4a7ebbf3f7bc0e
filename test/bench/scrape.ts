// The page of a run with 300 nodes: how long a scrape takes, and how long it keeps the run from its
// work. The nodes are one process that answers for all of them with the page of a reference node.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { expose, PropagationHistogram } from '../../node-image/measurements.ts';
import { initialState } from '../../src/decide/decide.ts';
import { kinds } from '../../src/kinds/index.ts';
import { targetsOf } from '../../src/observe/targets.ts';
import { askNode } from '../../src/runtime/node-request.ts';
import { createRunMetrics } from '../../src/supervisor/metrics.ts';
import { createPassThrough } from '../../src/supervisor/pass-through.ts';
import { planOf } from './network.ts';
import type { BenchResult } from './result.ts';

const nodes = 300;
const rounds = 10;
/** Longer than the same text is given out for. */
const pauseMs = 1_200;

export async function benchScrape(): Promise<BenchResult[]> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { stdio: ['ignore', 2, 2, 'ipc'] });
  try {
    const [port] = (await once(child, 'message')) as [number];
    return await measure(port);
  } finally {
    child.kill();
  }
}

async function measure(port: number): Promise<BenchResult[]> {
  const page = pageOf(port);
  const seconds: number[] = [];
  const stalls: number[] = [];
  const busy: number[] = [];
  let text = '';
  for (let round = 0; round < rounds; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const cpu = process.cpuUsage();
    const started = performance.now();
    text = await page();
    seconds.push((performance.now() - started) / 1000);
    const { user, system } = process.cpuUsage(cpu);
    busy.push((user + system) / 1000);
    delay.disable();
    stalls.push(delay.max / 1e6);
  }
  const shown = text.match(/^peerstorm_reference_height\{/gm)?.length ?? 0;
  const name = `page of ${nodes} nodes`;
  return [
    {
      name: `${name}: slowest of ${rounds} scrapes`,
      unit: 's',
      value: rounded(Math.max(...seconds)),
      most: 1,
    },
    {
      name: `${name}: longest stall of the run`,
      unit: 'ms',
      value: rounded(Math.max(...stalls)),
      most: 100,
    },
    { name: `${name}: mean CPU of a scrape`, unit: 'ms', value: rounded(mean(busy)) },
    { name: `${name}: nodes in the last one`, unit: '', value: shown, least: nodes },
    { name: `${name}: size`, unit: 'MiB', value: rounded(text.length / 2 ** 20) },
  ];
}

/** As supervisor/backend.ts puts it together. */
function pageOf(port: number): () => Promise<string> {
  const plan = planOf(nodes);
  const { testnet } = plan;
  const targets = targetsOf(plan, { kinds, dataDirectory: (node) => node });
  const metrics = createRunMetrics({ testnet, runtime: 'local', version: '' });
  const observation = { peers: [], reorgs: { count: 0, depths: [] } };
  const passThrough = createPassThrough({
    testnet,
    targets,
    request: (node, request, signal) => {
      const index = plan.nodes.findIndex(({ name }) => name === node);
      const address = `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
      return askNode(address, { ...request, port }, signal);
    },
    answer: () => ({ at: 0, observation }),
    onFailure: metrics.unread,
  });
  return async () => {
    const { text, leftOut } = await passThrough.text(plan.nodes);
    const own = await metrics.render({
      plan,
      state: initialState(plan),
      world: { nodes: new Map(), enforcement: [] },
      sample: undefined,
      answers: () => observation,
      nodeStates: plan.nodes.map(() => 'ready'),
      faults: [],
      leftOutSeries: leftOut,
    });
    return `${own}\n${text}`;
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

async function serve(): Promise<void> {
  const none = { '': 0 };
  const way = { gossip: 1, sync: 2, mined: 3 };
  const result = { succeeded: 4, failed: 0 };
  const both = { received: 5, sent: 6 };
  const page = expose(
    {
      peerstorm_reference_height: none,
      peerstorm_reference_orphans: none,
      peerstorm_reference_peers: { inbound: 4, outbound: 4 },
      peerstorm_reference_round_trip_seconds: none,
      peerstorm_reference_blocks_total: way,
      peerstorm_reference_block_lateness_seconds_total: none,
      peerstorm_reference_invalid_blocks_total: none,
      peerstorm_reference_reorgs_total: none,
      peerstorm_reference_reorg_blocks_total: none,
      peerstorm_reference_dials_total: result,
      peerstorm_reference_dropped_peers_total: none,
      peerstorm_reference_syncs_total: result,
      peerstorm_reference_gossip_messages_total: both,
      peerstorm_reference_gossip_duplicates_total: none,
      peerstorm_reference_traffic_bytes_total: both,
      peerstorm_reference_cpu_seconds_total: none,
      peerstorm_reference_resident_memory_bytes: none,
    },
    new PropagationHistogram(),
  );
  const server = createServer((_, response) => response.end(page)).listen(0, '0.0.0.0');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
}

if (process.argv[2] === 'serve') await serve();
