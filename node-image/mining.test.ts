import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Block, genesisOf, Ledger } from './ledger.ts';
import { startMining } from './mining.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const options = { name: 'm-0', identity: 'ab'.repeat(32), starts: 1, meanMs: 10_000 };

/** The blocks that one miner finds in that time. */
function mineFor(ms: number, changes: Partial<typeof options> = {}): readonly Block[] {
  const ledger = new Ledger(genesisOf('test'));
  const blocks: Block[] = [];
  const miner = startMining(
    () => ledger.tip,
    (block) => {
      blocks.push(block);
      ledger.add(block);
    },
    { ...options, ...changes },
  );
  vi.advanceTimersByTime(ms);
  miner.stop();
  vi.advanceTimersByTime(ms);
  expect(ledger.tip.height).toBe(blocks.length);
  return blocks;
}

test('times between blocks are exponential with the mean that was asked for', () => {
  const blocks = mineFor(40_000_000);
  // Poisson: 4000 blocks, sigma 63; five of them, and the draws are fixed by the seed anyway.
  expect(Math.abs(blocks.length - 4_000)).toBeLessThan(316);
  const times = blocks.map(({ time }) => time);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  // Memoryless: a share of exp(-1) of the gaps is longer than the mean.
  const longer = gaps.filter((gap) => gap > options.meanMs).length / gaps.length;
  expect(longer).toBeCloseTo(Math.exp(-1), 1);
});

function timesOf(changes: Partial<typeof options> = {}): readonly number[] {
  vi.setSystemTime(1_000_000);
  return mineFor(200_000, changes).map(({ time }) => time);
}

test('an identity finds its blocks at the same times again, a next start does not', () => {
  expect(timesOf()).toEqual(timesOf());
  expect(timesOf({ identity: 'cd'.repeat(32) })).not.toEqual(timesOf());
  expect(timesOf({ starts: 2 })).not.toEqual(timesOf());
});

test('late timers are counted and do not slow it down; a stopped process begins anew', () => {
  const ledger = new Ledger(genesisOf('test'));
  const found: number[] = [];
  const miner = startMining(
    () => ledger.tip,
    () => found.push(Date.now()),
    options,
  );
  vi.advanceTimersToNextTimer();
  expect(miner.lateSeconds()).toBe(0);
  // The clock goes on while no timer runs.
  vi.setSystemTime(Date.now() + 2_000);
  vi.advanceTimersToNextTimer();
  expect(miner.lateSeconds()).toBeCloseTo(2, 1);
  vi.setSystemTime(Date.now() + 1_000_000);
  vi.advanceTimersToNextTimer();
  expect(miner.lateSeconds()).toBeCloseTo(2, 1);
  // Nothing is made up for: the next one is drawn from now.
  const before = found.length;
  vi.advanceTimersByTime(1);
  expect(found).toHaveLength(before);
  miner.stop();
});
