import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binomialTails, binomialTest } from './binomial.ts';

/** P(X = k) for all k, by the recurrence, without any logarithm. */
function masses(trials: number, chance: number): readonly number[] {
  const all = [(1 - chance) ** trials];
  for (let k = 0; k < trials; k += 1) {
    all.push(((all[k] ?? 0) * (trials - k) * chance) / ((k + 1) * (1 - chance)));
  }
  return all;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('the binomial test', () => {
  test('has the tails that adding up the masses gives', () => {
    const trials = fc.integer({ min: 1, max: 300 });
    const chance = fc.double({ min: 0.001, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(trials, chance, fc.nat(), (trials, chance, pick) => {
        const hits = pick % (trials + 1);
        const all = masses(trials, chance);
        fc.pre((all[0] ?? 0) > 1e-290);
        const { below, above } = binomialTails(hits, trials, chance);
        expect(below).toBeCloseTo(sum(all.slice(0, hits + 1)), 9);
        expect(above).toBeCloseTo(sum(all.slice(hits)), 9);
      }),
    );
  });

  test.each([
    // hits, trials, chance, twice the smaller tail
    [0, 145, 0.1, 2 * 0.9 ** 145],
    [0, 10, 0, 1],
    [1, 10, 0, 0],
    [10, 10, 1, 1],
    [9, 10, 1, 0],
    [5, 10, 0.5, 1],
  ])('of %i hits in %i trials at %d is %d', (...[hits, trials, chance, expected]) => {
    expect(binomialTest(hits, trials, chance)).toBeCloseTo(expected, 12);
  });

  test('fails no loss at all in 14.5 / p probes, and only just', () => {
    for (const p of [0.5, 0.1, 0.01, 0.001]) {
      expect(binomialTest(0, Math.ceil(14.5 / p), p)).toBeLessThan(1.01e-6);
    }
    expect(binomialTest(0, 13_000, 0.001)).toBeGreaterThan(1e-6);
  });

  test('stays exact for millions of packets', () => {
    // The normal approximation is good to a few per cent there.
    expect(binomialTest(101_000, 1_000_000, 0.1)).toBeCloseTo(8.6e-4, 4);
    expect(binomialTest(100_000, 1_000_000, 0.1)).toBeGreaterThan(0.99);
  });
});
