// What packets of every pair of nodes must meet, by the algebra.
import { expect } from 'vitest';
import { type Composed, composer } from '../../src/faults/algebra.ts';
import type { PlacedEffect, Shape } from '../../src/faults/effect.ts';
import type { TcClass } from '../../src/faults/ruleset.ts';
import type { NodeName } from '../../src/names.ts';
import type { Fate } from './nft.ts';
import type { World } from './world.ts';

export type Sight = {
  readonly seen: readonly Fate[];
  /** Where its classes are, and all that are there. */
  readonly port: NodeName;
  readonly classes: readonly TcClass[];
  /** Rejected before the base layer can lose it. */
  readonly rejectsFirst?: boolean;
};

/** Every pair beside the algebra; a class with a state is of one pair only. */
export function expectPairs(
  world: World,
  { effects }: { readonly effects: readonly PlacedEffect[] },
  look: (from: NodeName, to: NodeName) => Sight,
): void {
  const compose = composer(effects);
  const base = composer(world.base);
  const pairs = new Map<string, string>();
  for (const [from, to] of pairsOf(world)) {
    const { seen, port, classes, rejectsFirst = false } = look(from, to);
    const under = base(from, to);
    const meaning = compose(from, to);
    const baseLoss = under.kind === 'shape' ? (under.lossRatio ?? 0) : 0;
    expectVerdicts(seen, meaning, rejectsFirst ? 0 : baseLoss);
    if (meaning.kind !== 'shape' && meaning.kind !== 'clear') continue;
    const { kind: _, ...shape } = meaning;
    const own = classes.filter((one) => one.port === port);
    const lanes = lanesOf(seen, port, new Map(own.map((one) => [one.minor, one])));
    expectLanes(lanes, shape);
    for (const { used } of lanes) {
      if (used?.shape.rateBitsPerSecond === undefined && used?.shape.burst === undefined) continue;
      const key = `${port} ${used.minor}`;
      expect(pairs.get(key) ?? `${from} ${to}`).toBe(`${from} ${to}`);
      pairs.set(key, `${from} ${to}`);
    }
  }
}

export function pairsOf({ nodes }: World): readonly (readonly [NodeName, NodeName])[] {
  return nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to) => [from, to] as const),
  );
}

function expectVerdicts(seen: readonly Fate[], meaning: Composed, lostBefore: number): void {
  const share = (verdict: Fate['verdict']) =>
    seen.filter((one) => one.verdict === verdict).reduce((sum, { weight }) => sum + weight, 0);
  expect(share('accept') + share('drop') + share('reject')).toBeCloseTo(1, 9);
  if (meaning.kind === 'drop') expect(share('drop')).toBeCloseTo(1, 9);
  else if (meaning.kind === 'reject') {
    // What the base layer loses on the way never gets there to be rejected.
    expect(share('reject')).toBeCloseTo(1 - lostBefore, 5);
    expect(share('accept')).toBe(0);
  } else {
    expect(share('reject')).toBe(0);
    expect(share('drop')).toBeCloseTo(meaning.kind === 'shape' ? (meaning.lossRatio ?? 0) : 0, 5);
  }
}

type Lane = { readonly weight: number; readonly used: TcClass | undefined };

/** The classes that the accepted packets go through, and how many through which. */
function lanesOf(
  seen: readonly Fate[],
  port: NodeName,
  classes: ReadonlyMap<number, TcClass>,
): readonly Lane[] {
  const accepted = seen.filter(({ verdict, weight }) => verdict === 'accept' && weight > 0);
  const total = accepted.reduce((sum, { weight }) => sum + weight, 0);
  const weights = new Map<string | undefined, number>();
  for (const { priority, weight } of accepted) {
    weights.set(priority, (weights.get(priority) ?? 0) + weight / total);
  }
  return [...weights].map(([priority, weight]) => {
    if (priority === undefined) return { weight, used: undefined };
    const [major, minor = ''] = priority.split(':');
    expect(major).toBe('5053');
    const used = classes.get(Number.parseInt(minor, 16));
    // A class that is not there would let packets through unshaped, silently.
    expect(used, `class ${priority} on the port of ${port}`).toBeDefined();
    expect(used?.inner).toBeUndefined();
    return { weight, used };
  });
}

function expectLanes(lanes: readonly Lane[], meaning: Shape): void {
  if (lanes.length === 0) return; // all of it is lost
  const { lossRatio: _, reorder, ...prompt } = meaning;
  const empty = Object.keys(prompt).length === 0;
  const expected: { readonly weight: number; readonly shape: Shape | undefined }[] = [];
  const share = reorder?.shareRatio ?? 0;
  if (share < 1) expected.push({ weight: 1 - share, shape: empty ? undefined : prompt });
  if (reorder !== undefined) {
    const late = { ...prompt, delayMs: (prompt.delayMs ?? 0) + reorder.byMs };
    expected.push({ weight: share, shape: late });
  }
  expect(lanes.length).toBe(expected.length);
  if (Math.abs(share - 0.5) < 1e-3) return; // which lane is which shows by its weight only
  for (const [index, lane] of byWeight(lanes).entries()) {
    const wanted = byWeight(expected)[index];
    expect(lane.weight).toBeCloseTo(wanted?.weight ?? -1, 5);
    expect(roundedShape(lane.used?.shape)).toEqual(roundedShape(wanted?.shape));
  }
}

function byWeight<T extends { readonly weight: number }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => a.weight - b.weight);
}

/** tc text counts in microseconds and parts in a thousand million. */
function roundedShape(shape: Shape | undefined): unknown {
  const text = JSON.stringify(shape ?? {}, (key, value: unknown) => {
    if (typeof value !== 'number') return value;
    return Number(value.toFixed(key.endsWith('Ms') ? 3 : 9));
  });
  return JSON.parse(text);
}
