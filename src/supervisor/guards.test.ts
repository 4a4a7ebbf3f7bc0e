import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { scriptedPlan } from '../../test/scripted.ts';
import type { Guards, Seen } from './guards.ts';
import { guardsFor, watchGuards } from './guards.ts';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'guards-'));
  mkdirSync(join(proc, 'net'));
  mkdirSync(join(proc, '17', 'net'), { recursive: true });
  mkdirSync(join(proc, '17', 'ns'));
  symlinkSync('net:[4026532000]', join(proc, '17', 'ns', 'net'));
});
afterEach(() => rmSync(proc, { recursive: true }));

type Host = {
  readonly busy?: number;
  readonly idle?: number;
  readonly steal?: number;
  readonly oom?: number;
  readonly dropped?: readonly number[];
  readonly overflows?: number;
  readonly bufferErrors?: number;
};

/** As proc(5) writes it. */
function write({ busy = 0, idle = 0, steal = 0, oom = 0, dropped = [0], ...sockets }: Host) {
  const { overflows = 0, bufferErrors = 0 } = sockets;
  const file = (name: string, text: string) => writeFileSync(join(proc, name), `${text}\n`);
  file('stat', `cpu  ${busy} 0 0 ${idle} 0 0 0 ${steal} 0 0\ncpu0 1 1 1 1`);
  file('vmstat', `nr_free_pages 1\noom_kill ${oom}\noom_kill_other 99`);
  const rows = dropped.map((count) => `0000ffff ${count.toString(16).padStart(8, '0')} 00000000`);
  file('net/softnet_stat', rows.join('\n'));
  // A node of ours, in a network namespace of its own.
  file(
    '17/net/netstat',
    `TcpExt: A ListenOverflows B\nTcpExt: 7 ${overflows} 8\nIpExt: C\nIpExt: 9`,
  );
  file('17/net/snmp', `Udp: A RcvbufErrors\nUdp: 5 ${bufferErrors}\nUdpLite: A\nUdpLite: 1`);
}

const nothing: Seen = { mining: [], queueDrops: 0 };

function resultOf(guards: Guards, wanted: string) {
  return guards.results().find(({ guard }) => guard === wanted);
}

describe('counters of the host', () => {
  test('count from the first reading on', () => {
    using guards = watchGuards({ timing: false, proc });
    write({ oom: 3, dropped: [5, 0x20], overflows: 2 });
    guards.read(0, nothing);
    write({ oom: 3, dropped: [5, 0x20], overflows: 2 });
    guards.read(1, nothing);
    expect(guards.results().map(({ worst }) => worst)).toEqual(expect.arrayContaining([0, 0, 0]));
    write({ oom: 4, dropped: [6, 0x30], overflows: 2 });
    guards.read(2, nothing);
    expect(resultOf(guards, 'softnet_dropped_packets')).toMatchObject({ worst: 17, at: 2 });
    expect(resultOf(guards, 'oom_kills')).toMatchObject({ worst: 1, at: 2, result: 'void' });
    expect(resultOf(guards, 'listen_overflows')).toMatchObject({ worst: 0, result: 'ok' });
  });

  test.each([
    [true, 'void'],
    [false, 'warned'],
  ])('void a run only if it declares timing (%s), a killed node always', (timing, result) => {
    using guards = watchGuards({ timing, proc });
    write({});
    guards.read(0, nothing);
    write({ oom: 1, dropped: [1], overflows: 1 });
    guards.read(1, nothing);
    expect(resultOf(guards, 'softnet_dropped_packets')?.result).toBe(result);
    expect(resultOf(guards, 'oom_kills')?.result).toBe('void');
  });
});

describe('what the network shows', () => {
  test.each([
    [{ overflows: 3 }, 'listen_overflows', 3],
    [{ bufferErrors: 7 }, 'udp_receive_buffer_errors', 7],
  ])('%o of nodes are counted and warned of', (host, guard, worst) => {
    using guards = watchGuards({ timing: true, proc });
    write({});
    guards.read(0, nothing);
    write(host);
    // All namespaces are read at every fifth reading.
    for (let t = 1; t <= 5; t += 1) guards.read(t, nothing);
    expect(resultOf(guards, guard)).toMatchObject({ worst, at: 5, result: 'warned' });
  });

  test('a packet that overflows a queue voids every run', () => {
    using guards = watchGuards({ timing: false, proc });
    write({});
    guards.read(0, nothing);
    guards.read(1, { ...nothing, queueDrops: 2 });
    expect(resultOf(guards, 'unplanned_queue_drops')).toMatchObject({ worst: 2, result: 'void' });
  });

  test.each([
    [0.4, 'ok'],
    [0.6, 'warned'],
  ])(
    'blocks may be late by a twentieth of their interval (%s s of 10 s)',
    (lateSeconds, result) => {
      using guards = watchGuards({ timing: true, proc });
      write({});
      const one = { blocks: 1, lateSeconds, intervalSeconds: 10 };
      guards.read(0, { ...nothing, mining: [one, one] });
      expect(resultOf(guards, 'block_schedule_slip_ratio')).toMatchObject({ result });
    },
  );
});

describe('processor time', () => {
  test('must be short for more than ten seconds on end', () => {
    using guards = watchGuards({ timing: true, proc });
    const run = (seconds: number, share: number, host: { busy: number; idle: number }) => {
      for (let second = 0; second < seconds; second += 1) {
        host.busy += 100 * share;
        host.idle += 100 * (1 - share);
        write(host);
        guards.read((host.busy + host.idle) / 100, nothing);
      }
    };
    const host = { busy: 0, idle: 0 };
    write(host);
    guards.read(0, nothing);
    run(10, 0.9, host);
    run(1, 0.8, host);
    run(10, 0.9, host);
    expect(resultOf(guards, 'cpu_over_85_percent_seconds')).toMatchObject({
      worst: 10,
      result: 'ok',
    });
    run(1, 0.9, host);
    expect(resultOf(guards, 'cpu_over_85_percent_seconds')).toMatchObject({
      worst: 11,
      at: 22,
      result: 'void',
    });
  });

  test('is counted in seconds, however far apart the readings are', () => {
    using guards = watchGuards({ timing: true, proc });
    for (let reading = 0; reading < 4; reading += 1) {
      write({ busy: 500 * reading });
      guards.read(5 * reading, nothing);
    }
    expect(resultOf(guards, 'cpu_over_85_percent_seconds')).toMatchObject({ worst: 15, at: 15 });
  });

  test('that others took away is a share', () => {
    using guards = watchGuards({ timing: true, proc });
    write({});
    guards.read(0, nothing);
    write({ busy: 44, idle: 50, steal: 6 });
    guards.read(1, nothing);
    expect(resultOf(guards, 'cpu_steal_ratio')).toMatchObject({ worst: 0.06, result: 'void' });
  });
});

test('the event loop may take a fifth of the smallest delay that is asked for', () => {
  const plan = scriptedPlan(2);
  const [a, b] = plan.nodes.map(({ name }) => name);
  if (a === undefined || b === undefined) throw new TypeError('two nodes');
  const link = (delayMs: number) => ({
    fault: '',
    from: [a],
    to: [b],
    impairment: { kind: 'shape' as const, delayMs },
  });
  const limitOf = (delays: readonly number[]) => {
    using guards = guardsFor({ ...plan, base: delays.map(link) });
    guards.read(0, nothing);
    guards.read(1, nothing);
    return resultOf(guards, 'event_loop_p99_seconds')?.limit;
  };
  expect(limitOf([100, 50, 70])).toBe(0.01);
  expect(limitOf([])).toBe(0.2);
});

test('where there is no proc nothing is said', () => {
  using guards = watchGuards({ timing: true, proc: join(proc, 'none') });
  guards.read(0, nothing);
  guards.read(1, nothing);
  expect(
    guards
      .results()
      .filter(({ result, guard }) => result !== 'ok' && guard !== 'event_loop_p99_seconds'),
  ).toEqual([]);
});
