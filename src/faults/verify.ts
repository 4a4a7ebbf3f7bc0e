// Did the fault do what it was asked to, and nothing else? Judged from probes (numbered packets
// counted at the receiver) and from the kernel's counters, against the algebra over everything
// that was in force at the time, so that faults that overlap do not blame each other.
//
// `unproved`: what was seen contradicts what was asked. `inconclusive`: too little was seen, which
// counts as not proved. `proved`: each property that was asked has shown itself, and the pairs that
// the fault must leave alone were as they should be. Each test of chance fails a sound network once
// in a million times.
import type { ObservedFault } from '../report/parts.ts';
import type { FaultCounters, ProbeResult } from '../runtime/runtime.ts';
import { type Composed, combine, composer, distinctEffects } from './algebra.ts';
import type { PlacedEffect } from './effect.ts';
import { isCut } from './expected.ts';
import { cutFindings, type Finding, leaksOf, type Sighting, sparedFindings } from './findings.ts';
import { shapeFindings } from './shape-findings.ts';

/** Probes that ran while one set of effects was in force. */
export type ProbeRound = {
  /** All of them, the base included. */
  readonly inForce: readonly PlacedEffect[];
  /** From when to when, epoch milliseconds: probes outside are left out. */
  readonly since: number;
  readonly until?: number;
  readonly results: readonly ProbeResult[];
};

export type Evidence = {
  readonly name: string;
  readonly kind: string;
  readonly effects: readonly PlacedEffect[];
  /** While it was in force; rounds after the heal may be among them. */
  readonly rounds: readonly ProbeRound[];
  /** What its counters grew by. */
  readonly counters: FaultCounters;
  /** Packets that passed because the lease had run out while it was in force. */
  readonly lapsedPackets: number;
  /** What was read back differs from what was asked. */
  readonly drift?: string;
};

export type Judgement = {
  readonly outcome: 'proved' | 'unproved' | 'inconclusive';
  readonly observed: Omit<ObservedFault, 'planned' | 'actual' | 'spreadSeconds'>;
};

export function judge(evidence: Evidence): Judgement {
  const { name, kind, counters } = evidence;
  const own = combine(distinctEffects(evidence.effects).map(({ impairment }) => impairment));
  const seen = sightings(evidence);
  const findings = [
    ...kernelFindings(evidence),
    ...(isCut(own) ? cutFindings(seen, counters.droppedPackets) : []),
    ...(own.kind === 'shape' ? shapeFindings(own, seen, countersOf(evidence)) : []),
    ...sparedFindings(seen),
  ];
  const problems = findings.flatMap(({ problem }) => problem ?? []);
  const doubts = findings.flatMap(({ doubt }) => doubt ?? []);
  const notes = findings.flatMap(({ note }) => note ?? []);
  const probes = seen.filter(({ hit }) => hit).reduce((sum, { sent }) => sum + sent, 0);
  if (counters.matchedPackets <= probes) notes.push('the nodes themselves sent no packet over it');
  const outcome = problems.length > 0 ? 'unproved' : doubts.length > 0 ? 'inconclusive' : 'proved';
  return {
    outcome,
    observed: {
      name,
      kind,
      pairsProbed: new Set(seen.map(({ from, to }) => `${from} ${to}`)).size,
      leaks: leaksOf(seen),
      asked: askedOf(own),
      measured: Object.fromEntries(
        findings.flatMap(({ measured }) => Object.entries(measured ?? {})),
      ),
      packets: { matched: counters.matchedPackets, dropped: counters.droppedPackets, probes },
      proved: outcome === 'proved',
      notes: [...problems, ...doubts, ...notes],
    },
  };
}

/** Every result inside its round's time, beside what the algebra says of its pair. */
function sightings({ name, effects, rounds }: Evidence): readonly Sighting[] {
  const own = composer(effects);
  return rounds.flatMap(({ inForce, since, until = Infinity, results }) => {
    const all = composer(inForce);
    const others = composer(inForce.filter(({ fault }) => fault !== name));
    const active = inForce.some(({ fault }) => fault === name);
    return results
      .filter(({ sent, sentAt: [first, last] }) => sent > 0 && first >= since && last <= until)
      .map((result): Sighting => {
        const { from, to } = result;
        const composed = all(from, to);
        const hit = active && own(from, to).kind !== 'clear';
        return { ...result, composed, rest: others(from, to), hit };
      });
  });
}

function kernelFindings({ lapsedPackets, drift }: Evidence): readonly Finding[] {
  return [
    ...(lapsedPackets > 0
      ? [{ problem: `${lapsedPackets} packets passed while its lease had run out` }]
      : []),
    ...(drift === undefined ? [] : [{ problem: `the kernel holds something else: ${drift}` }]),
  ];
}

/** Its counters say something about its loss only if no other fault was there to take packets. */
function countersOf({ name, rounds, counters }: Evidence): FaultCounters | undefined {
  const alone = rounds.every(({ inForce }) =>
    inForce.every(({ fault }) => fault === name || fault === ''),
  );
  return alone ? counters : undefined;
}

function askedOf(own: Composed): Readonly<Record<string, number>> {
  if (isCut(own)) return { loss: 1 };
  if (own.kind !== 'shape') return {};
  const { reorder, burst } = own;
  return {
    ...(own.lossRatio !== undefined && { loss: own.lossRatio }),
    ...(own.delayMs !== undefined && { delayMs: own.delayMs }),
    ...(own.jitterMs !== undefined && { jitterMs: own.jitterMs }),
    ...(own.rateBitsPerSecond !== undefined && { rateBits: own.rateBitsPerSecond }),
    ...(own.duplicateRatio !== undefined && { duplicate: own.duplicateRatio }),
    ...(own.corruptRatio !== undefined && { corrupt: own.corruptRatio }),
    ...(reorder !== undefined && { lateShare: reorder.shareRatio, lateByMs: reorder.byMs }),
    ...(burst !== undefined && { burstEnter: burst.enterRatio, burstLeave: burst.leaveRatio }),
  };
}
