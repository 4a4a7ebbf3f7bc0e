// What probes say of loss, delay, jitter and late packets. Pairs with the same composed impairment
// are one sample; delays are compared with those of unaffected pairs in the same rounds, so that
// a busy machine slows both sides of the comparison.

import { quantile } from '../quantities/quantile.ts';
import type { FaultCounters } from '../runtime/runtime.ts';
import type { Composed } from './algebra.ts';
import { binomialTest } from './binomial.ts';
import type { Shape } from './effect.ts';
import { expectedDelayMs, expectedLoss, isCut, probesForLoss } from './expected.ts';
import { alpha, type Finding, type Sighting, total } from './findings.ts';
import { profileOf } from './probe-plan.ts';

/** All hit pairs that are under the same. */
type Profile = {
  readonly composed: Composed;
  readonly rest: Composed;
  readonly sent: number;
  readonly lost: number;
  readonly delaysMs: readonly number[];
};

/** `counters` only if no other fault had a part in what they count. */
export function shapeFindings(
  own: Shape,
  seen: readonly Sighting[],
  counters: FaultCounters | undefined,
): readonly Finding[] {
  const profiles = profilesOf(seen.filter(({ hit, composed }) => hit && !isCut(composed)));
  if (profiles.length === 0)
    return [{ doubt: 'no probe was under it alone: other faults cut there' }];
  const control = controlOf(seen);
  return [
    ...(loses(own) ? [lossFinding(own, profiles, counters)] : []),
    ...(own.delayMs === undefined ? [] : [delayFinding(own.delayMs, profiles, control)]),
    ...(own.jitterMs === undefined ? [] : [jitterFinding(profiles)]),
    ...(own.reorder === undefined ? [] : [lateFinding(profiles, control)]),
    ...(own.rateBitsPerSecond === undefined && own.duplicateRatio === undefined
      ? []
      : [{ note: 'rate and duplicates are read back from the kernel, not measured by probes' }]),
  ];
}

function lossFinding(
  own: Shape,
  profiles: readonly Profile[],
  counters: FaultCounters | undefined,
): Finding {
  const sent = total(profiles.map((one) => one.sent));
  const lost = total(profiles.map((one) => one.lost));
  const restLost = total(profiles.map((one) => one.sent * expectedLoss(one.rest).high));
  // Without what the others take: the share that the fault itself has taken of the rest.
  const loss = 1 - (sent - lost) / Math.max(1, sent - restLost);
  const measured = { loss: Math.max(0, loss) };
  const verdicts = profiles.map(judgeLoss);
  const bad = verdicts.find(({ verdict }) => verdict === 'bad');
  if (bad !== undefined) return { measured, problem: bad.reason };
  if (verdicts.some(({ verdict }) => verdict === 'good')) return { measured };
  const counted = own.burst === undefined && own.corruptRatio === undefined ? counters : undefined;
  return (
    countedLoss(own.lossRatio ?? 0, counted) ?? { measured, doubt: 'too few probes for its loss' }
  );
}

type LossVerdict = { readonly verdict: 'good' | 'bad' | 'unclear'; readonly reason: string };

/** Good: as many are lost as the algebra says, and more than the other effects account for. */
function judgeLoss({ composed, rest, sent, lost }: Profile): LossVerdict {
  const expected = expectedLoss(composed);
  const without = expectedLoss(rest);
  const shown = `${lost} of ${sent} probes were lost, asked was ${percent(expected)}`;
  if (likelihood(lost, sent, expected) < alpha) return { verdict: 'bad', reason: shown };
  const enough = sent >= probesForLoss(expected);
  if (!enough || likelihood(lost, sent, without) >= alpha)
    return { verdict: 'unclear', reason: shown };
  return { verdict: 'good', reason: shown };
}

/** The best that any loss within the bounds makes of it. */
function likelihood(lost: number, sent: number, expected: ReturnType<typeof expectedLoss>): number {
  const { low, high, inflation } = expected;
  const trials = Math.round(sent / inflation);
  const hits = Math.min(trials, Math.round(lost / inflation));
  const ratio = hits / Math.max(1, trials);
  if (ratio >= low && ratio <= high) return 1;
  return binomialTest(hits, trials, ratio < low ? low : high);
}

/** The rule's own counters: what it saw, and what of that it dropped. */
function countedLoss(ratio: number, counters: FaultCounters | undefined): Finding | undefined {
  if (counters === undefined || ratio <= 0) return undefined;
  const { matchedPackets: matched, droppedPackets: dropped } = counters;
  if (matched < 14.5 / ratio) return undefined;
  const measured = { loss: dropped / matched };
  if (binomialTest(dropped, matched, ratio) < alpha) {
    return { measured, problem: `its rule dropped ${dropped} of ${matched} packets` };
  }
  return {
    measured,
    note: `too few probes for its loss: its rule dropped ${dropped} of ${matched}`,
  };
}

function delayFinding(askedMs: number, profiles: readonly Profile[], control: Control): Finding {
  const errors = profiles.flatMap((profile) => delayError(profile, control));
  if (errors.length === 0) return { doubt: 'too few probes arrived to see its delay' };
  const delayMs = round(askedMs + median(errors.map(({ errorMs }) => errorMs)));
  const measured = { delayMs };
  const note = control.found ? {} : { note: 'its delay is measured without an unaffected pair' };
  if (!errors.some(({ bad }) => bad)) return { measured, ...note };
  return { measured, ...note, problem: `its delay was ${delayMs} ms instead of ${askedMs} ms` };
}

/** How far the middle of the prompt packets is off; nothing if there are too few of them. */
function delayError({ composed, delaysMs }: Profile, { latencyMs }: Control) {
  const shape: Shape = composed.kind === 'shape' ? composed : {};
  const { jitterMs = 0, reorder } = shape;
  // Late packets that overlap with the others pull the middle up to their own.
  const apart = reorder === undefined || isApart(shape);
  const late = apart ? (reorder?.shareRatio ?? 0) : 0;
  const prompt = delaysMs.length * (1 - late);
  if (prompt < enoughDelays) return [];
  const errorMs = quantile(delaysMs, (1 - late) / 2) - expectedDelayMs(composed) - latencyMs;
  // The standard error of a median is 1.25 sigma / sqrt n.
  const allowed = 2 + 0.02 * expectedDelayMs(composed) + (7.5 * jitterMs) / Math.sqrt(prompt);
  const above = allowed + (apart ? 0 : (reorder?.byMs ?? 0));
  // Behind a rate probes queue with the nodes' own packets.
  const queues = shape.rateBitsPerSecond !== undefined;
  return [{ errorMs, bad: errorMs < -allowed || (errorMs > above && !queues) }];
}

/** Late packets can be told from the others. */
function isApart({ reorder, jitterMs = 0 }: Shape): boolean {
  return reorder !== undefined && reorder.byMs > 6 * jitterMs + 2;
}

function jitterFinding(profiles: readonly Profile[]): Finding {
  const plain = profiles.filter(({ composed, delaysMs }) => {
    return delaysMs.length >= enoughDelays && !isSlowed(composed);
  });
  const [widest] = plain.toSorted((a, b) => b.delaysMs.length - a.delaysMs.length);
  if (widest === undefined) return { note: 'its jitter could not be measured' };
  const { delaysMs, composed } = widest;
  // Quartiles of a normal distribution are 1.349 sigma apart.
  const sigma = (quantile(delaysMs, 0.75) - quantile(delaysMs, 0.25)) / 1.349;
  const askedMs = composed.kind === 'shape' ? (composed.jitterMs ?? 0) : 0;
  const measured = { jitterMs: round(sigma) };
  // Its standard error is 1.17 sigma / sqrt n; half a millisecond is the machine's own.
  const allowed = (6 * 1.17 * askedMs) / Math.sqrt(delaysMs.length) + 0.5;
  if (Math.abs(sigma - askedMs) <= allowed + 0.1 * askedMs) return { measured };
  return { measured, problem: `its jitter was ${round(sigma)} ms instead of ${askedMs} ms` };
}

function lateFinding(profiles: readonly Profile[], control: Control): Finding {
  const counts = profiles.map(({ composed, delaysMs }) => {
    const shape: Shape = composed.kind === 'shape' ? composed : {};
    const { shareRatio = 0, byMs = 0 } = shape.reorder ?? {};
    const border = expectedDelayMs(composed) + control.latencyMs + byMs / 2;
    const clear = isApart(shape) && shape.rateBitsPerSecond === undefined;
    const usable = clear ? delaysMs : [];
    const late = usable.filter((delay) => delay > border).length;
    return { share: shareRatio, all: usable.length, late };
  });
  const all = total(counts.map((one) => one.all));
  const late = total(counts.map((one) => one.late));
  if (all === 0) return { doubt: 'late packets cannot be told from others' };
  const measured = { lateShare: round(late / all) };
  const wrong = counts.find((one) => binomialTest(one.late, one.all, one.share) < alpha);
  if (wrong !== undefined) {
    return { measured, problem: `${wrong.late} of ${wrong.all} packets were late` };
  }
  return late > 0 ? { measured } : { measured, doubt: 'too few probes to see late packets' };
}

type Control = { readonly latencyMs: number; readonly found: boolean };

/** What the machine adds to every delay, from the pairs that the fault leaves alone. */
function controlOf(seen: readonly Sighting[]): Control {
  const extra = seen
    .filter(({ hit, composed }) => !hit && !isCut(composed) && !isSlowed(composed))
    .flatMap(({ composed, delaysMs }) => delaysMs.map((one) => one - expectedDelayMs(composed)));
  if (extra.length < enoughDelays) return { latencyMs: 0, found: false };
  return { latencyMs: median(extra), found: true };
}

function isSlowed(composed: Composed): boolean {
  if (composed.kind !== 'shape') return false;
  return composed.rateBitsPerSecond !== undefined || composed.reorder !== undefined;
}

function profilesOf(hit: readonly Sighting[]): readonly Profile[] {
  const groups = Map.groupBy(
    hit,
    ({ composed, rest }) => `${profileOf(composed)} ${profileOf(rest)}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { composed, rest } = first;
    const sent = total(group.map((one) => one.sent));
    const lost = total(group.map((one) => Math.max(0, one.sent - one.received)));
    return [{ composed, rest, sent, lost, delaysMs: group.flatMap((one) => one.delaysMs) }];
  });
}

const enoughDelays = 5;

function loses({ lossRatio, burst, corruptRatio }: Shape): boolean {
  return lossRatio !== undefined || burst !== undefined || corruptRatio !== undefined;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function percent({ high }: { readonly high: number }): string {
  return `${round(high * 100)} %`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
