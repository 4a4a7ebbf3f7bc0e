// Which pairs of nodes are probed to prove a fault, and how often. The nodes fall into classes by
// the sides of the fault that they are on; from every ordered pair of classes some pairs of nodes
// are drawn, whether the fault lies between them or not: those that it hits show that it bites,
// the others that it bites nowhere else. The same seed draws the same pairs.
import type { NodeName } from '../names.ts';
import { randomOf } from '../random.ts';
import type { ProbePair } from '../runtime/runtime.ts';
import { type Composed, composer, impairmentKey } from './algebra.ts';
import { classesOf } from './classes.ts';
import type { PlacedEffect } from './effect.ts';
import { expectedLoss, isCut, probesForLoss, probesForReach } from './expected.ts';

export type ProbePlanInput = {
  readonly fault: string;
  /** All in force while the probes run, the base and the fault itself included. */
  readonly inForce: readonly PlacedEffect[];
  /** Those that can be probed now. */
  readonly nodes: readonly NodeName[];
  readonly randomSeed: number;
  /** Default 64: one process each. */
  readonly maxNodes?: number;
  /** Default 200. */
  readonly maxPairs?: number;
  /** Default 20,000: ten seconds at 2,000 a second. */
  readonly maxPackets?: number;
};

/** Empty if the fault has no effect on packets. */
export function probePlan(input: ProbePlanInput): readonly ProbePair[] {
  const own = input.inForce.filter(({ fault }) => fault === input.fault);
  if (own.length === 0) return [];
  return counted(pairsOf(own, input), own, input);
}

type Pair = { readonly from: NodeName; readonly to: NodeName };

/** Some pairs of every ordered pair of classes, in turns, half of them hit. */
function pairsOf(own: readonly PlacedEffect[], input: ProbePlanInput): readonly Pair[] {
  const { fault, nodes, randomSeed, maxNodes = 64, maxPairs = 200 } = input;
  const sides = sidesOf(own, nodes);
  const draw = <T>(list: readonly T[], count: number) =>
    drawn(list, count, randomOf(randomSeed, 'probes', fault, list.length));
  const chosen = draw(sides, maxNodes);
  const perSide = Math.max(1, Math.floor(maxNodes / Math.max(1, chosen.length)));
  const members = chosen.map((side) => draw(side, perSide));
  const isHit = hits(own);
  const cells = members.flatMap((senders) =>
    members.map((receivers) =>
      senders.flatMap((from) =>
        receivers.filter((to) => to !== from).map((to): Pair => ({ from, to })),
      ),
    ),
  );
  const filled = cells.filter((pairs) => pairs.length > 0).map((pairs) => draw(pairs, maxPairs));
  const [hit, spared] = [true, false].map((wanted) =>
    inTurns(filled.filter(([first]) => first !== undefined && isHit(first) === wanted)),
  );
  const half = Math.ceil(maxPairs / 2);
  const room = maxPairs - Math.min(half, spared?.length ?? 0);
  const taken = (hit ?? []).slice(0, room);
  return [...taken, ...(spared ?? []).slice(0, maxPairs - taken.length)];
}

/** Nodes that the fault cannot tell apart; those that it does not touch are a side too. */
function sidesOf(
  own: readonly PlacedEffect[],
  nodes: readonly NodeName[],
): readonly (readonly NodeName[])[] {
  const sets = [...own.map(({ from }) => from), ...own.map(({ to }) => to)];
  const touched = classesOf(nodes, sets).map((one) => one.nodes);
  const known = new Set(touched.flat());
  const rest = nodes.filter((node) => !known.has(node));
  return rest.length === 0 ? touched : [...touched, rest];
}

function hits(own: readonly PlacedEffect[]): (pair: Pair) => boolean {
  const compose = composer(own);
  return ({ from, to }) => compose(from, to).kind !== 'clear';
}

/** With how many probes: enough for what each pair has to show, within the budget. */
function counted(
  pairs: readonly Pair[],
  own: readonly PlacedEffect[],
  { inForce, maxPackets = 20_000 }: ProbePlanInput,
): readonly ProbePair[] {
  const compose = composer(inForce);
  const isHit = hits(own);
  const drafts = pairs.map((pair) => {
    const composed = compose(pair.from, pair.to);
    const profile = isHit(pair) && hasLoss(composed) ? profileOf(composed) : undefined;
    return { ...pair, composed, profile, count: leastCount(composed) };
  });
  const sizes = new Map<string, number>();
  for (const { profile } of drafts) {
    if (profile !== undefined) sizes.set(profile, (sizes.get(profile) ?? 0) + 1);
  }
  const wanted = drafts.map(({ from, to, composed, profile, count }): ProbePair => {
    // A tenth more than the bound: a probe may fall outside the window.
    const all = profile === undefined ? 0 : 1.1 * probesForLoss(expectedLoss(composed));
    return { from, to, count: Math.max(count, Math.ceil(all / (sizes.get(profile ?? '') ?? 1))) };
  });
  return withinBudget(wanted, maxPackets);
}

const few = 10;
const enoughForDelay = 20;

function leastCount(composed: Composed): number {
  if (isCut(composed)) return few;
  return Math.max(enoughForDelay, Math.min(200, probesForReach(expectedLoss(composed).high)));
}

function hasLoss(composed: Composed): boolean {
  return composed.kind === 'shape' && expectedLoss(composed).high > 0;
}

export function profileOf(composed: Composed): string {
  if (composed.kind === 'clear' || composed.kind === 'conflict') return composed.kind;
  return impairmentKey(composed);
}

/** Large counts give way first: better no verdict on a tiny loss than none on anything. */
function withinBudget(pairs: readonly ProbePair[], budget: number): readonly ProbePair[] {
  let cap = Math.max(0, ...pairs.map(({ count }) => count));
  const total = () => pairs.reduce((sum, { count }) => sum + Math.min(cap, count), 0);
  while (cap > few && total() > budget) cap = Math.floor(cap * 0.9);
  return pairs.map((pair) => ({ ...pair, count: Math.min(cap, pair.count) }));
}

/** So many of them, each as likely as any other (Fisher and Yates). */
function drawn<T>(list: readonly T[], count: number, random: () => number): readonly T[] {
  const rest = [...list];
  return Array.from({ length: Math.min(count, list.length) }, () => {
    const at = Math.floor(random() * rest.length);
    const taken = rest.splice(at, 1, ...rest.slice(-1));
    rest.pop();
    return taken;
  }).flat();
}

/** The first of each list, then the second of each, and so on. */
function inTurns<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, at) =>
    lists.flatMap((list) => list.slice(at, at + 1)),
  ).flat();
}
