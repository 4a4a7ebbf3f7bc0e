// One round of probes for all faults that need one at the time, and the sockets for it. The pairs
// of a round are those that each of its faults asks for, within one budget of nodes, pairs and
// packets that they share; every fault is judged by all of them.
import type { PlacedEffect } from '../faults/effect.ts';
import { probePlan } from '../faults/probe-plan.ts';
import type { ProbeRound } from '../faults/verify.ts';
import type { NodeName } from '../names.ts';
import type { PlannedFault } from '../plan/plan.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ProbePair, Runtime, World } from '../runtime/runtime.ts';
import { changesOf, effectsAt, effectsNow, soSince } from './in-force.ts';
import type { ProvedRun } from './proofs.ts';

export type ProbeDependencies = {
  readonly runtime: Pick<Runtime, 'probe' | 'probeLeadMs'>;
  readonly clock: Clock;
  readonly randomSeed: number;
  readonly signal: AbortSignal;
};

const packetsPerSecond = 2_000;
const mostPackets = 20_000;
const mostPairs = 200;
/** One process each to open a socket: enough to see both sides, few enough to be quick. */
const mostNodes = 32;
/** So that four nodes are left to each: two on either side. */
export const mostFaultsAtOnce = 8;
/** Of a fault's time, left to the last packets on their way and to the change itself. */
const marginMs = 1_000;
/** Sockets are opened so long before a fault; the runtime keeps those of 64 nodes. */
const aheadMs = 30_000;
/** Opened at a time: a round that is due waits for no more. */
const openedAtOnce = 8;

/** What was probed when; how long that held is known only later. */
export type Probed = Pick<ProbeRound, 'inForce' | 'results'> & {
  readonly at: number;
  /** It was asked for ahead: what was in force then was a plan. */
  readonly ahead: boolean;
};

/**
 * Pairs for each of the faults, probed together, now or (where rounds are asked for ahead) at that
 * moment.
 */
export async function probeTogether(
  { runtime, clock, randomSeed, signal }: ProbeDependencies,
  running: ProvedRun,
  { faults, at }: { readonly faults: readonly PlannedFault[]; readonly at: number | undefined },
): Promise<Probed> {
  const { plan, world, state } = running;
  const asked = clock.now();
  const active = at === undefined ? effectsNow(plan, world) : effectsAt(plan, state, at);
  const began = at ?? asked;
  const next = Math.min(...changesOf(plan, state).filter((time) => time > began));
  const seconds = Math.max(0.5, (Math.min(next - began, 60_000) - marginMs) / 1000);
  const packets = Math.min(mostPackets, Math.floor(seconds * packetsPerSecond));
  const share = shareOf(faults.length);
  const pairs = faults.flatMap((fault) =>
    probePlan({
      ...share,
      fault: fault.name,
      // After the heal the pairs are still chosen by the fault, to see that they are free again.
      inForce: [...plan.base, ...without(active, fault), ...fault.effects],
      nodes: startedNodes(world),
      randomSeed,
      maxPackets: Math.floor(packets / faults.length),
    }),
  );
  const results = pairs.length === 0 ? [] : await runtime.probe(eachOnce(pairs), signal, at);
  running.metrics.probed((clock.now() - asked) / 1000);
  return { inForce: [...plan.base, ...active], at: began, ahead: at !== undefined, results };
}

/** The time around it in which nothing changed. */
export function roundOf(
  { at, ahead, ...rest }: Probed,
  { plan, state }: Pick<ProvedRun, 'plan' | 'state'>,
): ProbeRound {
  const changes = changesOf(plan, state);
  const last = Math.max(0, ...changes.filter((time) => time <= at));
  const since = ahead ? Math.max(last, soSince(plan, state, at)) : last;
  const later = changes.filter((time) => time > Math.max(at, since));
  return { ...rest, since, ...(later.length === 0 ? {} : { until: Math.min(...later) }) };
}

/** The nodes of faults that are near, in small sets; each fault is noted in `warm`, once. */
export function coldNodes(
  { clock, randomSeed }: ProbeDependencies,
  { plan, state, world }: ProvedRun,
  warm: Set<string>,
): readonly (readonly NodeName[])[] {
  const soon = (state.t0 === undefined ? 0 : clock.now() - state.t0) + aheadMs;
  const near = plan.faults.filter(({ effects, startMs }) => effects.length > 0 && startMs <= soon);
  const due = near.filter(({ name }) => !warm.has(name));
  if (due.length === 0 || state.wave + 1 < plan.waves.length) return [];
  if (!plan.nodes.every(({ name }) => runs(world, name))) return [];
  return due
    .toSorted((a, b) => a.startMs - b.startMs)
    .flatMap((fault) => {
      warm.add(fault.name);
      const together = near.filter(({ startMs }) => startMs === fault.startMs).length;
      const pairs = probePlan({
        ...shareOf(Math.min(mostFaultsAtOnce, together)),
        fault: fault.name,
        inForce: fault.effects,
        nodes: startedNodes(world),
        randomSeed,
      });
      const nodes = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))];
      const sets = Math.ceil(nodes.length / openedAtOnce);
      return Array.from({ length: sets }, (_, at) =>
        nodes.slice(at * openedAtOnce, (at + 1) * openedAtOnce),
      );
    });
}

/** One packet around: the sockets stay open for the real rounds. */
export async function openSockets(
  { runtime, clock, signal }: ProbeDependencies,
  nodes: readonly NodeName[],
): Promise<void> {
  const around = nodes.map((to, at) => ({ from: nodes.at(at - 1) ?? to, to, count: 1 }));
  const start = runtime.probeLeadMs === undefined ? undefined : clock.now();
  // What goes wrong here goes wrong again where it counts.
  await runtime.probe(around, signal, start).catch(() => undefined);
}

function shareOf(faults: number) {
  const maxNodes = Math.floor(mostNodes / Math.max(1, faults));
  return { maxNodes, maxPairs: Math.floor(mostPairs / Math.max(1, faults)) };
}

function without(effects: readonly PlacedEffect[], { name }: PlannedFault) {
  return effects.filter(({ fault }) => fault !== name);
}

/** A pair that several faults ask for serves them all. */
function eachOnce(pairs: readonly ProbePair[]): readonly ProbePair[] {
  const byPair = new Map<string, ProbePair>();
  for (const pair of pairs) {
    const key = `${pair.from} ${pair.to}`;
    const known = byPair.get(key);
    if (known === undefined || known.count < pair.count) byPair.set(key, pair);
  }
  return [...byPair.values()];
}

function startedNodes({ nodes }: World): readonly NodeName[] {
  return [...nodes].filter(([, { phase }]) => phase !== 'absent').map(([name]) => name);
}

function runs({ nodes }: World, name: NodeName): boolean {
  const phase = nodes.get(name)?.phase;
  return phase !== undefined && phase !== 'absent' && phase !== 'starting';
}
