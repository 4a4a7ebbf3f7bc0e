// What it costs to serve the page: CPU time of answering for a run over its socket, asking once a
// second, finding what has changed, and writing it to one reader. What 300 simulated nodes say is
// recorded first, so that the simulation itself is not counted; nor is the browser.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kinds } from '../../src/kinds/index.ts';
import { planTestnet } from '../../src/plan/plan-testnet.ts';
import type { GraphView, NodeStatus, Session, Status } from '../../src/session/session.ts';
import { openSession } from '../../src/session/socket-session.ts';
import { testnet } from '../../src/spec/schema.ts';
import { runInMemory } from '../../src/supervisor/memory-run.ts';
import { serveSession } from '../../src/supervisor/server.ts';
import { followSession } from '../../src/web/live.ts';
import { servePage } from '../../src/web/server.ts';
import type { BenchResult } from './result.ts';

const nodes = 300;
const recordedSeconds = 20;
/** For how long it is played. */
const seconds = 200;

type Moment = {
  readonly status: Status;
  readonly nodes: readonly NodeStatus[];
  readonly graph: GraphView;
};

export async function benchPage(): Promise<BenchResult[]> {
  const idle = await costOf(await record('1h'));
  const busy = await costOf(await record('1s'));
  const name = `page of ${nodes} nodes`;
  return [
    { name: `${name}: idle, share of a core`, unit: '%', value: idle.percent, most: 1 },
    { name: `${name}: a block each second, share of a core`, unit: '%', value: busy.percent },
    { name: `${name}: a block each second, sent`, unit: 'KB/s', value: busy.kilobytes },
  ];
}

async function record(blockInterval: string): Promise<readonly Moment[]> {
  const { plan } = planTestnet(specWith(blockInterval), kinds);
  if (plan === undefined) throw new TypeError('the spec has problems');
  const moments: Moment[] = [];
  const journal = {
    replace: () => undefined,
    sample: () => undefined,
    event: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
  const options = { keep: false, failFast: false, specFile: 'bench', versions: {} };
  await runInMemory(plan, options, {
    journal,
    during: async ({ session, clock }) => {
      while (((await session.status()).elapsed ?? -1) < 3) await clock.sleep(200);
      for (let second = 0; second < recordedSeconds; second += 1) {
        await clock.sleep(1_000);
        const [status, nodes, graph] = [
          await session.status(),
          await session.nodes(),
          await session.graph(),
        ];
        moments.push(structuredClone({ status, nodes, graph }));
      }
    },
  });
  return moments;
}

function specWith(blockInterval: string) {
  return testnet.parse({
    apiVersion: 'peerstorm.dev/v1alpha1',
    kind: 'Testnet',
    metadata: { name: 'bench-page' },
    spec: {
      duration: `${recordedSeconds + 5}s`,
      groups: [
        { name: 'boot', count: 2, kind: 'reference', bootstrap: true },
        { name: 'miner', count: 8, kind: 'reference', role: 'miner', config: { blockInterval } },
        { name: 'full', count: nodes - 10, kind: 'reference' },
      ],
      topology: { model: 'random-regular', degree: 14 },
    },
  });
}

async function costOf(moments: readonly Moment[]) {
  const folder = await mkdtemp(join(tmpdir(), 'peerstorm-bench-'));
  for (const file of ['index.html', 'page.js', 'page.css']) await writeFile(join(folder, file), '');
  try {
    const socket = join(folder, 'control.sock');
    await using _supervisor = await serveSession(playing(moments), socket);
    const before = process.cpuUsage();
    const options = { testnet: 'bench-page', control: false };
    const source = followSession(openSession(socket), options, new AbortController().signal);
    await using page = await servePage(source, { folder, port: 0 });
    const response = await fetch(`${page.url}events`);
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of response.body ?? []) bytes += chunk.length;
    })().catch(() => undefined);
    await source.done;
    const { user, system } = process.cpuUsage(before);
    await page[Symbol.asyncDispose]();
    await reading;
    const percent = (user + system) / 1e6 / seconds;
    return {
      percent: Number((100 * percent).toFixed(2)),
      kilobytes: Math.round(bytes / 1000 / seconds),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same over and over, in the order forwards and backwards; time goes on. */
function playing(moments: readonly Moment[]): Session {
  const all = [...moments, ...moments.toReversed()];
  let now = all[0];
  const missing = () => Promise.reject(new TypeError('not asked for'));
  return {
    ...{ exec: missing, applyFault: missing, faults: missing, clearFaults: missing },
    ...{ state: missing, metrics: missing, down: missing, logs: async function* () {} },
    status: async () => now?.status ?? missing(),
    nodes: async () => now?.nodes ?? [],
    graph: async () => now?.graph ?? { nodes: [], edges: [] },
    watch: async function* () {
      for (let second = 0; second < seconds; second += 1) {
        now = all[second % all.length];
        if (now !== undefined) yield { status: { ...now.status, elapsed: second } };
        // Until it has been asked for the rest.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}
