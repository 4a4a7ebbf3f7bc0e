// What one reference node costs: to start, and to be there. The nodes are real processes on
// loopback, each with eight peers, and nobody mines: what is left is what keeps a network together.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle, eventually, TestNetwork } from '../node/nodes.ts';
import type { BenchResult } from './result.ts';

const count = 12;
const settleMs = 15_000;
/** Each dials so many of its successors in a ring, and so has twice as many peers. */
const dials = 4;

/** CPU until ready, PSS and CPU when idle, of one of a dozen nodes with eight peers each. */
export async function benchNode(idleSeconds = 60): Promise<BenchResult[]> {
  await using file = await bundle();
  await using net = new TestNetwork(file.path);
  const names = Array.from({ length: count }, (_, i) => `n-${i}`);
  for (const name of names) await net.add(name);
  for (const [i, name] of names.entries()) {
    const next = Array.from({ length: dials }, (_, d) => names[(i + d + 1) % count] ?? '');
    await net.add(name, { dials: next });
  }
  const starts: number[] = [];
  for (const name of names) {
    await net.start(name);
    starts.push(cpuSeconds(pidOf(net, name)));
  }
  for (const name of names) {
    await eventually(async () => (await net.observe(name)).peers.length >= 2 * dials);
  }
  await sleep(settleMs);
  const pids = names.map((name) => pidOf(net, name));
  const [before, since] = [pids.map(cpuSeconds), Date.now()];
  await sleep(idleSeconds * 1_000);
  const seconds = (Date.now() - since) / 1_000;
  const shares = pids.map((pid, i) => ((cpuSeconds(pid) - (before[i] ?? 0)) / seconds) * 100);
  return [
    // The first are alone, the later ones already have peers to talk to.
    { name: 'reference node: CPU to start', unit: 's', value: median(starts), most: 0.4 },
    {
      name: 'reference node: PSS when idle',
      unit: 'MiB',
      value: median(pids.map(pss)),
      most: 86,
    },
    { name: 'reference node: RSS when idle', unit: 'MiB', value: median(pids.map(rss)) },
    { name: 'reference node: CPU when idle', unit: '%', value: median(shares), most: 0.3 },
  ];
}

function pidOf(net: TestNetwork, name: string): number {
  const pid = net.node(name).process?.pid;
  if (pid === undefined) throw new TypeError(`${name} does not run`);
  return pid;
}

/** Of all threads, in nanosecond steps: /proc/PID/stat counts in ticks of 10 ms. */
function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((thread) => {
    const [running = ''] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return Number(running) / 1e9;
  });
  return times.reduce((a, b) => a + b, 0);
}

/** Shared pages count in parts. */
function pss(pid: number): number {
  return memory(pid, 'Pss');
}

function rss(pid: number): number {
  return memory(pid, 'Rss');
}

function memory(pid: number, field: 'Pss' | 'Rss'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
