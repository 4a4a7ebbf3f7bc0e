// What probes say of a cut, and of the pairs that a fault must leave alone.
import type { ProbeResult } from '../runtime/runtime.ts';
import type { Composed } from './algebra.ts';
import { binomialTails } from './binomial.ts';
import { expectedLoss, isCut } from './expected.ts';

/** What one look at the evidence has to say. */
export type Finding = {
  /** It contradicts what was asked. */
  readonly problem?: string;
  /** It is too little to tell. */
  readonly doubt?: string;
  readonly note?: string;
  readonly measured?: Readonly<Record<string, number>>;
};

/** A probe's result beside what the algebra says of its pair. */
export type Sighting = ProbeResult & {
  readonly composed: Composed;
  /** What the pair would be under without the fault. */
  readonly rest: Composed;
  /** The fault acts on this pair. */
  readonly hit: boolean;
};

/** How seldom a test may fail a sound network. */
export const alpha = 1e-6;

/** Losses of probes that nobody asked for (a busy receiver) up to which a pair counts as clear. */
const tolerance = 0.02;

/** Probes that came through although the fault's pair is cut. */
export function leaksOf(seen: readonly Sighting[]): number {
  return total(seen.filter(isOwnCut).map(({ received }) => received));
}

/** `dropped`: what its own rules took, in case that other cuts hide it from the probes. */
export function cutFindings(seen: readonly Sighting[], dropped: number): readonly Finding[] {
  const cut = seen.filter(isOwnCut);
  const sent = total(cut.map((one) => one.sent));
  if (sent === 0) return [{ doubt: 'no probe crossed the cut: nobody there to send or receive' }];
  const leaks = leaksOf(seen);
  const measured = { loss: 1 - leaks / sent };
  if (leaks > 0) {
    const [first] = cut.filter(({ received }) => received > 0);
    const example = `${first?.from} to ${first?.to}`;
    return [{ measured, problem: `${leaks} of ${sent} probes leaked through, such as ${example}` }];
  }
  if (cut.some(({ rest }) => !isCut(rest))) return [{ measured }];
  const hidden = 'other faults cut the same pairs all the time';
  if (dropped === 0) return [{ measured, doubt: `${hidden}, and its own rules dropped nothing` }];
  return [{ measured, note: `${hidden}; its own rules dropped ${dropped} packets there` }];
}

/** Pairs on the same side, untouched nodes, the other direction, and all pairs after the heal. */
export function sparedFindings(seen: readonly Sighting[]): readonly Finding[] {
  const open = seen.filter(({ composed }) => !isCut(composed));
  const silent = open.filter(({ composed, sent, received }) => {
    return received === 0 && expectedLoss(composed).high ** sent <= alpha;
  });
  const spared = open.filter(({ hit }) => !hit);
  const sent = total(spared.map((one) => one.sent));
  const lost = total(spared.map((one) => Math.max(0, one.sent - one.received)));
  const expected = total(spared.map((one) => one.sent * expectedLoss(one.composed).high));
  const chance = Math.min(1, expected / Math.max(1, sent) + tolerance);
  // Bursts hang together: their own test is the loss of the fault that asks for them.
  const independent = spared.every(({ composed }) => expectedLoss(composed).inflation === 1);
  const tooMany = independent && binomialTails(lost, sent, chance).above < alpha;
  return [
    ...silent.slice(0, 3).map(({ from, to, hit }) => ({
      problem: hit
        ? `no probe from ${from} to ${to} arrived, though not all are to be lost`
        : `${from} does not reach ${to}, which the fault must leave alone`,
    })),
    ...(tooMany && silent.length === 0
      ? [{ problem: `${lost} of ${sent} probes were lost between nodes that it must leave alone` }]
      : []),
    ...(sent === 0
      ? [{ note: 'every pair is under it: there was no unaffected pair to probe' }]
      : []),
  ];
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function isOwnCut({ hit, composed }: Sighting): boolean {
  return hit && isCut(composed);
}
