import { describe, expect, test } from 'vitest';
import { type Network, specOf } from '../../test/compliance/spec.ts';
import { kinds } from '../kinds/index.ts';
import type { Plan } from '../plan/plan.ts';
import { planTestnet } from '../plan/plan-testnet.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { TimelineEvent } from '../session/session.ts';
import { parseSpec } from '../spec/parse.ts';
import { type MemoryWorld, runInMemory } from './memory-run.ts';

type Options = {
  readonly timeoutMs?: number;
  readonly keep?: boolean;
  readonly during?: (world: MemoryWorld) => Promise<void>;
  readonly logs?: (clock: Clock, events: readonly TimelineEvent[]) => Runtime['logs'];
};

/** On virtual time; nothing is written to disk. */
async function run(network: Network, options: Options = {}) {
  const { timeoutMs, keep = false, during, logs } = options;
  const events: TimelineEvent[] = [];
  const journal = {
    replace: () => undefined,
    sample: () => undefined,
    event: (event: TimelineEvent) => void events.push(event),
    [Symbol.dispose]: () => undefined,
  };
  const asked = { keep, failFast: false, specFile: '', versions: {} };
  const timed = timeoutMs === undefined ? asked : { ...asked, timeoutMs };
  const state = await runInMemory(planOf(specOf(network)), timed, {
    journal,
    ...(during && { during }),
    ...(logs && { logs: (clock: Clock) => logs(clock, events) }),
  });
  return { state, events };
}

function planOf(text: string): Plan {
  let plan: Plan | undefined;
  parseSpec(text, 'run.yaml', (spec) => {
    const planned = planTestnet(spec, kinds);
    plan = planned.plan;
    return planned.problems;
  });
  if (plan === undefined) throw new TypeError('the spec has problems');
  return plan;
}

describe('claims about logs', () => {
  test('count the lines that are read a moment after the end', async () => {
    const { state } = await run(
      {
        more: 'duration: 3s',
        expect: `
        - { name: two, log: { of: { node: boot-0 }, matches: word }, count: "== 2" }`,
      },
      {
        logs: (clock, events) =>
          async function* (node, _options, signal) {
            yield { node, text: 'word' };
            const zero = () => Date.parse(events.find(({ event }) => event === 'ready')?.at ?? '');
            // As from a file that is read each 200 ms: written before the end, read after it.
            while (!signal.aborted && !(clock.now() >= zero() + 3_190))
              await clock.sleep(10, signal);
            yield { node, text: 'word' };
          },
      },
    );
    expect(state.expectations['two']).toMatchObject({ verdict: 'passed', last: 2 });
  });
});

describe('runs that end early', () => {
  test('say so first when the user stops what was to settle', async () => {
    const { state } = await run(
      {
        faults: `
        - { name: cut, at: 2s, for: 20s, partition: { sides: [{ group: boot }] } }`,
      },
      {
        during: async ({ session, clock }) => {
          while (((await session.status()).elapsed ?? -1) < 5) await clock.sleep(100);
          await session.down();
        },
      },
    );
    expect(state.ended?.exit).toBe(3);
    expect(state.problems[0]?.message).toBe('stopped by the user before its end');
  });

  test('name the nodes that were not ready at the time limit', async () => {
    const { state } = await run({ more: 'duration: 9s' }, { timeoutMs: 100, keep: true });
    expect(state.ended?.exit).toBe(4);
    expect(state.problems[0]?.message).toMatch(/4 nodes are not ready, such as boot-0 \(/);
  });
});

test('a fault that is cleared before time 0 or before its start is cancelled', async () => {
  const { state } = await run(
    {
      faults: `
      - { name: first, at: 0s, for: 3s, partition: { sides: [{ group: boot }] } }
      - { name: later, at: 9s, for: 3s, partition: { sides: [{ group: boot }] } }`,
    },
    {
      during: async ({ session, clock }) => {
        await session.clearFaults('first');
        while (((await session.status()).elapsed ?? -1) < 2) await clock.sleep(100);
        await session.clearFaults('later');
      },
    },
  );
  expect(state.ended?.exit).toBe(0);
  expect(state.faults['first']?.enforced).toBeUndefined();
  expect(state.faults['later']?.enforced).toBeUndefined();
});
