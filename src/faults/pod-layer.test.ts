import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectPairs, pairsOf } from '../../test/interpreter/claims.ts';
import { type Fate, Interpreter, type Packet } from '../../test/interpreter/nft.ts';
import { type World, worldArbitrary } from '../../test/interpreter/world.ts';
import { type NodeName, nodeName } from '../names.ts';
import { compile, renewLease, skeleton } from './compile.ts';
import type { PlacedEffect } from './effect.ts';
import type { Ruleset } from './ruleset.ts';

type Pod = { readonly kernel: Interpreter; ruleset?: Ruleset };
type Pods = ReadonlyMap<NodeName, Pod>;
type Family = 4 | 6;

describe('the rules of all pods', () => {
  test('equal the algebra for every pair, whatever is removed in whatever order', () => {
    fc.assert(
      fc.property(
        worldArbitrary({ bursts: false }),
        fc.infiniteStream(fc.nat()),
        fc.constantFrom<Family>(4, 6),
        (world, picks, family) => {
          const pods = podsOf(world);
          let left = [...world.faults];
          step(pods, { world, effects: left.flat(), family });
          while (left.length > 0) {
            const gone = (picks.next().value ?? 0) % left.length;
            left = left.filter((_, index) => index !== gone);
            step(pods, { world, effects: left.flat(), family });
          }
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);

  test('count each packet of a fault once, where it is lost', () => {
    fc.assert(
      fc.property(worldArbitrary({ bursts: false }), (world) => {
        const pods = podsOf(world);
        step(pods, { world, effects: world.faults.flat(), family: 4 });
        for (const [from, to] of pairsOf(world)) {
          for (const { counters } of journey(pods, world, { from, to, family: 4, alive: true })) {
            expect(new Set(counters).size).toBe(counters.length);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

type Situation = {
  readonly world: World;
  readonly effects: readonly PlacedEffect[];
  readonly family: Family;
};

function podsOf({ nodes }: World): Pods {
  return new Map(
    nodes.map((node) => {
      const kernel = new Interpreter();
      kernel.apply(skeleton({ kind: 'pod', node }));
      return [node, { kernel }];
    }),
  );
}

/** One change, in every pod as a transaction of its own; then every pair beside the algebra. */
function step(pods: Pods, { world, effects, family }: Situation): void {
  for (const [node, pod] of pods) {
    const previous = pod.ruleset;
    const ruleset = compile({
      place: { kind: 'pod', node },
      generation: (previous?.generation ?? 0) + 1,
      ...(previous === undefined ? {} : { previous }),
      base: world.base,
      effects,
      addresses: world.addresses,
      minors: previous?.minors ?? new Map(),
      faultIds: world.faultIds,
    });
    const { load, flip, retire } = ruleset;
    pod.kernel.apply([...load, flip, renewLease(10), retire].join(''));
    pod.ruleset = ruleset;
  }
  const classes = [...pods.values()].flatMap(({ ruleset }) => ruleset?.classes ?? []);
  for (const alive of [true, false]) {
    const inForce = alive ? [...world.base, ...effects] : world.base;
    expectPairs(world, { effects: inForce }, (from, to) => ({
      seen: journey(pods, world, { from, to, family, alive }),
      port: from,
      classes,
      rejectsFirst: true,
    }));
  }
}

type Trip = {
  readonly from: NodeName;
  readonly to: NodeName;
  readonly family: Family;
  readonly alive: boolean;
};

/** Out of one pod and into the other. */
function journey(pods: Pods, world: World, { from, to, family, alive }: Trip): readonly Fate[] {
  const address = (node: NodeName) => world.addresses.get(node)?.[family === 4 ? 0 : 1] ?? '';
  const packet: Packet = {
    saddr: address(from),
    daddr: address(to),
    protocol: 'udp',
    leaseAlive: alive,
  };
  const [sender, receiver] = [pods.get(from)?.kernel, pods.get(to)?.kernel];
  if (sender === undefined || receiver === undefined) throw new RangeError('no pod');
  let fates = sender.pass('send', packet);
  for (const [kernel, chain] of [
    [sender, 'leave'],
    [receiver, 'receive'],
  ] as const) {
    fates = fates.flatMap((before) => {
      if (before.verdict !== 'accept') return [before];
      const next = kernel.pass(chain, packet);
      if (chain === 'leave') expect(next.every(({ verdict }) => verdict === 'accept')).toBe(true);
      return next.map((after) => ({
        weight: before.weight * after.weight,
        verdict: after.verdict,
        priority: after.priority ?? before.priority,
        counters: [...before.counters, ...after.counters],
      }));
    });
  }
  return fates;
}

const nodes = ['n', 'n', 'n', 'n'].map((group, index) => nodeName(group, index));
const [self = nodeName('n', 0), other = nodeName('n', 1), third = nodeName('n', 2)] = nodes;
const addresses = new Map(
  nodes.map((node, at) => [node, [`10.0.0.${at + 1}`, `FD00:0:0::0${at + 1}`]]),
);

function ruled(effects: readonly PlacedEffect[], options: Partial<Parameters<typeof compile>[0]>) {
  const ruleset = compile({
    place: { kind: 'pod', node: self },
    generation: 1,
    base: [],
    effects,
    addresses,
    minors: new Map(),
    faultIds: new Map([['f', 3]]),
    ...options,
  });
  const kernel = new Interpreter();
  kernel.apply(skeleton({ kind: 'pod', node: self }));
  kernel.apply([...ruleset.load, ruleset.flip, renewLease(10)].join(''));
  return { kernel, ruleset };
}

function effect(
  from: readonly NodeName[],
  to: readonly NodeName[],
  impairment: PlacedEffect['impairment'],
): PlacedEffect {
  return { fault: 'f', from, to, impairment };
}

const verdict = (kernel: Interpreter, chain: string, packet: Partial<Packet>) =>
  kernel.pass(chain, {
    saddr: '10.0.0.1',
    daddr: '10.0.0.2',
    protocol: 'tcp',
    leaseAlive: true,
    ...packet,
  })[0]?.verdict;

describe('the rules of one pod', () => {
  const cut = [effect(nodes, nodes, { kind: 'drop' })];
  const refused = [effect(nodes, nodes, { kind: 'reject' })];

  test.each([
    ['a peer', { saddr: '10.0.0.2' }, 'drop'],
    ['a peer by IPv6', { saddr: 'fd00::2' }, 'drop'],
    ['somebody outside', { saddr: '10.0.0.99' }, 'accept'],
    ['a peer as neighbour', { saddr: 'fd00::2', protocol: 'neighbour discovery' }, 'accept'],
    ['itself', { saddr: '10.0.0.1' }, 'accept'],
    ['a peer while the lease is out', { saddr: '10.0.0.2', leaseAlive: false }, 'accept'],
  ] as const)('of a cut, for what comes from %s', (...[, packet, expected]) => {
    expect(verdict(ruled(cut, {}).kernel, 'receive', packet)).toBe(expected);
  });

  test('never drop what goes out: the sender would be told', () => {
    const { kernel } = ruled(cut, {});
    expect(verdict(kernel, 'send', {})).toBe('accept');
    expect(verdict(kernel, 'leave', {})).toBe('accept');
  });

  test('reject at the sender, and let the answer come in over loopback', () => {
    const { kernel } = ruled(refused, {});
    expect(verdict(kernel, 'send', {})).toBe('reject');
    const answer = { saddr: '10.0.0.2', daddr: '10.0.0.1' };
    expect(verdict(kernel, 'send', answer)).toBe('accept');
    expect(verdict(kernel, 'receive', { ...answer, loopback: true })).toBe('accept');
    expect(verdict(kernel, 'receive', answer)).toBe('drop');
  });

  test('say nothing of faults between others', () => {
    const before = ruled([], {}).ruleset;
    const { ruleset } = {
      ruleset: compileAfter(before, [effect([other], [third], { kind: 'drop' })]),
    };
    expect([ruleset.load, ruleset.flip, ruleset.retire]).toEqual([[], '', '']);
  });

  test('are made anew when the kernel does not hold what it was given', () => {
    const before = ruled(cut, {}).ruleset;
    expect(compileAfter(before, cut).load).toEqual([]);
    expect(compileAfter(before, cut, true).flip).toContain('goto g2_in');
  });

  test('give each receiver a class of its own for a rate, at most 256', () => {
    const many = Array.from({ length: 258 }, (_, index) => nodeName('m', index));
    const first = many[0] ?? self;
    const options = {
      place: { kind: 'pod', node: first } as const,
      addresses: new Map(many.map((node, at) => [node, [`10.1.${at >> 8}.${at & 255}`]])),
    };
    const rate = { kind: 'shape', rateBitsPerSecond: 1e6 } as const;
    const { classes } = ruled([effect(many, many.slice(0, 257), rate)], options).ruleset;
    expect(classes.map(({ port }) => port)).toEqual(Array.from({ length: 256 }, () => first));
    expect(() => ruled([effect(many, many, rate)], options)).toThrow(/256 traffic classes/);
  });

  test('hold an address once that two nodes claim: for the last of them', () => {
    const claimed = new Map([...addresses, [third, ['10.0.0.2']]]);
    const { kernel } = ruled([effect([third], [self], { kind: 'drop' })], { addresses: claimed });
    expect(verdict(kernel, 'receive', { saddr: '10.0.0.2' })).toBe('drop');
  });
});

function compileAfter(previous: Ruleset, effects: readonly PlacedEffect[], afresh = false) {
  return compile({
    place: { kind: 'pod', node: self },
    generation: 2,
    previous,
    afresh,
    base: [],
    effects,
    addresses,
    minors: previous.minors,
    faultIds: new Map([['f', 3]]),
  });
}
