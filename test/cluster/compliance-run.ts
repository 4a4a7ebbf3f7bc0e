// Runs a case on the cluster as `peerstorm test --runtime kubernetes` does.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterRunRequest, runOnCluster } from '../../src/cli/cluster-run.ts';
import { loadSpec } from '../../src/cli/load-spec.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Report } from '../../src/report/result.ts';
import { bindToPods } from '../../src/runtime/kubernetes/surroundings.ts';
import { openCluster } from '../../src/session/cluster.ts';
import { clusterSession } from '../../src/session/cluster-session.ts';
import type { Session } from '../../src/session/session.ts';
import { type Outcome, outcomeIn, type RunCase } from '../compliance/harness.ts';
import { type Storm, signalPod } from './harness.ts';

/** As long as any command that nobody gives a limit. */
const limitMs = 300_000;
let runs = 0;

export async function runCaseOnCluster(storm: Storm, wanted: RunCase): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'peerstorm-case-'));
  try {
    return await runIn(folder, storm, wanted);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, storm: Storm, wanted: RunCase): Promise<Outcome> {
  runs += 1;
  const name = `case-${runs}`;
  const said: string[] = [];
  const file = join(folder, 'case.yaml');
  await writeFile(file, wanted.spec.replace('{ name: case }', `{ name: ${name} }`));
  const terminal = terminalTo(said);
  const loaded = await loadSpec(file, terminal, { runtime: 'kubernetes' });
  if (loaded === undefined) throw new TypeError(said.join('\n'));
  const { kubeconfig, namespace } = storm;
  const cluster = await openCluster({ kubeconfig, namespace }, 'test');
  const report = join(folder, 'report');
  const { failFast = false, timeoutMs = limitMs, during } = wanted;
  const request: ClusterRunRequest = {
    testnet: loaded.spec,
    document: loaded.document,
    plan: bindToPods(loaded.plan),
    specText: loaded.text,
    specFile: 'case.yaml',
    until: 'verdict',
    keep: false,
    failFast,
    timeoutMs,
    report,
    quiet: true,
    terminal,
  };
  const stops = { reason: () => undefined, force: new AbortController().signal };
  let over = false;
  const running = runOnCluster(cluster, request, stops).finally(() => {
    over = true;
  });
  const session = clusterSession(cluster, name);
  const meanwhile = async () => {
    if (during === undefined || !(await begins(session, () => over))) return;
    await during({
      session,
      plan: loaded.plan,
      sleep: (ms) => sleep(ms),
      hold: (work) => work,
      crash: async (node) => signalPod(await storm.pod(name, node), 'SIGKILL'),
      freeze: () => Promise.reject(new TypeError('the controller has other runs, too')),
    });
  };
  const results = await Promise.allSettled([running, meanwhile()]);
  for (const result of results) {
    if (result.status === 'rejected') {
      throw new TypeError(`${result.reason}\n${said.join('\n')}`, { cause: result.reason });
    }
  }
  const read = async <T>(part: string): Promise<T> =>
    JSON.parse(await readFile(join(report, part), 'utf8'));
  const plan = await read<Plan>('plan.json');
  return await outcomeIn(report, { plan, report: await read<Report>('report.json') });
}

/** Whether the controller has begun it, before all is over. */
async function begins(session: Session, isOver: () => boolean): Promise<boolean> {
  while (!isOver()) {
    const nodes = await session.nodes().catch(() => undefined);
    if (nodes !== undefined) return true;
    await sleep(100);
  }
  return false;
}

function terminalTo(said: string[]): Terminal {
  const say = (text: string) => void said.push(text);
  const plain = { interactive: false, color: false, outColor: false, columns: 100 };
  return { ...plain, out: say, note: say, outliveReader: () => undefined };
}
