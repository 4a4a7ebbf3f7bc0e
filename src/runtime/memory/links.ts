// Simulated links: what the algebra says of a pair happens to what is sent over it. Losses delay
// (as TCP repeats what is lost), drops swallow, rejects break the connection.
import { impairmentOf } from '../../faults/algebra.ts';
import type { Impairment, PlacedEffect, ScheduledEffect } from '../../faults/effect.ts';
import type { NodeName } from '../../names.ts';
import type { Enforcement, FaultCounters, ProbePair, ProbeResult, Schedule } from '../runtime.ts';
import type { VirtualClock } from './virtual-clock.ts';

const latencyMs = 2;
const retransmitMs = 200;
const probeMs = 1_000;
/** As in a kernel, a change takes a moment: nothing begins or ends at the very time of a sample. */
const changeMs = 1;

export interface Links {
  /** Calls back when the message arrives; `broken` when the other end refuses it. */
  send(message: {
    readonly from: NodeName;
    readonly to: NodeName;
    readonly arrive: () => void;
    readonly broken?: () => void;
  }): void;
  enforce(schedule: Schedule): void;
  enforcement(): Enforcement;
  probe(pairs: readonly ProbePair[]): Promise<readonly ProbeResult[]>;
}

type State = {
  schedule: Schedule;
  appliedAt: number;
  readonly faults: Record<string, { enforcedAt?: number; healedAt?: number }>;
  readonly counters: Record<string, FaultCounters>;
};

/** What becomes of a packet now. */
type Fate = (from: NodeName, to: NodeName, bytes: number) => Impairment;

export function simulatedLinks(
  clock: VirtualClock,
  random: () => number,
  onChange: () => void,
): Links {
  const state: State = {
    schedule: { generation: 0, leaseSeconds: 10, base: [], effects: [] },
    appliedAt: clock.now(),
    faults: {},
    counters: {},
  };
  const fate: Fate = (from, to, bytes) => {
    const now = clock.now();
    const active = state.schedule.effects.filter((effect) => inForce(effect, now));
    const effects = [...state.schedule.base, ...active];
    const composed = impairmentOf(effects, from, to);
    const clear = composed.kind === 'clear' || composed.kind === 'conflict';
    const shape: Impairment = clear ? { kind: 'shape' } : composed;
    const crossed = effects.filter((effect) => covers(effect, from, to));
    count(state, crossed, { bytes, dropped: shape.kind !== 'shape' });
    return shape;
  };
  return {
    send: ({ from, to, arrive, broken }) => {
      const result = fate(from, to, 500);
      if (result.kind === 'drop') return;
      if (result.kind === 'reject') {
        clock.at(clock.now() + latencyMs, () => broken?.());
        return;
      }
      let delay = latencyMs + delayOf(result, random);
      while (random() < (result.lossRatio ?? 0)) delay += retransmitMs;
      clock.at(clock.now() + delay, arrive);
    },
    enforce: (schedule) => {
      if (schedule.generation <= state.schedule.generation) return;
      state.schedule = schedule;
      state.appliedAt = clock.now();
      arm({ clock, state, onChange });
    },
    enforcement: () => ({
      host: 'memory',
      generation: state.schedule.generation,
      appliedAt: state.appliedAt,
      faults: structuredClone(state.faults),
      counters: structuredClone(state.counters),
      lapsedPackets: 0,
    }),
    probe: async (pairs) => {
      const first = clock.now();
      await clock.sleep(probeMs / 2);
      const results = pairs.map((pair) => probeOne(pair, { fate, random, at: first }));
      await clock.sleep(probeMs / 2);
      return results;
    },
  };
}

function inForce(effect: ScheduledEffect, now: number): boolean {
  const changed = now - changeMs;
  return effect.start <= changed && (effect.end === undefined || changed < effect.end);
}

function covers(effect: PlacedEffect, from: NodeName, to: NodeName): boolean {
  return from !== to && effect.from.includes(from) && effect.to.includes(to);
}

/** Notes the moments at which each fault begins and ends. */
function arm(world: { clock: VirtualClock; state: State; onChange: () => void }): void {
  const { clock, state, onChange } = world;
  const { generation, effects } = state.schedule;
  const note = (fault: string, times: { enforcedAt?: number; healedAt?: number }) => {
    state.faults[fault] = { ...state.faults[fault], ...times };
    onChange();
  };
  const wanted = new Set(effects.map(({ fault }) => fault));
  for (const [fault, times] of Object.entries(state.faults)) {
    if (times.healedAt === undefined && !wanted.has(fault)) note(fault, { healedAt: clock.now() });
  }
  for (const { fault, start, end } of effects) {
    const current = () => state.schedule.generation === generation;
    if (state.faults[fault]?.enforcedAt === undefined) {
      clock.at(start + changeMs, () => current() && note(fault, { enforcedAt: clock.now() }));
    }
    if (end !== undefined && state.faults[fault]?.healedAt === undefined) {
      clock.at(end + changeMs, () => current() && note(fault, { healedAt: clock.now() }));
    }
  }
}

function count(
  state: State,
  effects: readonly PlacedEffect[],
  packet: { readonly bytes: number; readonly dropped: boolean },
): void {
  for (const { fault } of effects) {
    const before = state.counters[fault] ?? {
      matchedPackets: 0,
      matchedBytes: 0,
      droppedPackets: 0,
      droppedBytes: 0,
    };
    const lost = packet.dropped ? 1 : 0;
    state.counters[fault] = {
      matchedPackets: before.matchedPackets + 1,
      matchedBytes: before.matchedBytes + packet.bytes,
      droppedPackets: before.droppedPackets + lost,
      droppedBytes: before.droppedBytes + lost * packet.bytes,
    };
  }
}

function delayOf(shape: Extract<Impairment, { kind: 'shape' }>, random: () => number): number {
  // Box-Muller, for the normal distribution that `jitter` stands for.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.max(0, (shape.delayMs ?? 0) + (shape.jitterMs ?? 0) * normal);
}

function probeOne(
  { from, to, count: sent }: ProbePair,
  world: {
    readonly fate: Fate;
    readonly random: () => number;
    readonly at: number;
  },
): ProbeResult {
  const delaysMs: number[] = [];
  for (let packet = 0; packet < sent; packet += 1) {
    const result = world.fate(from, to, 64);
    if (result.kind !== 'shape' || world.random() < (result.lossRatio ?? 0)) continue;
    delaysMs.push(latencyMs + delayOf(result, world.random));
  }
  const sentAt = [world.at, world.at + probeMs / 2] as const;
  return { from, to, sent, received: delaysMs.length, delaysMs, sentAt };
}
