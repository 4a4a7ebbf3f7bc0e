// What only a kernel with netem can do. Where this kernel has none, test/netem/run-in-uml runs the
// suite in one that has.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Shape } from '../../src/faults/effect.ts';
import { quantile } from '../../src/quantities/quantile.ts';
import { supportedFeatures } from '../../src/runtime/fabric/capabilities.ts';
import type { ProbeResult } from '../../src/runtime/runtime.ts';
import { requireTier } from '../require.ts';
import { effect, type Lab, names, openLab, pair } from './lab.ts';
import { openPods, type Pods } from './pods.ts';
import { transfer } from './transfer.ts';
import { allUsers, inUml } from './users.ts';

const features = await supportedFeatures();
const has = (feature: string) => features.some((one) => one.feature === feature && one.ok);
const reasonOf = (feature: string) => features.find((one) => one.feature === feature)?.reason ?? '';
// Elsewhere than in that kernel nothing is promised, so nothing is missing.
const netem = has('netem') || (inUml && requireTier('netem', false, reasonOf('netem')));
if (!netem) process.stderr.write('left out: netem cases: this kernel has no sch_netem\n');
const duplicates = has('netem-duplicate');

type Tally = Pick<ProbeResult, 'sent' | 'received' | 'reordered' | 'delaysMs'>;

const shape = (parts: Shape) => ({ kind: 'shape', ...parts }) as const;
const on = (fault: string, parts: Shape) => effect(fault, [['a-0'], ['b-0']], shape(parts));

describe.runIf(netem).each(allUsers)('as %s', (user) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ user, nodes: ['a-0', 'b-0', 'c-0'] });
  });
  beforeEach(() => lab.enforce([]));
  afterEach(async () => {
    const { drift, lapsedPackets, problem } = await lab.enforcement();
    expect({ drift, lapsedPackets, problem }).toEqual({ lapsedPackets: 0 });
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  /**
   * The impaired pair and, at the same time, one that has nothing to do with it. In rounds: a
   * busy machine may stop this kernel for as long as all of a short probe is on its way.
   */
  async function measure(count: number, rounds = 8) {
    const results: ProbeResult[][] = [];
    for (let round = 0; round < rounds; round += 1) {
      const share = Math.round(count / rounds);
      const pairs = [pair('a-0', 'b-0', share), pair('b-0', 'a-0', share)];
      results.push([...(await lab.probe([...pairs, pair('c-0', 'b-0', share)]))]);
    }
    const [impaired, back, control] = [0, 1, 2].map((at) => merged(results.map((one) => one[at])));
    if (impaired === undefined || back === undefined || control === undefined) {
      throw new TypeError('three pairs in, three out');
    }
    const addedMs = floor(impaired) - floor(control);
    return { impaired, back, control, addedMs };
  }

  test('a delay of 50 ms is 50 ms, one way, on that pair only', async () => {
    await lab.enforce([on('slow', { delayMs: 50 })]);
    const { addedMs, back, control, impaired } = await measure(104);
    expect(Math.abs(addedMs - 50)).toBeLessThan(2);
    expect(Math.abs(floor(back) - floor(control))).toBeLessThan(2);
    expect(floor(control)).toBeLessThan(5);
    expect(impaired.received).toBe(104);
  });

  test('delays of two faults add, and each goes alone', async () => {
    await lab.enforce([on('one', { delayMs: 30 }), on('two', { delayMs: 50 })]);
    expect(Math.abs((await measure(120)).addedMs - 80)).toBeLessThan(2);
    await lab.enforce([on('two', { delayMs: 50 })]);
    expect(Math.abs((await measure(120)).addedMs - 50)).toBeLessThan(2);
  });

  test("a fault's delay comes on top of a region link's, and leaves it", async () => {
    const link = { from: names('a-0'), to: names('b-0'), impairment: shape({ delayMs: 40 }) };
    const base = [{ fault: '', ...link }];
    await lab.enforce([on('slow', { delayMs: 20 })], { base });
    expect(Math.abs((await measure(120)).addedMs - 60)).toBeLessThan(2);
    await lab.enforce([], { base });
    expect(Math.abs((await measure(120)).addedMs - 40)).toBeLessThan(2);
  });

  test('jitter is normal with the sigma that was asked for', async () => {
    await lab.enforce([on('shaky', { delayMs: 100, jitterMs: 20 })]);
    const { impaired, control } = await measure(400);
    // By quartiles, because a machine that stalls adds a few delays of any size; with room above,
    // because timers of User-Mode Linux are late by up to a tick of 10 ms for each packet.
    const delays = impaired.delaysMs.map((delay) => delay - quantile(control.delaysMs, 0.5));
    expect(quantile(delays, 0.5)).toBeGreaterThan(95);
    expect(quantile(delays, 0.5)).toBeLessThan(130);
    const sigma = (quantile(delays, 0.75) - quantile(delays, 0.25)) / 1.349;
    expect(sigma).toBeGreaterThan(20 * 0.75);
    expect(sigma).toBeLessThan(20 * 1.75);
    expect(impaired.reordered).toBeGreaterThan(0);
  });

  test('a share of late packets is late by that much, and none is early', async () => {
    await lab.enforce([on('late', { delayMs: 30, reorder: { shareRatio: 0.25, byMs: 150 } })]);
    const { impaired, control } = await measure(400);
    const delays = impaired.delaysMs.map((delay) => delay - floor(control));
    const late = delays.filter((delay) => delay > 105);
    expect(Math.abs(late.length / delays.length - 0.25)).toBeLessThan(bound(0.25, 400));
    expect(quantile(late, 0.5)).toBeGreaterThan(178);
    expect(quantile(late, 0.5)).toBeLessThan(210);
    expect(Math.abs(Math.min(...delays) - 30)).toBeLessThan(2);
    expect(impaired.reordered).toBeGreaterThan(0);
  });

  test.runIf(duplicates)('duplicates come twice, beside other delays', async () => {
    const other = effect('slow', [['c-0'], ['b-0']], shape({ delayMs: 20 }));
    await lab.enforce([on('twice', { duplicateRatio: 0.2 }), other]);
    const { impaired } = await measure(504);
    expect(impaired.received).toBe(504);
    const extra = impaired.delaysMs.length - impaired.received;
    expect(Math.abs(extra / 504 - 0.2)).toBeLessThan(bound(0.2, 504));
  });

  test('corrupted packets are lost to their checksum', async () => {
    await lab.enforce([on('dirty', { corruptRatio: 0.3 })]);
    const lost = lossOf((await measure(600)).impaired);
    // One bit is flipped; in 6 of 70 bytes, the sender's hardware address, nobody looks at it.
    const expected = 0.3 * (1 - 6 / 70);
    expect(Math.abs(lost - expected)).toBeLessThan(bound(expected, 600));
  });

  test('burst loss loses its share, in runs', async () => {
    const [enterRatio, leaveRatio] = [0.05, 0.25];
    await lab.enforce([on('bursts', { burst: { enterRatio, leaveRatio, lossRatio: 1 } })]);
    const lost = lossOf((await measure(1_500)).impaired);
    const expected = enterRatio / (enterRatio + leaveRatio);
    // Runs make a share of the same count less certain, by this factor.
    const runs = Math.sqrt((2 - enterRatio - leaveRatio) / (enterRatio + leaveRatio));
    expect(Math.abs(lost - expected)).toBeLessThan(bound(expected, 1_500) * runs);
    expect(lost).toBeGreaterThan(0);
  });

  test('delay and rate hold together', async () => {
    const rate = 5_000_000;
    await lab.enforce([on('wan', { delayMs: 50, rateBitsPerSecond: rate })]);
    expect(Math.abs((await measure(104)).addedMs - 50)).toBeLessThan(2);
    const measured = await transfer(lab, { from: 'a-0', to: 'b-0', bytes: 1_500_000 });
    // TCP finds the rate only slowly behind a delay; it must never find more.
    expect(measured / rate).toBeGreaterThan(0.4);
    expect(measured / rate).toBeLessThan(1.02);
  });

  test('no packet is lost while delays change', async () => {
    await lab.enforce([on('slow', { delayMs: 200 })]);
    const probing = measure(500, 1);
    await lab.enforce([on('slow', { delayMs: 20 })]);
    await lab.enforce([]);
    await lab.enforce([on('slow', { delayMs: 100 })]);
    const { impaired } = await probing;
    expect(impaired.received).toBe(500);
  });
});

describe.runIf(netem && allUsers.includes('root'))('pods', () => {
  let pods: Pods;
  beforeAll(async () => {
    pods = await openPods(['a-0', 'b-0', 'c-0']);
  });
  beforeEach(() => pods.enforce([]));
  afterEach(() => {
    for (const node of pods.nodes) {
      const { drift, lapsedPackets, problem } = pods.enforcer(node).enforcement();
      expect({ drift, lapsedPackets, problem }).toEqual({ lapsedPackets: 0 });
    }
  });
  afterAll(() => pods[Symbol.asyncDispose]());

  /** In rounds, as above. */
  async function measure(count: number, rounds = 4) {
    const share = count / rounds;
    const asked = [pair('a-0', 'b-0', share), pair('b-0', 'a-0', share), pair('c-0', 'b-0', share)];
    const results: ProbeResult[][] = [];
    for (let round = 0; round < rounds; round += 1) results.push([...(await pods.probe(asked))]);
    const [impaired, back, control] = [0, 1, 2].map((at) => merged(results.map((one) => one[at])));
    if (impaired === undefined || back === undefined || control === undefined) {
      throw new TypeError('three pairs in, three out');
    }
    return { impaired, back, control, addedMs: floor(impaired) - floor(control) };
  }

  test('a delay is on what its sender sends to that pod only', async () => {
    await pods.enforce([on('slow', { delayMs: 50 })]);
    const { addedMs, back, control, impaired } = await measure(100);
    expect(Math.abs(addedMs - 50)).toBeLessThan(2);
    expect(Math.abs(floor(back) - floor(control))).toBeLessThan(2);
    expect(impaired.received).toBe(100);
  });

  test("delays of faults and of a region link add, and a loss is the receiver's", async () => {
    const link = { from: names('a-0'), to: names('b-0'), impairment: shape({ delayMs: 40 }) };
    const base = [{ fault: '', ...link }];
    await pods.enforce([on('slow', { delayMs: 20 }), on('flaky', { lossRatio: 0.3 })], { base });
    const { addedMs, impaired } = await measure(500);
    expect(Math.abs(addedMs - 60)).toBeLessThan(2);
    expect(Math.abs(lossOf(impaired) - 0.3)).toBeLessThan(bound(0.3, 500));
    await pods.enforce([], { base });
    expect(Math.abs((await measure(60)).addedMs - 40)).toBeLessThan(2);
  });

  test('no packet is lost or overtaken while another process takes over', async () => {
    const slow = [on('slow', { delayMs: 100 })];
    await pods.enforce(slow);
    const probing = measure(500, 1);
    await pods.restart();
    await pods.enforce(slow);
    const { impaired, addedMs } = await probing;
    expect([impaired.received, impaired.reordered]).toEqual([500, 0]);
    expect(Math.abs(addedMs - 100)).toBeLessThan(2);
    await pods.enforce([]);
    expect(Math.abs((await measure(60)).addedMs)).toBeLessThan(2);
  });
});

function merged(rounds: readonly (ProbeResult | undefined)[]): Tally {
  const all = rounds.flatMap((one) => one ?? []);
  const sum = (of: (one: ProbeResult) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    sent: sum(({ sent }) => sent),
    received: sum(({ received }) => received),
    reordered: sum(({ reordered = 0 }) => reordered),
    delaysMs: all.flatMap(({ delaysMs }) => delaysMs),
  };
}

/** 5 standard deviations of a share. */
function bound(share: number, count: number): number {
  return 5 * Math.sqrt((share * (1 - share)) / count);
}

function lossOf({ sent, received }: Tally): number {
  return 1 - received / sent;
}

/**
 * The fastest packet: the network's own delay. The rest of what a packet takes is waiting for a
 * processor, of which a busy machine adds any amount.
 */
function floor({ delaysMs }: Tally): number {
  return Math.min(...delaysMs);
}
