// Random testnets for properties: nodes in regions with links, and faults of every kind that acts
// on packets, as the effects that the plan would make of them.
import * as fc from 'fast-check';
import type { Addresses } from '../../src/faults/addresses.ts';
import type { Impairment, PlacedEffect, Shape } from '../../src/faults/effect.ts';
import { type NodeName, nodeName } from '../../src/names.ts';

export type World = {
  readonly nodes: readonly NodeName[];
  readonly addresses: Addresses;
  readonly base: readonly PlacedEffect[];
  /** One list of effects for each fault. */
  readonly faults: readonly (readonly PlacedEffect[])[];
  readonly faultIds: ReadonlyMap<string, number>;
};

const ratio = fc.integer({ min: 1, max: 999_999 }).map((parts) => parts / 1e6);
const someRatio = fc.oneof(
  { weight: 9, arbitrary: ratio },
  { weight: 1, arbitrary: fc.constant(1) },
);
const milliseconds = fc.integer({ min: 1, max: 300_000 }).map((us) => us / 1_000);
const rate = fc.integer({ min: 1, max: 1_000 }).map((megabits) => megabits * 1e5);

const linkShape: fc.Arbitrary<Shape> = fc.record(
  { lossRatio: ratio, delayMs: milliseconds, jitterMs: milliseconds, rateBitsPerSecond: rate },
  { requiredKeys: [] },
);

export const faultShape: fc.Arbitrary<Shape> = fc.record(
  {
    lossRatio: someRatio,
    burst: fc.record({ enterRatio: ratio, leaveRatio: ratio, lossRatio: ratio }),
    delayMs: milliseconds,
    jitterMs: milliseconds,
    rateBitsPerSecond: rate,
    duplicateRatio: ratio,
    corruptRatio: ratio,
    reorder: fc.record({ shareRatio: ratio, byMs: milliseconds }),
  },
  { requiredKeys: [] },
);

/** `bursts: false` for properties in which two of them would meet on a pair. */
export function worldArbitrary(options: { readonly bursts: boolean }): fc.Arbitrary<World> {
  return fc.integer({ min: 2, max: 8 }).chain((count) => {
    const nodes = Array.from({ length: count }, (_, index) => nodeName('n', index));
    const shape = options.bursts ? faultShape : faultShape.map(withoutBurst);
    return fc
      .record({
        base: baseOf(nodes),
        faults: fc.array(fc.oneof(partitionOf(nodes), linkOf(nodes, shape), eclipseOf(nodes)), {
          maxLength: 5,
        }),
      })
      .map(({ base, faults }) => {
        const named = faults.map((effects, index) =>
          effects.map((effect) => ({ ...effect, fault: faultName(index) })),
        );
        return {
          nodes,
          addresses: new Map(
            nodes.map((node, index) => [node, [`10.64.${index}.1`, `fd00:b1::b${index}`]]),
          ),
          base,
          faults: named,
          faultIds: new Map(faults.map((_, index) => [faultName(index), index * 7])),
        };
      });
  });
}

/** Hostile, as no spec would let it through: the text must not show it. */
function faultName(index: number): string {
  return `x${index} } ; drop`;
}

type Unnamed = Omit<PlacedEffect, 'fault'>;

function partitionOf(nodes: readonly NodeName[]): fc.Arbitrary<readonly Unnamed[]> {
  const sides = fc.array(fc.integer({ min: 0, max: 2 }), {
    minLength: nodes.length,
    maxLength: nodes.length,
  });
  const mode = fc.constantFrom<Impairment>({ kind: 'drop' }, { kind: 'reject' });
  return fc.tuple(sides, mode, fc.boolean()).map(([sides, impairment, oneWay]) =>
    (oneWay ? [0] : [0, 1, 2]).map((side) => ({
      from: nodes.filter((_, index) => sides[index] === side),
      to: nodes.filter((_, index) => sides[index] !== side),
      impairment,
    })),
  );
}

function linkOf(
  nodes: readonly NodeName[],
  shape: fc.Arbitrary<Shape>,
): fc.Arbitrary<readonly Unnamed[]> {
  return fc
    .tuple(fc.subarray([...nodes]), fc.subarray([...nodes]), shape, fc.boolean())
    .map(([from, to, shape, symmetric]) => {
      const impairment: Impairment = { kind: 'shape', ...shape };
      const there = { from, to, impairment };
      return symmetric ? [there, { from: to, to: from, impairment }] : [there];
    });
}

function eclipseOf(nodes: readonly NodeName[]): fc.Arbitrary<readonly Unnamed[]> {
  const parts = fc.array(fc.constantFrom('victim', 'attacker', 'other'), {
    minLength: nodes.length,
    maxLength: nodes.length,
  });
  return parts.map((parts) => {
    const victims = nodes.filter((_, index) => parts[index] === 'victim');
    const others = nodes.filter((_, index) => parts[index] !== 'attacker');
    const impairment: Impairment = { kind: 'drop' };
    return [
      { from: victims, to: others, impairment },
      { from: others, to: victims, impairment },
    ];
  });
}

/** Every pair of regions has at most one link, in each direction its own shape. */
function baseOf(nodes: readonly NodeName[]): fc.Arbitrary<readonly PlacedEffect[]> {
  const regions = 3;
  const cells = Array.from({ length: regions * regions }, (_, index) => index);
  return fc
    .tuple(
      fc.array(fc.integer({ min: 0, max: regions - 1 }), {
        minLength: nodes.length,
        maxLength: nodes.length,
      }),
      fc.array(fc.option(linkShape), { minLength: cells.length, maxLength: cells.length }),
    )
    .map(([regionOf, shapes]) =>
      cells.flatMap((cell) => {
        const shape = shapes[cell];
        if (shape == null) return [];
        const from = nodes.filter((_, at) => regionOf[at] === Math.floor(cell / regions));
        const to = nodes.filter((_, at) => regionOf[at] === cell % regions);
        return [{ fault: '', from, to, impairment: { kind: 'shape' as const, ...shape } }];
      }),
    );
}

function withoutBurst(shape: Shape): Shape {
  const { burst: _, ...rest } = shape;
  return rest;
}
