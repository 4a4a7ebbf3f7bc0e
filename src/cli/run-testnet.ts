// Runs a testnet in the foreground, from the plan to the report and the exit status.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import type { Report } from '../report/result.ts';
import { releaseRunDirectory } from '../session/state-directory.ts';
import { openJournal } from '../supervisor/journal.ts';
import { runInMemory } from '../supervisor/memory-run.ts';
import { findBundles } from './bundles.ts';
import { type Front, onStopSignals, startSupervisor } from './front.ts';
import { serveMetrics } from './metrics-server.ts';
import { buildsPage, openPage, type PageRequest } from './page.ts';
import { writePrometheusFiles } from './prometheus-files.ts';
import { type Problem, writeReport } from './report-directory.ts';
import type { Terminal } from './terminal.ts';
import { versions } from './version.ts';
import { renderSummary } from './view/summary.ts';
import { openView, type View } from './view/view.ts';

export type RunRequest = {
  readonly plan: Plan;
  readonly specText: string;
  readonly specFile: string;
  readonly keep: boolean;
  readonly failFast: boolean;
  readonly timeoutMs?: number;
  /** Absolute; without it no report is written. */
  readonly report?: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Absent: no page. */
  readonly page?: PageRequest;
  /** Write what Prometheus and Grafana need to show the run. */
  readonly prometheus?: boolean;
  readonly quiet: boolean;
  readonly terminal: Terminal;
};

/** How long a supervisor that was told to stop may take. */
const stopLimitMs = 20_000;

export async function runLocally(request: RunRequest): Promise<number> {
  const { plan, terminal, specText, specFile, keep, failFast, timeoutMs } = request;
  const bundles = await findBundles(() => terminal.note('preparing the reference node (once) ...'));
  const options = { keep, failFast, specFile, bundles, versions: await versions() };
  const timed = timeoutMs === undefined ? options : { ...options, timeoutMs };
  // Its report and its exit status are wanted, also when `| head` has seen enough.
  terminal.outliveReader();
  const stopping = listen();
  const front = await startSupervisor(plan, timed, specText);
  const view = openView({ plan, terminal, quiet: request.quiet });
  try {
    stopping.attach(front, view);
    const problem = (await front.contact()) ?? (await follow(front, view, request));
    // The live view clears what it drew: before the summary, not after.
    view.close();
    return await conclude(request, {
      directory: front.directory,
      problems: problem === undefined ? [] : [stopping.reason() ?? problem],
    });
  } finally {
    view.close();
    await front.close();
    await releaseRunDirectory(plan.testnet);
    stopping.off();
  }
}

/** Shows what happens until the supervisor has ended. Gives what it could not say itself. */
async function follow(
  front: Front,
  view: View,
  { listen, prometheus, page: wanted, plan: { testnet } }: RunRequest,
): Promise<Problem | undefined> {
  await using metrics = await serveMetrics(front.session, listen);
  view.note(`metrics: ${metrics.url}`);
  if (prometheus === true) {
    const folder = await writePrometheusFiles(front.directory, metrics.url);
    view.note(`for Prometheus: ${folder}/prometheus.yml`);
    view.note(`both with Grafana: docker compose -f ${folder}/compose.yaml up`);
  }
  await writeFile(join(front.directory, 'metrics.url'), `${metrics.url}\n`);
  const onBuild = () => view.note(buildsPage);
  await using page = wanted && (await openPage(front.session, { ...wanted, testnet, onBuild }));
  if (page !== undefined) {
    view.pin(`page: ${page.url}`);
    await writeFile(join(front.directory, 'page.url'), `${page.url}\n`);
  }
  const quiet = new AbortController();
  const watching = (async () => {
    for await (const item of front.session.watch(quiet.signal)) view.show(item);
  })().catch(() => undefined);
  const problem = await front.verdict();
  quiet.abort();
  await watching;
  return problem;
}

/** Signals that come before there is anything to stop are kept for then. */
function listen() {
  let reason: Problem | undefined;
  let running: { readonly front: Front; readonly view: View } | undefined;
  const stop = () => {
    if (running === undefined || reason === undefined) return;
    const { front, view } = running;
    view.note(`${reason.message}; stopping (again to force)`);
    front.session.down(reason).catch(() => front.kill());
    setTimeout(front.kill, stopLimitMs).unref();
  };
  const off = onStopSignals({
    stop: (asked) => {
      reason = asked;
      stop();
    },
    force: () => running?.front.kill(),
  });
  return {
    off,
    reason: () => reason,
    attach: (front: Front, view: View) => {
      running = { front, view };
      stop();
    },
  };
}

export async function runOnMemory(request: RunRequest): Promise<number> {
  const { plan, specText, specFile, failFast, timeoutMs } = request;
  const directory = await mkdtemp(join(tmpdir(), 'peerstorm-'));
  try {
    await writeFile(join(directory, 'plan.json'), JSON.stringify(plan));
    await writeFile(join(directory, 'spec.yaml'), specText);
    const options = { keep: false, failFast, specFile, versions: await versions() };
    const timed = timeoutMs === undefined ? options : { ...options, timeoutMs };
    using journal = openJournal(directory);
    await runInMemory(plan, timed, { journal });
    return await conclude(request, { directory, problems: [] });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Writes the report, shows the verdict, gives the exit status. */
export async function conclude(
  { plan, report: target, terminal }: Pick<RunRequest, 'plan' | 'report' | 'terminal'>,
  run: { readonly directory: string; readonly problems: readonly Problem[] },
): Promise<number> {
  const wanted = target ?? join(run.directory, 'report');
  let report: Report;
  try {
    report = await writeReport(run.directory, wanted, run.problems);
  } catch (error) {
    terminal.note(`the report could not be written: ${messageOf(error)}`);
    return run.problems[0]?.exit ?? 3;
  }
  terminal.out(
    renderSummary(report, {
      plan,
      color: terminal.outColor,
      width: terminal.columns,
      ...(target === undefined ? {} : { directory: target }),
    }),
  );
  return report.exitCode;
}
