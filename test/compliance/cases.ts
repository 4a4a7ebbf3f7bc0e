// How cases are declared: once, for every runtime that is here. On `memory` they run one after the
// other; on `local` three at a time, because each is a network of real processes.
import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';
import { requireTier } from '../require.ts';
import { type Outcome, type RunCase, type RuntimeName, runCase } from './harness.ts';

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
const atOnce = 3;
const limitMs = 180_000;

const runtimes: readonly RuntimeName[] = ['memory', ...(hasLocal() ? (['local'] as const) : [])];

export function declare(cases: readonly Case[]): void {
  describe.each(runtimes)('%s', (runtime) => {
    const free = slots(runtime === 'local' ? atOnce : 1);
    const chosen = cases.filter(({ on = runtimes }) => on.includes(runtime));
    const kept = chosen.filter(({ smoke }) => runtime === 'memory' || !isShort || smoke === true);
    // All wait from the start, so the limit is for all of them.
    const timeout = limitMs + kept.length * 30_000;
    test.concurrent.for(kept)('$name', { timeout }, async ({ check }) => {
      await free(() => check((wanted) => runCase(runtime, wanted), runtime));
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

function hasLocal(): boolean {
  const user = process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const probe = ['--net', '--mount', '--pid', '--fork', 'nft', 'list', 'ruleset'];
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  process.env['PATH'] = path;
  const { status } = spawnSync('unshare', [...user, ...probe]);
  return requireTier('compliance on local', status === 0, 'needs nft and network namespaces');
}
