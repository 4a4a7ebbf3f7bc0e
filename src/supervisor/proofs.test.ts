import { describe, expect, test } from 'vitest';
import { epoch, scriptedPlan, splitFault } from '../../test/scripted.ts';
import { initialState } from '../decide/decide.ts';
import type { FaultState } from '../decide/state.ts';
import { type ErrorCode, fail } from '../errors.ts';
import { composer } from '../faults/algebra.ts';
import type { Plan } from '../plan/plan.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import type { ProbePair, ProbeResult, World } from '../runtime/runtime.ts';
import { createProver, type ProvedRun } from './proofs.ts';

const tickMs = 200;
/** Each fault's own rules have taken some. */
const dropped = { matchedPackets: 9, matchedBytes: 900, droppedPackets: 9, droppedBytes: 900 };

/** A network that does to each packet what is in force, and probes that take their time. */
async function prove(
  plan: Plan,
  options: {
    readonly forMs: number;
    readonly failing?: (call: number) => boolean;
    readonly code?: ErrorCode;
    /** A round must be asked for so long ahead. */
    readonly leadMs?: number;
    /** What happens is learnt so much later, and rules are there so long after a start. */
    readonly learntMs?: number;
    readonly enforceMs?: number;
  },
) {
  const { leadMs, learntMs = 0, enforceMs = 0 } = options;
  const clock = virtualClock(epoch - 1_000);
  const stop = new AbortController();
  const calls: { readonly at: number; readonly pairs: readonly ProbePair[] }[] = [];
  const times = (t: number) =>
    Object.fromEntries(
      plan.faults
        .filter(({ startMs }) => t >= startMs + enforceMs + learntMs)
        .map(({ name, startMs, endMs = Infinity }) => [
          name,
          {
            enforcedAt: epoch + startMs + enforceMs,
            ...(t >= endMs + learntMs && { healBeganAt: epoch + endMs, healedAt: epoch + endMs }),
          },
        ]),
    );
  const probe = async (
    pairs: readonly ProbePair[],
    _: AbortSignal,
    start: number = clock.now() + (leadMs ?? 0),
  ): Promise<ProbeResult[]> => {
    calls.push({ at: clock.now() - epoch, pairs });
    if (options.failing?.(calls.length) === true)
      throw fail(options.code ?? 'COMMAND_FAILED', 'no socket');
    await clock.sleep(Math.max(0, start - clock.now()));
    const at = clock.now();
    const t = at - epoch;
    const inForce = plan.faults
      .filter(({ startMs, endMs = Infinity }) => t >= startMs + enforceMs && t < endMs)
      .flatMap(({ effects }) => effects);
    const compose = composer(inForce);
    const sent = pairs.reduce((sum, { count }) => sum + count, 0);
    await clock.sleep(sent / 2 + 200);
    return pairs.map(({ from, to, count }) => {
      const received = compose(from, to).kind === 'clear' ? count : 0;
      const delaysMs = Array.from({ length: received }, () => 0.1);
      return { from, to, sent: count, received, delaysMs, sentAt: [at, clock.now() - 200] };
    });
  };
  const runtime = { probe, ...(leadMs === undefined ? {} : { probeLeadMs: leadMs }) };
  const prover = createProver({ runtime, clock, randomSeed: 1, signal: stop.signal });
  const nodes = plan.nodes.map(({ name }) => {
    return [name, { incarnation: 0, phase: 'running' as const, addresses: [] }] as const;
  });
  const enforcement = (t: number): World['enforcement'][number] => ({
    host: 'local',
    generation: 1,
    appliedAt: epoch,
    lapsedPackets: 0,
    faults: times(t),
    counters: Object.fromEntries(plan.faults.map(({ name }) => [name, dropped])),
  });
  const running = {
    plan,
    state: initialState(plan),
    world: { nodes: new Map(nodes), enforcement: [] } as World,
    phase: 'running' as const,
    metrics: { probed: () => undefined, unprobed: () => undefined },
  };
  await clock.run(
    (async () => {
      for (let t = -1_000; t < options.forMs; t += tickMs) {
        running.world = { nodes: new Map(nodes), enforcement: [enforcement(t)] };
        const faults = plan.faults.map(({ name, startMs, endMs = Infinity }) => {
          const { enforcedAt, healedAt } = times(t)[name] ?? {};
          const state: FaultState = {
            start: epoch + startMs,
            end: epoch + endMs,
            ...(enforcedAt !== undefined && { enforced: enforcedAt }),
            ...(healedAt !== undefined && { healed: healedAt }),
          };
          return [name, state] as const;
        });
        if (t >= 0) {
          running.state = { ...running.state, t0: epoch, faults: Object.fromEntries(faults) };
        }
        prover.follow(running satisfies ProvedRun);
        await clock.sleep(tickMs);
      }
      await prover.settled();
    })(),
  );
  return { calls, proofs: prover.proofs(), pending: prover.pending(), prover, running };
}

const splits = (count: number, at: { readonly startMs: number; readonly endMs: number }) => {
  const plan = scriptedPlan(12);
  const names = Array.from({ length: count }, (_, index) => index);
  return {
    ...plan,
    faults: names.map((index) => splitFault(plan, { name: `f${index}`, ...at, size: index + 1 })),
  };
};

describe('the prover', () => {
  test('proves four faults of three seconds that begin at once, by one round', async () => {
    const plan = splits(4, { startMs: 40_000, endMs: 43_000 });
    const { proofs, calls } = await prove(plan, { forMs: 60_000 });
    expect(Object.values(proofs).map(({ outcome }) => outcome)).toEqual(
      plan.faults.map(() => 'proved'),
    );
    const during = calls.filter(({ at }) => at >= 40_000 && at < 43_000);
    expect(during).toHaveLength(1);
    expect(during[0]?.pairs.length).toBeLessThanOrEqual(200);
    expect(calls.filter(({ at }) => at >= 43_000)).toHaveLength(1);
  });

  test('opens the sockets of a fault at 0 s before time 0, of a later one half a minute ahead', async () => {
    const early = splits(1, { startMs: 0, endMs: 3_000 });
    const late = splitFault(early, { name: 'late', startMs: 70_000, endMs: 73_000, size: 5 });
    const { calls, proofs } = await prove(
      { ...early, faults: [...early.faults, late] },
      { forMs: 90_000 },
    );
    const warmUp = ({ pairs }: (typeof calls)[number]) => pairs.every(({ count }) => count === 1);
    const opened = calls.filter(warmUp);
    expect(opened[0]?.at).toBe(-1_000);
    expect(opened.filter(({ at }) => at > 0).map(({ at }) => at)[0]).toBe(40_000);
    for (const { pairs } of opened) expect(pairs.length).toBeLessThanOrEqual(8);
    const ahead = (before: number) =>
      new Set(
        opened.filter(({ at }) => at < before).flatMap(({ pairs }) => pairs.map((p) => p.to)),
      );
    const [first] = calls.filter((call) => !warmUp(call));
    for (const { from, to } of first?.pairs ?? []) {
      expect([...ahead(0)]).toEqual(expect.arrayContaining([from, to]));
    }
    expect(Object.values(proofs).map(({ outcome }) => outcome)).toEqual(['proved', 'proved']);
  });

  test('more faults than one round can hold are proved by the rounds that follow', async () => {
    const plan = splits(11, { startMs: 1_000, endMs: 21_000 });
    const { calls, proofs } = await prove(plan, { forMs: 40_000 });
    expect(Object.keys(proofs)).toHaveLength(11);
    expect(new Set(Object.values(proofs).map(({ outcome }) => outcome))).toEqual(
      new Set(['proved']),
    );
    for (const { pairs } of calls) {
      expect(pairs.length).toBeLessThanOrEqual(200);
      expect(new Set(pairs.flatMap(({ from, to }) => [from, to])).size).toBeLessThanOrEqual(32);
    }
  });

  test('a round that fails is told by its faults and stops no other', async () => {
    const plan = splits(1, { startMs: 40_000, endMs: 43_000 });
    const later = splitFault(plan, { name: 'later', startMs: 50_000, endMs: 53_000, size: 3 });
    const rounds: number[] = [];
    const { proofs, pending, prover, running } = await prove(
      { ...plan, faults: [...plan.faults, later] },
      {
        forMs: 70_000,
        failing: (call) => {
          rounds.push(call);
          return rounds.length <= 5;
        },
      },
    );
    expect(pending.size).toBe(0);
    expect(proofs['later']?.outcome).toBe('proved');
    const [first] = prover.observedFaults(running);
    expect(first?.notes.join()).toContain('probes failed: no socket');
  });

  test('a round that an agent has missed is repeated while the fault is in force', async () => {
    const plan = splits(1, { startMs: 1_000, endMs: 21_000 });
    const { proofs, calls, pending, prover, running } = await prove(plan, {
      forMs: 60_000,
      code: 'CONTACT_LOST',
      // Two open sockets; then two of the fault and one of the heal.
      failing: (call) => [3, 4, 6].includes(call),
    });
    expect(proofs['f0']?.outcome).toBe('proved');
    expect(pending.size).toBe(0);
    const rounds = calls.filter(({ pairs }) => pairs.some(({ count }) => count > 1));
    expect(rounds.map(({ at }) => at < 21_000)).toEqual([true, true, true, false, false]);
    expect(prover.observedFaults(running)[0]?.notes.join()).not.toContain('probes failed');
  });

  describe('where a round must be asked for ahead', () => {
    const far = { leadMs: 1_500, learntMs: 800 };
    const plan = splits(1, { startMs: 3_000, endMs: 5_000 });

    test('proves faults of two seconds, one after the other', async () => {
      const next = splitFault(plan, { name: 'next', startMs: 6_000, endMs: 8_000, size: 4 });
      const both = { ...plan, faults: [...plan.faults, next] };
      const { proofs } = await prove(both, { ...far, forMs: 30_000 });
      expect(Object.values(proofs).map(({ outcome }) => outcome)).toEqual(['proved', 'proved']);
    });

    test('asks again if the rules were there only after the probes', async () => {
      const slow = splits(1, { startMs: 3_000, endMs: 13_000 });
      const late = await prove(slow, { ...far, enforceMs: 900, forMs: 30_000 });
      expect(late.proofs['f0']?.outcome).toBe('proved');
      expect(late.prover.observedFaults(late.running)[0]?.leaks).toBe(0);
    });

    test('believes nothing of a fault that was over by then', async () => {
      const { proofs } = await prove(plan, { ...far, enforceMs: 1_700, forMs: 30_000 });
      expect(proofs['f0']?.outcome).toBe('inconclusive');
    });
  });

  test('agents that stay away do not hold up the end', async () => {
    const plan = splits(1, { startMs: 1_000, endMs: 21_000 });
    const { proofs, pending, prover, running } = await prove(plan, {
      forMs: 120_000,
      code: 'CONTACT_LOST',
      failing: () => true,
    });
    expect(pending.size).toBe(0);
    expect(proofs['f0']?.outcome).toBe('inconclusive');
    expect(prover.observedFaults(running)[0]?.notes.join()).toContain('probes failed');
  });
});
