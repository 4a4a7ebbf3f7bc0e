// Commands that run a testnet: up (stays) and test (ends with a verdict).
import { join, resolve } from 'node:path';
import { fail } from '../../errors.ts';
import { canonicalHash } from '../../plan/canonical.ts';
import type { Plan } from '../../plan/plan.ts';
import { parseQuantity } from '../../quantities/quantities.ts';
import { valueAt } from '../../spec/issues.ts';
import type { ClusterRunRequest } from '../cluster-run.ts';
import { type Command, type Invocation, type Option, textOf } from '../command.ts';
import { detach, isDetached, removeLog } from '../detach.ts';
import type { ReadConfigMap } from '../edge-files.ts';
import { type Loaded, loadSpec } from '../load-spec.ts';
import { pageRequest, webOptions } from '../page.ts';
import { claimReportDirectory } from '../report-directory.ts';
import { type RunRequest, runLocally, runOnMemory } from '../run-testnet.ts';
import { placeOf, runtimeOf, runtimeOptions } from '../runtime-options.ts';

const specArgument = { name: '<spec>', description: 'a YAML file, or - for standard input' };
const shared: readonly Option[] = [
  ...runtimeOptions,
  { flags: '--name <name>', description: "run under this name instead of the spec's" },
  {
    flags: '--timeout <duration>',
    description:
      'give up after this time, exit 4 (default: none for up, the planned end and 15m for test)',
  },
  { flags: '--report <directory>', description: 'where the report goes' },
  {
    flags: '--metrics <address>',
    description: 'serve /metrics there, such as 127.0.0.1:9464 (default: a free port)',
  },
  ...webOptions,
  { flags: '--quiet', description: 'no progress, only the end' },
];

export const test: Command = {
  name: 'test',
  positional: [specArgument],
  summary: 'Run a testnet through its faults and judge it by its expectations',
  options: [
    ...shared,
    {
      flags: '--keep',
      description: 'leave it running after the end, until Ctrl-C or down (kubernetes: until down)',
    },
    { flags: '--fail-fast', description: 'end at the first expectation that fails' },
  ],
  examples: [
    'test examples/split-and-heal.yaml',
    'test testnet.yaml --report out --timeout 5m',
    'test testnet.yaml --runtime memory',
    'test testnet.yaml --runtime kubernetes --namespace storms --report out',
  ],
  run: async (invocation) => {
    const loaded = await loadAsked(invocation);
    if (loaded === undefined) return 2;
    const request = requestOf(invocation, loaded, { always: false });
    const { plan } = request;
    const settles = plan.expectations.some(
      (one) => 'window' in one && one.window.kind !== 'always',
    );
    if (plan.durationMs === undefined && plan.faults.length === 0 && !settles) {
      throw fail(
        'SPEC_INVALID',
        `${request.specFile}: nothing would end the test; give it spec.duration, a fault or an expectation`,
      );
    }
    const keep = invocation.options['keep'] === true;
    const timeoutMs = request.timeoutMs ?? defaultTimeoutMs(plan);
    const report = request.report ?? defaultReport(request);
    const whole = { ...request, keep, timeoutMs, report };
    const runtime = runtimeOf(invocation);
    if (runtime === 'memory' && request.page !== undefined) {
      throw fail('USAGE', 'virtual time is over at once; see the run with `watch --replay DIR`');
    }
    await using _claim = await claimReportDirectory(report);
    if (runtime === 'memory') return await runOnMemory(whole);
    if (runtime === 'local') return await runLocally(whole);
    return await onCluster(invocation, { ...loaded, ...whole, until: 'verdict' });
  },
};

export const up: Command = {
  name: 'up',
  positional: [specArgument],
  summary: 'Start a testnet and keep it until Ctrl-C or `peerstorm down`',
  options: [
    ...shared,
    {
      flags: '--prometheus',
      description: 'write what Prometheus and Grafana need to show the run, and say where',
    },
    { flags: '-d, --detach', description: 'return when it is ready; it runs on in the background' },
    { flags: '--no-web', description: 'no page (on a terminal there is one by default)' },
  ],
  examples: ['up testnet.yaml', 'up testnet.yaml --detach', 'up testnet.yaml --prometheus'],
  run: async (invocation) => {
    const loaded = await loadAsked(invocation);
    if (loaded === undefined) return 2;
    const request = requestOf(invocation, loaded, { always: invocation.terminal.interactive });
    const runtime = runtimeOf(invocation);
    const detached = invocation.options['detach'] === true;
    if (runtime === 'memory') {
      throw fail('USAGE', '`up` needs real time; use `test --runtime memory`');
    }
    // The one in the background claims it.
    if (runtime === 'local' && detached && !isDetached()) return await detach(request);
    await using _claim =
      request.report === undefined ? undefined : await claimReportDirectory(request.report);
    if (runtime === 'kubernetes') {
      if (request.prometheus === true) {
        throw fail('USAGE', '--prometheus is for local runs; the chart brings monitors and rules');
      }
      const until = detached ? 'ready' : 'stopped';
      return await onCluster(invocation, { ...loaded, ...request, until });
    }
    const code = await runLocally({ ...request, keep: true });
    if (detached) removeLog(request.plan.testnet);
    return code;
  },
};

async function onCluster(
  invocation: Invocation,
  request: Omit<ClusterRunRequest, 'listen' | 'testnet'> & RunRequest & Loaded,
): Promise<number> {
  const { listen, spec, ...rest } = request;
  const asked = textOf(invocation, 'metrics') === undefined ? {} : { listen };
  // Only whoever asks for a cluster waits for what speaks to one.
  const { runAt } = await import('../cluster-run.ts');
  return await runAt(placeOf(invocation, spec.metadata), { ...rest, ...asked, testnet: spec });
}

async function loadAsked(invocation: Invocation): Promise<Loaded | undefined> {
  const [file = '-'] = invocation.positional;
  const runtime = runtimeOf(invocation);
  if (runtime !== 'kubernetes') return await loadSpec(file, invocation.terminal, { runtime });
  const readConfigMap: ReadConfigMap = async (named, document) => {
    const namespace = valueAt(document, ['metadata', 'namespace']);
    const place = placeOf(invocation, typeof namespace === 'string' ? { namespace } : {});
    const { readEdgesOn } = await import('../cluster-edges.ts');
    return await readEdgesOn(place, named);
  };
  return await loadSpec(file, invocation.terminal, { runtime, readConfigMap });
}

function requestOf(
  invocation: Invocation,
  loaded: Loaded,
  web: { readonly always: boolean },
): RunRequest {
  const { terminal, options } = invocation;
  const timeout = textOf(invocation, 'timeout');
  const timeoutMs = timeout === undefined ? undefined : parseQuantity('duration', timeout);
  if (timeout !== undefined && timeoutMs === undefined) {
    throw fail('USAGE', `--timeout must be a duration such as 90s or 5m, got "${timeout}"`);
  }
  const listen = addressOf(textOf(invocation, 'metrics') ?? '127.0.0.1:0');
  const name = textOf(invocation, 'name');
  if (name !== undefined && !/^[a-z](?:[a-z0-9-]{0,22}[a-z0-9])?$/.test(name)) {
    throw fail('USAGE', '--name must be a DNS label of at most 24 characters');
  }
  const report = textOf(invocation, 'report');
  const page = pageRequest(invocation, web);
  return {
    plan: name === undefined ? loaded.plan : renamed(loaded.plan, name),
    specText: loaded.text,
    specFile: loaded.file,
    keep: false,
    failFast: options['failFast'] === true,
    listen,
    prometheus: options['prometheus'] === true,
    quiet: options['quiet'] === true,
    terminal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(report === undefined ? {} : { report: resolve(report) }),
    ...(page === undefined ? {} : { page }),
  };
}

/** Start-up, and whatever may come after the planned end. */
const timeoutMarginMs = 15 * 60_000;

function defaultTimeoutMs({ durationMs, faults, expectations }: Plan): number {
  const ends = faults.map(({ startMs, endMs = startMs }) => endMs);
  const waits = expectations.map((one) => {
    if (!('window' in one)) return 0;
    if (one.window.kind === 'at') return one.window.atMs;
    return one.window.kind === 'after' ? one.window.withinMs + one.window.staysMs : 0;
  });
  const end = durationMs ?? Math.max(0, ...ends) + Math.max(0, ...waits);
  return end + timeoutMarginMs;
}

function renamed(plan: Plan, testnet: string): Plan {
  const { hash: _, ...rest } = { ...plan, testnet };
  return { ...rest, hash: canonicalHash(rest) };
}

function addressOf(text: string): RunRequest['listen'] {
  const match = /^(?:(?<host>[\d.]+|localhost):)?(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port']);
  if (!match || port > 65_535) {
    throw fail('USAGE', `--metrics must be an address such as 127.0.0.1:9464, got "${text}"`);
  }
  return { host: match.groups?.['host'] ?? '127.0.0.1', port };
}

function defaultReport({ plan }: RunRequest): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return join(process.cwd(), 'peerstorm-reports', `${plan.testnet}-${stamp}`);
}
