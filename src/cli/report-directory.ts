// From a run directory to a report directory. It works on whatever a run left behind, so a run
// that was killed has its report too: what it lacks is said in it.
import { createReadStream } from 'node:fs';
import {
  access,
  constants,
  copyFile,
  mkdir,
  readFile,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { initialState } from '../decide/decide.ts';
import type { RunState } from '../decide/state.ts';
import { restoreState, type StoredState } from '../decide/stored.ts';
import { fail, messageOf } from '../errors.ts';
import type { Plan, PlannedFault } from '../plan/plan.ts';
import { buildReport, type Evidence } from '../report/build.ts';
import { reportFiles } from '../report/files.ts';
import type { HistoryLine, RunRecord } from '../report/history.ts';
import type { ObservedFault, ReportedNode, Validity } from '../report/parts.ts';
import type { Report } from '../report/result.ts';
import type { TimelineEvent } from '../session/session.ts';

export type Problem = RunState['problems'][number];

/**
 * Makes the report directory before anything starts: a run without a place for it is no use. If
 * nothing has come into it by the end, because the run was refused, what was made goes again.
 */
export async function claimReportDirectory(target: string): Promise<AsyncDisposable> {
  const made: string[] = [];
  try {
    await makeDirectory(target, made);
    await access(target, constants.W_OK);
  } catch (error) {
    await removeEmpty(made);
    throw fail('REPORT_UNWRITABLE', `no report can go to ${target}: ${messageOf(error)}`, error);
  }
  return { [Symbol.asyncDispose]: () => removeEmpty(made) };
}

/** Level by level: where a parent denies that it is there (/proc), Node's own never ends. */
async function makeDirectory(path: string, made: string[]): Promise<void> {
  const isThere = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isThere) return;
  if (dirname(path) !== path) await makeDirectory(dirname(path), made);
  await mkdir(path);
  made.push(path);
}

/** As far as nothing is in them, the innermost first. */
async function removeEmpty(made: readonly string[]): Promise<void> {
  for (const path of made.toReversed()) {
    const isGone = await rmdir(path).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
  }
}

/** Writes the report directory and returns the report. `seen`: problems of the front process. */
export async function writeReport(
  runDirectory: string,
  target: string,
  seen: readonly Problem[],
): Promise<Report> {
  const run = await readRun(runDirectory, seen);
  const report = buildReport(run.evidence);
  const [uplotJs, uplotCss] = await uplot();
  const { plan, history, timeline } = run;
  const specFile = run.evidence.run.specFile;
  const files = reportFiles({ report, plan, history, specFile, timeline, uplotJs, uplotCss });
  await mkdir(target, { recursive: true });
  for (const [path, content] of Object.entries(files)) await writeFile(join(target, path), content);
  await copyFile(join(runDirectory, 'spec.yaml'), join(target, 'spec.yaml')).catch(ignoreMissing);
  for (const name of ['timeline.jsonl', 'samples.jsonl', 'events.jsonl', 'supervisor.log']) {
    await copyFile(join(runDirectory, name), join(target, name)).catch(ignoreMissing);
  }
  await mkdir(join(target, 'logs'), { recursive: true });
  for (const { log } of report.nodes) {
    await copyFile(join(runDirectory, log), join(target, log)).catch(ignoreMissing);
  }
  return report;
}

async function readRun(directory: string, seen: readonly Problem[]) {
  const original = await readJson<Plan>(directory, 'plan.json');
  if (original === undefined) throw new TypeError(`${directory} has no plan`);
  const faults = (await readJson<PlannedFault[]>(directory, 'added.json')) ?? original.faults;
  const plan = { ...original, faults };
  const stored = await readJson<StoredState>(directory, 'state.json');
  const known = stored ? restoreState(plan, stored) : initialState(plan);
  const state = { ...known, problems: [...known.problems, ...seen] };
  const history = await readLines<HistoryLine>(directory, 'samples.jsonl');
  const timeline = await readLines<TimelineEvent>(directory, 'timeline.jsonl');
  const run: RunRecord = (await readJson<RunRecord>(directory, 'run.json')) ?? {
    runtime: 'local',
    specFile: '',
    startedAt: new Date().toISOString(),
    versions: {},
  };
  const evidence: Evidence = {
    plan,
    state,
    run,
    faults: (await readJson<ObservedFault[]>(directory, 'faults.json')) ?? [],
    validity: (await readJson<Validity[]>(directory, 'validity.json')) ?? [],
    nodes: (await readJson<ReportedNode[]>(directory, 'nodes.json')) ?? unknownNodes(plan),
    history,
  };
  return { plan, history, timeline, evidence };
}

function unknownNodes(plan: Plan): readonly ReportedNode[] {
  const kinds = new Map(plan.groups.map(({ name, kind }) => [name, kind]));
  return plan.nodes.map(({ name, group, region, address }) => ({
    name,
    group,
    kind: kinds.get(group) ?? '',
    region,
    address,
    state: 'unknown',
    restarts: 0,
    log: `logs/${name}.log`,
  }));
}

async function uplot(): Promise<readonly [js: string, css: string]> {
  const dist = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css'));
  return [
    await readFile(join(dist, 'uPlot.iife.min.js'), 'utf8'),
    await readFile(join(dist, 'uPlot.min.css'), 'utf8'),
  ];
}

export async function readJson<T>(directory: string, name: string): Promise<T | undefined> {
  const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

/** The last line of a killed run may be torn: it is left out. */
export async function readLines<T>(directory: string, name: string): Promise<readonly T[]> {
  const input = createReadStream(join(directory, name));
  const values: T[] = [];
  let last = '';
  const keep = () => {
    if (last !== '') values.push(JSON.parse(last) as T);
  };
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      keep();
      last = line;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    keep();
  } catch {
    // torn
  }
  return values;
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
