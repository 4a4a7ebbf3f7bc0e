// Faults in the network namespaces of pods of one host: how late they begin and end, alone and with
// every processor busy twice over. The namespaces are as pods have them (test/kernel/pods.ts), the
// enforcers are the agent's; it needs root.
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { quantile } from '../../src/quantities/quantile.ts';
import { both } from '../kernel/lab.ts';
import { openPods, type Pods } from '../kernel/pods.ts';
import type { BenchResult } from './result.ts';

const fault = 'cut';
const aheadMs = 5_000;
const lastsMs = 4_000;
const afterMs = 6_000;

export async function benchPods(count: number): Promise<BenchResult[]> {
  await using pods = await openPods(Array.from({ length: count }, (_, at) => `n-${at}`));
  await pods.enforce([], { openEgress: false });
  const results = await measured(pods, `${count} pods`);
  const busy = Array.from({ length: 2 * availableParallelism() }, burn);
  try {
    return [...results, ...(await measured(pods, `${count} pods, busy machine`))];
  } finally {
    for (const child of busy) child.kill('SIGKILL');
  }
}

async function measured(pods: Pods, name: string): Promise<BenchResult[]> {
  const half = pods.nodes.length / 2;
  const start = Date.now() + aheadMs;
  const end = start + lastsMs;
  const sides = [pods.nodes.slice(0, half), pods.nodes.slice(half)] as const;
  const effects = both(fault, sides, { kind: 'drop' }).map((one) => ({ ...one, start, end }));
  await pods.enforce(effects, { openEgress: false });
  const cpu = process.cpuUsage();
  await wait(end + afterMs - Date.now());
  const { user, system } = process.cpuUsage(cpu);
  const times = pods.nodes.map((node) => pods.enforcer(node).enforcement().faults[fault]);
  const begun = times.map((each) => (each?.enforcedAt ?? Infinity) - start);
  const ended = times.map((each) => (each?.healedAt ?? Infinity) - end);
  return [
    ...spread(`${name}: a fault begins late`, begun),
    ...spread(`${name}: a fault ends late`, ended),
    { name: `${name}: CPU of the enforcers' process`, unit: 'ms', value: (user + system) / 1000 },
  ];
}

function spread(name: string, delays: readonly number[]): BenchResult[] {
  return [
    { name: `${name}, median`, unit: 'ms', value: Math.round(quantile(delays, 0.5)) },
    { name: `${name}, last pod`, unit: 'ms', value: Math.round(Math.max(...delays)) },
  ];
}

function burn(): ChildProcess {
  return spawn(process.execPath, ['-e', 'while (true);'], { stdio: 'ignore' });
}
