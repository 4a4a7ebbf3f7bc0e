// Guards of a run's validity: was this machine fit to measure what was measured? Read once a
// second from /proc (proc(5)); outside Linux there is nothing to read and nothing is said.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Observation } from '../network/observation.ts';
import type { Plan } from '../plan/plan.ts';
import type { Validity } from '../report/parts.ts';
import { declaresTiming } from '../runtime/needs.ts';
import { countSocketLosses } from './socket-losses.ts';

type Guard = {
  readonly guard: string;
  readonly limit: number;
  /** What it does to a run: void it, void one that declares timing, or only warn. */
  readonly voids: 'always' | 'timing' | 'never';
};

const oomKills: Guard = { guard: 'oom_kills', limit: 0, voids: 'always' };
const queueDrops: Guard = { guard: 'unplanned_queue_drops', limit: 0, voids: 'always' };
const cpuBusySeconds: Guard = { guard: 'cpu_over_85_percent_seconds', limit: 10, voids: 'timing' };
const steal: Guard = { guard: 'cpu_steal_ratio', limit: 0.05, voids: 'timing' };
const softnet: Guard = { guard: 'softnet_dropped_packets', limit: 0, voids: 'timing' };
const loopDelay: Guard = { guard: 'event_loop_p99_seconds', limit: 0.2, voids: 'timing' };
const listenOverflows: Guard = { guard: 'listen_overflows', limit: 0, voids: 'never' };
const receiveBuffers: Guard = { guard: 'udp_receive_buffer_errors', limit: 0, voids: 'never' };
const miningSlip: Guard = { guard: 'block_schedule_slip_ratio', limit: 0.05, voids: 'never' };

const loopResolutionMs = 10;

/** What of the network a guard looks at. */
export type Seen = {
  readonly mining: readonly NonNullable<Observation['mining']>[];
  /** Packets that overflowed a queue which was to delay them only. */
  readonly queueDrops: number;
};

/** Readings of all namespaces cost the most, and their counters are kept. */
const readingsPerSocketCount = 5;

export interface Guards extends Disposable {
  /** Takes one reading; `t` is seconds from time 0. Gives what metrics show of it. */
  read(t: number, seen: Seen): { readonly eventLoopP99Seconds: number };
  results(): readonly Validity[];
}

/** With the limits that fit what the plan declares. */
export function guardsFor(plan: Plan): Guards {
  const delays = [...plan.base, ...plan.faults.flatMap(({ effects }) => effects)].flatMap(
    ({ impairment }) => (impairment.kind === 'shape' ? (impairment.delayMs ?? []) : []),
  );
  const smallest = delays.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return watchGuards({
    timing: declaresTiming(plan),
    ...(Number.isFinite(smallest) ? { smallestDelayMs: smallest } : {}),
  });
}

/** `timing`: the spec declares delay, jitter or rate, so a busy machine voids the run. */
export function watchGuards(options: {
  readonly timing: boolean;
  /** The smallest delay that was asked for; the event loop may take a fifth of it. */
  readonly smallestDelayMs?: number;
  /** Where proc(5) is. */
  readonly proc?: string;
}): Guards {
  const { proc = '/proc' } = options;
  // Of the second before a reading, for the metrics, and of the whole run, for the guard.
  const second = monitorEventLoopDelay({ resolution: loopResolutionMs });
  const whole = monitorEventLoopDelay({ resolution: loopResolutionMs });
  second.enable();
  whole.enable();
  const worst = new Map<Guard, { value: number; at: number }>();
  const note = (guard: Guard, value: number, at: number) => {
    if (value >= (worst.get(guard)?.value ?? 0)) worst.set(guard, { value, at });
  };
  const loopLimit = options.smallestDelayMs ? options.smallestDelayMs / 5_000 : loopDelay.limit;
  const socketLosses = countNowAndThen(proc);
  let first: Reading | undefined;
  let before: Reading | undefined;
  let busySeconds = 0;
  let readAt = 0;
  return {
    read: (t, seen) => {
      const now = readHost(proc);
      // What was before time 0 does not count.
      if (first === undefined) whole.reset();
      first ??= now;
      before ??= now;
      note(oomKills, now.oomKills - first.oomKills, t);
      note(softnet, now.softnetDropped - first.softnetDropped, t);
      note(queueDrops, seen.queueDrops, t);
      const losses = socketLosses();
      note(listenOverflows, losses.listenOverflows, t);
      note(receiveBuffers, losses.receiveBufferErrors, t);
      note(miningSlip, slipOf(seen.mining), t);
      const total = now.cpu.total - before.cpu.total;
      if (total > 0) {
        const isBusy = (now.cpu.busy - before.cpu.busy) / total > 0.85;
        busySeconds = isBusy ? busySeconds + (t - readAt) : 0;
        note(cpuBusySeconds, busySeconds, t);
        note(steal, (now.cpu.steal - before.cpu.steal) / total, t);
      }
      worst.set(loopDelay, { value: whole.count >= enoughTurns ? p99Seconds(whole) : 0, at: t });
      const eventLoopP99Seconds = p99Seconds(second);
      second.reset();
      before = now;
      readAt = t;
      return { eventLoopP99Seconds };
    },
    results: () =>
      [...worst].map(([guard, { value, at }]) => {
        const { guard: name, limit } = guard === loopDelay ? { ...guard, limit: loopLimit } : guard;
        const result = resultOf({ ...guard, limit }, value, options.timing);
        return { guard: name, limit, worst: Number(value.toPrecision(4)), at, result };
      }),
    [Symbol.dispose]: () => void (second.disable() && whole.disable()),
  };
}

function countNowAndThen(proc: string): ReturnType<typeof countSocketLosses> {
  const count = countSocketLosses(proc);
  let readings = 0;
  let known = count();
  return () => {
    if (readings % readingsPerSocketCount === 0) known = count();
    readings += 1;
    return known;
  };
}

function resultOf({ limit, voids }: Guard, value: number, timing: boolean): Validity['result'] {
  if (value <= limit) return 'ok';
  return voids === 'always' || (voids === 'timing' && timing) ? 'void' : 'warned';
}

/** Ten seconds' worth: of fewer, the 99th percentile is a single bad moment. */
const enoughTurns = 1_000;

/** It measures from one of its timers to the next: their distance is no delay. */
function p99Seconds(delays: ReturnType<typeof monitorEventLoopDelay>): number {
  return Math.max(0, delays.percentile(99) / 1e9 - loopResolutionMs / 1e3);
}

type Reading = {
  readonly cpu: { readonly total: number; readonly busy: number; readonly steal: number };
  readonly oomKills: number;
  readonly softnetDropped: number;
};

function readHost(proc: string): Reading {
  return {
    cpu: readCpu(proc),
    oomKills: field(read(`${proc}/vmstat`), 'oom_kill'),
    softnetDropped: readSoftnet(proc),
  };
}

function readCpu(proc: string): Reading['cpu'] {
  const line = read(`${proc}/stat`).split('\n', 1)[0] ?? '';
  // user nice system idle iowait irq softirq steal
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  const [, , , idle = 0, iowait = 0, , , stolen = 0] = ticks;
  return { total, busy: total - idle - iowait, steal: stolen };
}

/** Second column: packets dropped because the backlog queue was full, per CPU, hexadecimal. */
function readSoftnet(proc: string): number {
  const rows = read(`${proc}/net/softnet_stat`).trim().split('\n');
  return rows.reduce((sum, row) => sum + (Number.parseInt(row.split(' ')[1] ?? '0', 16) || 0), 0);
}

/** How late blocks were on average, as a share of the time between two of the network. */
function slipOf(mining: Seen['mining']): number {
  const blocks = mining.reduce((sum, one) => sum + one.blocks, 0);
  const late = mining.reduce((sum, one) => sum + one.lateSeconds / one.intervalSeconds, 0);
  return blocks === 0 ? 0 : late / blocks;
}

function field(text: string, name: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
