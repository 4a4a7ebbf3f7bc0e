// Runs one spec on one runtime from text to report, as the command line does, and hands out what a
// case may look at. A case is written once and runs on every runtime.
import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findBundles } from '../../src/cli/bundles.ts';
import { startSupervisor } from '../../src/cli/front.ts';
import { writeReport } from '../../src/cli/report-directory.ts';
import { kinds } from '../../src/kinds/index.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { planTestnet } from '../../src/plan/plan-testnet.ts';
import type { HistoryLine } from '../../src/report/history.ts';
import type { Report } from '../../src/report/result.ts';
import type { Session, TimelineEvent } from '../../src/session/session.ts';
import { releaseRunDirectory, stateDirectory } from '../../src/session/state-directory.ts';
import { parseSpec } from '../../src/spec/parse.ts';
import { formatProblems } from '../../src/spec/problems.ts';
import { openJournal } from '../../src/supervisor/journal.ts';
import { runInMemory } from '../../src/supervisor/memory-run.ts';
import { processesOf } from '../processes.ts';

export type RuntimeName = 'memory' | 'local' | 'kubernetes';

/** What a case may do while its run goes on. */
export type During = {
  readonly session: Session;
  /** Of the run as it goes on under its own name. */
  readonly plan: Plan;
  /** Waits, on the time of the run. */
  readonly sleep: (ms: number) => Promise<void>;
  /** For work that takes real time, such as that of a browser: virtual time waits for it. */
  readonly hold: <T>(work: Promise<T>) => Promise<T>;
  /** Ends a node as if it had died by itself. */
  readonly crash: (node: string) => Promise<void>;
  /** Stops the supervisor itself for a while; real runtimes only. */
  readonly freeze: (ms: number) => Promise<void>;
};

export type RunCase = {
  readonly spec: string;
  readonly failFast?: boolean;
  readonly timeoutMs?: number;
  readonly during?: (during: During) => Promise<void>;
};

export type Outcome = {
  readonly report: Report;
  readonly plan: Plan;
  readonly timeline: readonly TimelineEvent[];
  readonly history: readonly HistoryLine[];
  /** samples.jsonl as it was written. */
  readonly samples: string;
};

let runs = 0;
/** Of the local ones. */
let underWay = 0;

/** On this machine. */
export async function runCase(runtime: 'memory' | 'local', wanted: RunCase): Promise<Outcome> {
  const plan = planOf(wanted.spec);
  if (runtime === 'memory') return await inMemory(plan, wanted);
  runs += 1;
  return await locally({ ...plan, testnet: `case-${process.pid}-${runs}` }, wanted);
}

function planOf(text: string): Plan {
  let plan: Plan | undefined;
  const { problems } = parseSpec(text, 'case.yaml', (spec) => {
    const planned = planTestnet(spec, kinds);
    plan = planned.plan;
    return planned.problems;
  });
  if (plan === undefined) throw new TypeError(formatProblems(problems, { text }));
  return plan;
}

const versions = { peerstorm: 'test' };

async function inMemory(plan: Plan, wanted: RunCase): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), 'peerstorm-case-'));
  try {
    await mkdir(join(directory, 'logs'));
    await writeFile(join(directory, 'plan.json'), JSON.stringify(plan));
    const options = { ...optionsOf(wanted), specFile: 'case.yaml', versions };
    {
      using journal = openJournal(directory);
      await runInMemory(plan, options, {
        journal,
        during: async ({ session, crash, clock }) => {
          await wanted.during?.({
            session,
            plan,
            sleep: (ms) => clock.sleep(ms),
            hold: (work) => clock.hold(work),
            crash: async (node) => crash(nodeNamed(plan, node)),
            freeze: () => Promise.reject(new TypeError('virtual time has no supervisor')),
          });
        },
      });
    }
    const report = await writeReport(directory, join(directory, 'report'), []);
    return await outcomeIn(directory, { plan, report });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function locally(plan: Plan, wanted: RunCase): Promise<Outcome> {
  // Our own, so that nothing is mixed with testnets of whoever runs the tests.
  process.env['PEERSTORM_STATE_DIR'] ??= join(tmpdir(), `peerstorm-cases-${process.pid}`);
  underWay += 1;
  const bundles = await findBundles(() => undefined);
  const options = { ...optionsOf(wanted), specFile: 'case.yaml', bundles, versions };
  const front = await startSupervisor(plan, options, wanted.spec);
  try {
    const { directory, session } = front;
    const refused = await front.contact();
    const during = refused
      ? undefined
      : wanted.during?.({
          session,
          plan,
          sleep: (ms) => wait(ms),
          hold: (work) => work,
          crash: async (node) => signalOne(directory, node, 'SIGKILL'),
          freeze: async (ms) => {
            signalOne(directory, 'supervisor', 'SIGSTOP');
            await wait(ms);
            signalOne(directory, 'supervisor', 'SIGCONT');
          },
        });
    const problem = await front.verdict();
    await during;
    const problems = [refused ?? problem].filter((one) => one !== undefined);
    const report = await writeReport(directory, join(directory, 'report'), problems);
    return await outcomeIn(directory, { plan, report });
  } finally {
    await front.close();
    await releaseRunDirectory(plan.testnet);
    underWay -= 1;
    // Others claim their names in it.
    if (underWay === 0) await rmdir(stateDirectory()).catch(() => undefined);
  }
}

function signalOne(directory: string, which: string, signal: NodeJS.Signals): void {
  const [only, ...more] = processesOf(directory).filter(
    ({ name, part }) => name === which || part === which,
  );
  if (only === undefined || more.length > 0) throw new TypeError(`not one process: ${which}`);
  process.kill(only.pid, signal);
}

function optionsOf({ failFast = false, timeoutMs }: RunCase) {
  return { keep: false, failFast, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

/** The run in a directory. */
export async function outcomeIn(
  directory: string,
  known: Pick<Outcome, 'plan' | 'report'>,
): Promise<Outcome> {
  const text = (name: string) => readFile(join(directory, name), 'utf8').catch(() => '');
  const read = async <T>(name: string) =>
    (await text(name))
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as T);
  return {
    ...known,
    timeline: await read<TimelineEvent>('timeline.jsonl'),
    history: await read<HistoryLine>('samples.jsonl'),
    samples: await text('samples.jsonl'),
  };
}

function nodeNamed(plan: Plan, name: string) {
  const node = plan.nodes.find((each) => each.name === name);
  if (node === undefined) throw new TypeError(`no node ${name}`);
  return node.name;
}
