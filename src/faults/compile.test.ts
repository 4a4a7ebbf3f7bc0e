import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectPairs, pairsOf } from '../../test/interpreter/claims.ts';
import { type Fate, Interpreter } from '../../test/interpreter/nft.ts';
import { type World, worldArbitrary } from '../../test/interpreter/world.ts';
import { PeerstormError } from '../errors.ts';
import { type NodeName, nodeName } from '../names.ts';
import type { Addresses } from './addresses.ts';
import { composer } from './algebra.ts';
import { compile, renewLease, skeleton } from './compile.ts';
import type { PlacedEffect } from './effect.ts';
import type { Ruleset } from './ruleset.ts';

describe('compiled rules', () => {
  test('equal the algebra for every pair, whatever is removed in whatever order', () => {
    fc.assert(
      fc.property(
        worldArbitrary({ bursts: false }),
        fc.infiniteStream(fc.nat()),
        (world, picks) => {
          const kernel = new Interpreter();
          kernel.apply(skeleton());
          let left = [...world.faults];
          let ruleset = step(kernel, world, { effects: left.flat() });
          while (left.length > 0) {
            const gone = (picks.next().value ?? 0) % left.length;
            left = left.filter((_, index) => index !== gone);
            ruleset = step(kernel, world, { effects: left.flat(), previous: ruleset });
          }
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);

  test('refuse two bursts on one pair and nothing else', () => {
    fc.assert(
      fc.property(worldArbitrary({ bursts: true }), (world) => {
        const kernel = new Interpreter();
        kernel.apply(skeleton());
        const effects = world.faults.flat();
        const shapes = effects.filter(({ impairment }) => impairment.kind === 'shape');
        const compose = composer(shapes);
        const clash = pairsOf(world).some(([from, to]) => compose(from, to).kind === 'conflict');
        if (clash) expect(() => compileOf(world, effects)).toThrow(PeerstormError);
        else step(kernel, world, { effects });
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test('hold no name of a node or fault, only a closed set of words', () => {
    fc.assert(
      fc.property(worldArbitrary({ bursts: false }), (world) => {
        const ruleset = compileOf(world, world.faults.flat());
        const text = [
          ...ruleset.load,
          ruleset.flip,
          ruleset.overlay,
          ruleset.retire,
          ruleset.base.remove,
          ruleset.faults.remove,
        ].join('');
        expect(text).not.toMatch(/\bn-\d/);
        expect(text).not.toMatch(/\bx\d/);
        for (const line of text.split('\n')) {
          expect(line).toMatch(
            /^$|^(?:add|insert|delete|flush) (?:chain|rule|map|element|counter) inet /,
          );
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** One change as the fabric makes it, then every pair beside the algebra. */
function step(
  kernel: Interpreter,
  world: World,
  { effects, previous }: { effects: readonly PlacedEffect[]; previous?: Ruleset },
): Ruleset {
  const ruleset = compileOf(world, effects, previous);
  const before = previous === undefined ? undefined : fates(kernel, world);
  for (const text of ruleset.load) kernel.apply(text);
  if (before !== undefined) expect(fates(kernel, world)).toBe(before);
  kernel.apply(renewLease(10));
  kernel.apply(ruleset.overlay);
  const after = fates(kernel, world);
  kernel.apply(ruleset.flip + ruleset.retire);
  expect(fates(kernel, world)).toBe(after);
  expectOnlyOwn(kernel, ruleset);
  expectAlgebra(kernel, world, { ruleset, effects: [...world.base, ...effects], alive: true });
  expectAlgebra(kernel, world, { ruleset, effects: world.base, alive: false });
  return ruleset;
}

function compileOf(world: World, effects: readonly PlacedEffect[], previous?: Ruleset): Ruleset {
  return compile({
    generation: (previous?.generation ?? 0) + 1,
    ...(previous === undefined ? {} : { previous }),
    base: world.base,
    effects,
    addresses: world.addresses,
    minors: previous?.minors ?? new Map(),
    faultIds: world.faultIds,
  });
}

/** What becomes of every pair's packets, as one text (cheap to compare). */
function fates(kernel: Interpreter, world: World): string {
  const all = pairsOf(world).map(([from, to]) => forward(kernel, world, { from, to, alive: true }));
  return JSON.stringify(all);
}

function forward(
  kernel: Interpreter,
  { addresses }: World,
  { from, to, alive }: { from: NodeName; to: NodeName; alive: boolean },
): readonly Fate[] {
  return kernel.pass('forward', {
    saddr: addresses.get(from)?.[0] ?? '',
    daddr: addresses.get(to)?.[0] ?? '',
    protocol: 'udp',
    leaseAlive: alive,
  });
}

function expectOnlyOwn(kernel: Interpreter, { base, faults }: Ruleset): void {
  const known = /^(?:lease|base|active|forward)$/;
  const own = new RegExp(`^(?:g${faults.number}|b${base.number})(?:_|$)`);
  expect(kernel.objects().filter((name) => !known.test(name) && !own.test(name))).toEqual([]);
}

type Claim = {
  readonly ruleset: Ruleset;
  readonly effects: readonly PlacedEffect[];
  readonly alive: boolean;
};

function expectAlgebra(kernel: Interpreter, world: World, claim: Claim): void {
  const { alive, ruleset } = claim;
  expectPairs(world, claim, (from, to) => ({
    seen: forward(kernel, world, { from, to, alive }),
    port: to,
    classes: ruleset.classes,
  }));
}

function nodesOf(count: number): Addresses {
  const names = Array.from({ length: count }, (_, index) => nodeName('n', index));
  return new Map(names.map((name, at) => [name, [`10.64.${at >> 8}.${at & 255}`]]));
}

const addresses = nodesOf(600);
const all = [...addresses.keys()];
const empty: World = { nodes: all, addresses, base: [], faults: [], faultIds: new Map([['f', 1]]) };
const rate = { kind: 'shape', rateBitsPerSecond: 1e6 } as const;

function effect(
  from: readonly NodeName[],
  to: readonly NodeName[],
  impairment: PlacedEffect['impairment'],
): PlacedEffect {
  return { fault: 'f', from, to, impairment };
}

function delayed(delayMs: number): readonly PlacedEffect[] {
  return [effect(all.slice(0, 2), all.slice(2, 3), { kind: 'shape', delayMs })];
}

describe('a ruleset', () => {
  test('keeps a base layer that says the same', () => {
    const link = effect(all, all, { kind: 'shape', delayMs: 5 });
    const world = { ...empty, base: [{ ...link, fault: '' }] };
    const first = compileOf(world, []);
    const second = compileOf(world, [], first);
    expect(first.load.join('')).toContain(' b1_src ');
    expect(second.load.join('')).not.toContain(' b1_src ');
    expect(second.retire).not.toContain(' b1');
    const third = compileOf({ ...world, base: [] }, [], second);
    expect(third.retire).toContain('delete chain inet peerstorm b1\n');
  });

  test('keeps faults that say the same, all of them or none', () => {
    const many = nodesOf(4_000);
    const cut = [effect([...many.keys()], [...many.keys()], { kind: 'drop' })];
    const first = compileOf({ ...empty, addresses: many }, cut);
    expect(compileOf({ ...empty, addresses: many }, cut, first).load).toEqual([]);
    // One address of the last transaction, and one that looks like the name of a generation.
    for (const address of ['10.99.0.1', '::b2']) {
      const moved = new Map([...many, [nodeName('n', 3_999), [address]]]);
      const second = compileOf({ ...empty, addresses: moved }, cut, first);
      expect(second.faults.number).toBe(2);
      expect(second.retire).toContain('delete chain inet peerstorm g1\n');
    }
  });

  test('keeps each transaction small', () => {
    const many = nodesOf(4_000);
    const nodes = [...many.keys()];
    const { load } = compileOf({ ...empty, addresses: many }, [
      effect(nodes, nodes, { kind: 'drop' }),
    ]);
    expect(load.length).toBeGreaterThan(4);
    for (const text of load) expect(text.split(/[,\n]/).length).toBeLessThanOrEqual(1_520);
  });

  test('has at most 256 classes on a port', () => {
    const under = (from: readonly NodeName[]) =>
      compileOf(empty, [effect(from, all.slice(0, 1), rate)]);
    expect(under(all.slice(1, 257)).classes).toHaveLength(256);
    expect(() => under(all.slice(1, 258))).toThrow(/256 traffic classes.*n-0/);
    expect(() => under(all)).toThrow(/256 traffic classes.*n-0/);
  });

  test('never gives a number of a class to another content', () => {
    const first = compileOf(empty, delayed(10));
    const second = compileOf(empty, delayed(20), first);
    const third = compileOf(empty, delayed(10), second);
    expect(second.classes[0]?.minor).not.toBe(first.classes[0]?.minor);
    expect(third.classes).toEqual(first.classes);
  });

  test('leaves nodes without an address out', () => {
    const ghost = nodeName('ghost', 0);
    const { load, classes } = compileOf(empty, [
      effect([ghost], all, { kind: 'drop' }),
      effect(all, [ghost], rate),
    ]);
    expect(classes).toEqual([]);
    expect(load.join('')).not.toContain('undefined');
  });

  test('has no conflict where only a node and itself would meet two bursts', () => {
    const burst = { enterRatio: 0.1, leaveRatio: 0.3, lossRatio: 1 };
    const [a, b] = [all.slice(0, 1), all.slice(0, 2)];
    const c = [...a, ...all.slice(2, 4)];
    const twice = (to: readonly NodeName[]) => [
      effect(a, b, { kind: 'shape', burst }),
      { ...effect(a, to, { kind: 'shape', burst }), fault: 'g' },
    ];
    const world = { ...empty, faultIds: new Map([...empty.faultIds, ['g', 2]]) };
    expect(() => compileOf(world, twice(c))).not.toThrow();
    expect(() => compileOf(world, twice(b))).toThrow(PeerstormError);
  });

  test('refuses an address that is none', () => {
    const addresses = new Map([[nodeName('n', 0), ['10.0.0.1 } ; flush ruleset']]]);
    expect(() => compileOf({ ...empty, addresses }, [])).toThrow(TypeError);
  });
});
