// `npm test`: runs every tier of tests that this machine can run, says in one line each what it
// leaves out and why, and ends with one line of counts. With PEERSTORM_REQUIRE=all (CI) it runs
// everything, and what cannot run is a failure.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { supportedFeatures } from '../src/runtime/fabric/capabilities.ts';
import { findProgram } from '../src/runtime/local/programs.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const required = process.env['PEERSTORM_REQUIRE'] === 'all';
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

type Counts = { passed: number; failed: number; skipped: number };

type Tier = {
  readonly name: string;
  /** What runs before vitest's own arguments. */
  readonly prefix?: readonly string[];
  readonly projects: readonly string[];
  /** What another tier runs. */
  readonly exclude?: () => Promise<readonly string[]>;
  /** In every `npm test`; the others in CI only. */
  readonly always: boolean;
  /** Undefined if it can run here, else why not. */
  readonly lacks: () => Promise<string | undefined>;
};

const anywhere = async () => undefined;

const tiers: readonly Tier[] = [
  { name: 'unit', projects: ['unit'], always: true, lacks: anywhere },
  { name: 'node', projects: ['node'], always: true, lacks: lacksLinux },
  {
    name: 'kernel',
    projects: ['kernel'],
    exclude: withoutNetem,
    always: true,
    lacks: lacksNamespaces,
  },
  { name: 'compliance', projects: ['compliance'], always: true, lacks: anywhere },
  { name: 'examples', projects: ['examples'], always: false, lacks: lacksNamespaces },
  { name: 'crash', projects: ['crash'], always: false, lacks: lacksNamespaces },
  { name: 'cluster', projects: ['cluster'], always: false, lacks: lacksCluster },
  { name: 'page', projects: ['page'], always: false, lacks: lacksBrowser },
  { name: 'prometheus', projects: ['prometheus'], always: false, lacks: lacksPrometheus },
  { name: 'package', projects: ['package'], always: false, lacks: lacksNamespaces },
  {
    name: 'netem',
    prefix: [join(root, 'test', 'netem', 'run-in-uml')],
    projects: ['kernel', 'netem'],
    // Of processes and their orders, not of packets: the kernel tier has it.
    exclude: async () => ['test/kernel/agent.test.ts'],
    always: false,
    lacks: lacksKernel,
  },
];

/** Of a failure, at the end of the log: with the events and logs that the test has added to it. */
const mostLines = 80;
const only = process.argv.slice(2);
const results = mkdtempSync(join(root, 'node_modules', '.test-'));
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const times: string[] = [];
const failures: string[] = [];
try {
  for (const tier of tiers) await runTier(tier);
} finally {
  rmSync(results, { recursive: true, force: true });
}
console.log(`\nstages: ${times.join(', ')}`);
for (const failure of failures) console.log(failure);
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

async function runTier(tier: Tier): Promise<void> {
  if (only.length > 0 && !only.includes(tier.name)) return;
  const wanted = tier.always || required || only.length > 0;
  const reason = wanted ? await tier.lacks() : 'only with PEERSTORM_REQUIRE=all, or by its name';
  if (reason !== undefined) {
    console.log(`left out: ${tier.name}: ${reason}`);
    if (required) failures.push(`FAILED ${tier.name}: ${reason}`);
    if (required) total.failed += 1;
    else total.skipped += 1;
    return;
  }
  console.log(`\n== ${tier.name}`);
  const started = performance.now();
  const output = join(results, `${tier.name}.json`);
  const projects = tier.projects.flatMap((project) => ['--project', project]);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${output}`];
  const excluded = (await tier.exclude?.()) ?? [];
  const exclude = excluded.flatMap((path) => ['--exclude', path]);
  const argv = [process.execPath, vitest, 'run', ...projects, ...exclude, ...reporters];
  const status = await run([...(tier.prefix ?? []), ...argv]);
  const counts = countsOf(tier.name, output, status);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  // A skip is as good as a failure where everything is required.
  if (required && counts.skipped > 0) total.failed += counts.skipped;
  times.push(`${tier.name} ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

function run([program = '', ...args]: readonly string[]): Promise<number> {
  const env = { ...process.env, PEERSTORM_SCOPE: required || only.length > 0 ? 'all' : 'smoke' };
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env });
  return new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

type VitestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
};

/** Counts a tier's tests and notes what failed, to be said again at the end of a long log. */
function countsOf(tier: string, path: string, status: number): Counts {
  // A runner that ended without a word has failed, whatever it ran.
  if (!existsSync(path)) {
    failures.push(`FAILED ${tier}: its runner ended with ${status} and no results`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const report = JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  for (const file of report.testResults) {
    const name = file.name.replace(root, '');
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    for (const test of failed) {
      const lines = test.failureMessages.join('\n').split('\n').slice(0, mostLines);
      const message = lines.join('\n    ');
      failures.push(`FAILED ${tier}: ${name}: ${test.fullName}\n    ${message}`);
    }
    if (file.status === 'failed' && failed.length === 0)
      failures.push(`FAILED ${tier}: ${name}: ${file.message}`);
  }
  const failed = Math.max(report.numFailedTests, status === 0 ? 0 : 1);
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests };
}

/** The cases that need netem run in the kernel of the netem tier, unless this one has it. */
async function withoutNetem(): Promise<readonly string[]> {
  const found = await supportedFeatures();
  if (found.some(({ feature, ok }) => feature === 'netem' && ok)) return [];
  console.log('left to the netem tier: test/kernel/netem.test.ts: this kernel has no sch_netem');
  return ['test/kernel/netem.test.ts'];
}

async function lacksLinux(): Promise<string | undefined> {
  return process.platform === 'linux' ? undefined : 'needs Linux';
}

async function lacksNamespaces(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux';
  const user = process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const test = ['--net', '--mount', '--pid', '--fork', 'nft', 'list', 'ruleset'];
  const status = await quiet('unshare', [...user, ...test]);
  return status === 0 ? undefined : 'needs nft and network namespaces; see `peerstorm doctor`';
}

async function lacksBrowser(): Promise<string | undefined> {
  return await findProgram('chromium').then(
    () => undefined,
    () => 'needs chromium',
  );
}

async function lacksPrometheus(): Promise<string | undefined> {
  for (const program of ['prometheus', 'promtool'])
    if ((await quiet(program, ['--version'])) !== 0) return `needs ${program}`;
  return await lacksNamespaces();
}

async function lacksKernel(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux';
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'peerstorm');
  const found = await quiet(join(root, 'test', 'netem', 'build-kernel'), ['--cached']);
  return found === 0 ? undefined : `no kernel in ${cache}; build it with test/netem/build-kernel`;
}

/** A cluster that was given, or all that it takes to have one. */
async function lacksCluster(): Promise<string | undefined> {
  if (process.env['PEERSTORM_TEST_KUBECONFIG'] !== undefined) return undefined;
  if (process.platform !== 'linux' || process.geteuid?.() !== 0)
    return 'needs PEERSTORM_TEST_KUBECONFIG, or Linux and root';
  for (const program of ['etcd', 'containerd', 'runc', 'conntrack'])
    if ((await quiet(program, ['--version'])) !== 0) return `needs ${program}`;
  for (const script of ['build-kubernetes', 'get-helm', 'build-images'])
    if ((await quiet(join(root, 'test', 'cluster', script), ['--cached'])) !== 0)
      return `test/cluster/${script} has not been run`;
  return undefined;
}

function quiet(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    findProgram(program).then(
      (path) => {
        const child = spawn(path, args, { stdio: 'ignore' });
        child.once('error', () => resolve(127));
        child.once('exit', (code) => resolve(code ?? 1));
      },
      () => resolve(127),
    );
  });
}
