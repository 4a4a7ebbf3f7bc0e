// How cases are declared: once, for every runtime that is here. On `memory` they run one after the
// other; elsewhere a few at a time, because each is a network of real processes.
import { describe, test } from 'vitest';
import type { Outcome, RunCase, RuntimeName } from './harness.ts';
import { networkFaultCases } from './network-faults.ts';
import { nodeCases } from './nodes.ts';
import { runCases } from './runs.ts';

export type Run = (wanted: RunCase) => Promise<Outcome>;
export type Case = {
  readonly name: string;
  /** Where it means something; default: everywhere. */
  readonly on?: readonly RuntimeName[];
  /** Also in the short selection of `npm test`. */
  readonly smoke?: true;
  readonly check: (run: Run, runtime: RuntimeName) => Promise<void>;
};

const isShort = process.env['PEERSTORM_SCOPE'] === 'smoke';
const limitMs = 180_000;

const cases = [...networkFaultCases, ...nodeCases, ...runCases];

export function declare(runtime: RuntimeName, atOnce: number, run: Run): void {
  describe(runtime, () => {
    const free = slots(atOnce);
    const chosen = cases.filter(({ on }) => on === undefined || on.includes(runtime));
    const kept = chosen.filter(({ smoke }) => runtime === 'memory' || !isShort || smoke === true);
    // All wait from the start, so the limit is for all of them.
    const timeout = limitMs + kept.length * 30_000;
    test.concurrent.for(kept)('$name', { timeout }, async ({ check }) => {
      await free(() => check(run, runtime));
    });
  });
}

/** So many at once; the others wait. */
function slots(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let left = count;
  return async (work) => {
    if (left === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else left -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) left += 1;
      else next();
    }
  };
}
