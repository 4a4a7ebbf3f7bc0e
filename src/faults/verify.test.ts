import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { worldArbitrary } from '../../test/interpreter/world.ts';
import { type NodeName, nodeName } from '../names.ts';
import { randomOf } from '../random.ts';
import type { FaultCounters, ProbePair, ProbeResult } from '../runtime/runtime.ts';
import { type Composed, composer } from './algebra.ts';
import type { Impairment, PlacedEffect, Shape } from './effect.ts';
import { probePlan } from './probe-plan.ts';
import { type Evidence, judge } from './verify.ts';

type Network = (from: NodeName, to: NodeName) => Composed;

/** What probes see of a network, and a latency of 0.2 ms that every machine adds. */
function probed(pairs: readonly ProbePair[], network: Network, seed: number): ProbeResult[] {
  return pairs.map(({ from, to, count }): ProbeResult => {
    const random = randomOf(seed, from, to);
    const delaysMs: number[] = [];
    const composed = network(from, to);
    let lossy = false;
    for (
      let sent = 0;
      sent < count && composed.kind !== 'drop' && composed.kind !== 'reject';
      sent += 1
    ) {
      const shape: Shape = composed.kind === 'shape' ? composed : {};
      const { burst } = shape;
      if (burst !== undefined) {
        lossy = lossy ? random() >= burst.leaveRatio : random() < burst.enterRatio;
      }
      const lost =
        random() < (shape.lossRatio ?? 0) ||
        (burst !== undefined && lossy && random() < burst.lossRatio) ||
        random() < (shape.corruptRatio ?? 0);
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const late = random() < (shape.reorder?.shareRatio ?? 0) ? (shape.reorder?.byMs ?? 0) : 0;
      const delay = (shape.delayMs ?? 0) + normal * (shape.jitterMs ?? 0) + late;
      if (!lost) delaysMs.push(0.2 + 0.05 * random() + Math.max(0, delay));
    }
    return { from, to, sent: count, received: delaysMs.length, delaysMs, sentAt: [1_000, 2_000] };
  });
}

const none: FaultCounters = {
  matchedPackets: 0,
  matchedBytes: 0,
  droppedPackets: 0,
  droppedBytes: 0,
};

type Case = {
  readonly nodes: readonly NodeName[];
  readonly inForce: readonly PlacedEffect[];
  readonly fault: string;
  /** Default: as the algebra says. */
  readonly network?: Network;
  readonly seed?: number;
  readonly maxPackets?: number;
  readonly more?: Partial<Evidence>;
};

function judged(one: Case) {
  const { nodes, inForce, fault, network, seed = 1, maxPackets = 20_000, more = {} } = one;
  const pairs = probePlan({ fault, inForce, nodes, randomSeed: seed, maxPackets });
  const results = probed(pairs, network ?? composer(inForce), seed);
  return judge({
    name: fault,
    kind: 'link',
    effects: inForce.filter((one) => one.fault === fault),
    rounds: [{ inForce, since: 1_000, until: 2_000, results }],
    counters: none,
    lapsedPackets: 0,
    ...more,
  });
}

const nodes = Array.from({ length: 12 }, (_, index) => nodeName('n', index));
const [left, right] = [nodes.slice(0, 5), nodes.slice(5, 10)];
const clear: Network = () => ({ kind: 'clear' });

function effect(impairment: Impairment, fault = 'f'): PlacedEffect {
  return { fault, from: left, to: right, impairment };
}

function shaped(shape: Shape): Case {
  return { nodes, inForce: [effect({ kind: 'shape', ...shape })], fault: 'f' };
}

const cut: Case = { nodes, inForce: [effect({ kind: 'drop' })], fault: 'f' };
const lossy = shaped({ lossRatio: 0.1 });
const slow = shaped({ delayMs: 50, jitterMs: 10 });

describe('a plan of probes', () => {
  test.each([
    ['a cut', cut],
    ['a loss', lossy],
    ['a cut of one of 10,000', wide()],
  ])('of %s keeps to its bounds and looks at both sides', (_, { inForce, nodes }) => {
    const pairs = probePlan({ fault: 'f', inForce, nodes, randomSeed: 7 });
    const hit = pairs.filter(({ from, to }) => composer(inForce)(from, to).kind !== 'clear');
    expect(pairs.length).toBeLessThanOrEqual(200);
    expect(new Set(pairs.flatMap(({ from, to }) => [from, to])).size).toBeLessThanOrEqual(64);
    expect(new Set(pairs.map(({ from, to }) => `${from} ${to}`)).size).toBe(pairs.length);
    expect(hit.length).toBeGreaterThan(0);
    expect(pairs.length - hit.length).toBeGreaterThan(0);
    expect(pairs.some(({ from, to }) => from === to)).toBe(false);
  });

  test.each([0.5, 0.1, 0.01, 0.001])('has 14.5 / p probes for a loss of %d', (lossRatio) => {
    const { inForce, nodes } = shaped({ lossRatio });
    const pairs = probePlan({ fault: 'f', inForce, nodes, randomSeed: 7 });
    const hit = pairs.filter(({ from, to }) => composer(inForce)(from, to).kind !== 'clear');
    const sent = hit.reduce((sum, { count }) => sum + count, 0);
    expect(sent).toBeGreaterThanOrEqual(14.5 / lossRatio);
    expect(pairs.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(20_000);
  });

  test('is drawn by its seed', () => {
    const world = wide();
    expect(probePlan({ ...world, randomSeed: 1 })).toEqual(probePlan({ ...world, randomSeed: 1 }));
    expect(probePlan({ ...world, randomSeed: 1 })).not.toEqual(
      probePlan({ ...world, randomSeed: 2 }),
    );
  });

  test('of a fault without effects is empty', () => {
    expect(probePlan({ fault: 'kill', inForce: cut.inForce, nodes, randomSeed: 1 })).toEqual([]);
  });
});

function wide(): Case & { readonly fault: string } {
  const many = Array.from({ length: 10_000 }, (_, index) => nodeName('n', index));
  const [victim, ...others] = many;
  const impairment: Impairment = { kind: 'drop' };
  const inForce =
    victim === undefined ? [] : [{ fault: 'f', from: [victim], to: others, impairment }];
  return { nodes: many, inForce, fault: 'f' };
}

describe('a fault is proved', () => {
  test.each([
    ['a drop', cut],
    ['a reject', { ...cut, inForce: [effect({ kind: 'reject' })] }],
    ['a loss', lossy],
    ['a loss of everything', shaped({ lossRatio: 1 })],
    ['a loss in bursts', shaped({ burst: { enterRatio: 0.05, leaveRatio: 0.3, lossRatio: 0.9 } })],
    ['a delay', slow],
    ['late packets', shaped({ delayMs: 20, reorder: { shareRatio: 0.25, byMs: 30 } })],
    ['a delay over a base', overBase()],
    ['a drop beside a loss', { ...cut, inForce: [...cut.inForce, ...lossAll()] }],
  ])('%s, when the network does what the algebra says', (_, one) => {
    const { outcome, observed } = judged(one);
    expect(observed.notes).toEqual(['the nodes themselves sent no packet over it']);
    expect(outcome).toBe('proved');
    expect(observed.proved).toBe(true);
    expect(observed.leaks).toBe(0);
  });

  test('a rate, with a note that nobody measured it', () => {
    const { outcome, observed } = judged(shaped({ rateBitsPerSecond: 1e6 }));
    expect(outcome).toBe('proved');
    expect(observed.notes.join()).toMatch(/read back from the kernel, not measured/);
  });

  test('with what was measured beside what was asked', () => {
    const { asked, measured } = judged(overBase()).observed;
    expect(asked).toEqual({ loss: 0.2, delayMs: 30 });
    expect(measured['loss']).toBeCloseTo(0.2, 1);
    expect(measured['delayMs']).toBeCloseTo(30, 0);
  });

  test('for any sound network and any faults at once', () => {
    fc.assert(
      fc.property(worldArbitrary({ bursts: false }), fc.nat(), (world, seed) => {
        for (const effects of world.faults) {
          const fault = effects[0]?.fault ?? '';
          const inForce = [...world.base, ...world.faults.flat()].map(withSaneJitter);
          const { outcome, observed } = judged({
            nodes: world.nodes,
            inForce,
            fault,
            seed,
            maxPackets: 2_000,
          });
          expect(`${outcome} ${observed.notes.join()}`).not.toMatch(/^unproved/);
        }
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

/** netem cuts a normal distribution off at zero; the spec asks for delay >= 3 x jitter. */
function withSaneJitter(one: PlacedEffect): PlacedEffect {
  if (one.impairment.kind !== 'shape') return one;
  const { jitterMs, ...rest } = one.impairment;
  if (jitterMs === undefined || rest.delayMs === undefined) return { ...one, impairment: rest };
  return { ...one, impairment: { ...rest, jitterMs: Math.min(jitterMs, rest.delayMs / 4) } };
}

function overBase(): Case {
  const base = effect({ kind: 'shape', delayMs: 40, jitterMs: 4, lossRatio: 0.05 }, '');
  const everywhere = { ...base, from: nodes, to: nodes };
  const own = effect({ kind: 'shape', delayMs: 30, lossRatio: 0.2 });
  return { nodes, inForce: [everywhere, own], fault: 'f' };
}

function lossAll(): readonly PlacedEffect[] {
  return [{ ...effect({ kind: 'shape', lossRatio: 0.3 }, 'g'), from: nodes, to: nodes }];
}

/** As the algebra says, but for what is given. */
function but(
  one: Case,
  change: (from: NodeName, to: NodeName, composed: Composed) => Composed,
): Case {
  const compose = composer(one.inForce);
  return { ...one, network: (from, to) => change(from, to, compose(from, to)) };
}

const isHit = (from: NodeName, to: NodeName) => left.includes(from) && right.includes(to);

describe('a fault is not proved', () => {
  test.each<readonly [string, Case, RegExp]>([
    ['a cut that does nothing', { ...cut, network: clear }, /leaked through/],
    ['a loss that does nothing', { ...lossy, network: clear }, /0 of \d+ probes were lost/],
    [
      'a delay that does nothing',
      { ...slow, network: clear },
      /delay was -?0.0\d+ ms instead of 50/,
    ],
    [
      'a cut with one leaking pair',
      but(cut, (from, to, composed) =>
        from === left[0] && to === right[0] ? { kind: 'clear' } : composed,
      ),
      /leaked through, such as n-0 to n-5/,
    ],
    [
      'a cut that also cuts the way back',
      but(cut, (from, to, composed) => (isHit(to, from) ? { kind: 'drop' } : composed)),
      /does not reach/,
    ],
    [
      'a loss that also loses elsewhere',
      but(lossy, () => ({ kind: 'shape', lossRatio: 0.1 })),
      /between nodes that it must leave alone/,
    ],
    [
      'half the loss',
      but(lossy, (from, to, composed) =>
        isHit(from, to) ? { kind: 'shape', lossRatio: 0.02 } : composed,
      ),
      /probes were lost, asked was 10 %/,
    ],
    [
      'a delay that is 5 ms too long',
      but(shaped({ delayMs: 50 }), (from, to, composed) =>
        isHit(from, to) ? { kind: 'shape', delayMs: 55 } : composed,
      ),
      /delay was 55\.?\d* ms instead of 50 ms/,
    ],
    [
      'three times the jitter',
      but(slow, (from, to, composed) =>
        isHit(from, to) ? { kind: 'shape', delayMs: 50, jitterMs: 30 } : composed,
      ),
      /jitter was/,
    ],
    [
      'no late packets',
      but(shaped({ delayMs: 20, reorder: { shareRatio: 0.25, byMs: 30 } }), (from, to, composed) =>
        isHit(from, to) ? { kind: 'shape', delayMs: 20 } : composed,
      ),
      /packets were late/,
    ],
    [
      'a loss while the lease was out',
      { ...lossy, more: { lapsedPackets: 3 } },
      /lease had run out/,
    ],
    ['a loss that reads back otherwise', { ...lossy, more: { drift: 'g1 differs' } }, /g1 differs/],
  ])('%s: it contradicts', (...[, one, note]) => {
    const { outcome, observed } = judged(one);
    expect(observed.notes.join('; ')).toMatch(note);
    expect(outcome).toBe('unproved');
    expect(observed.proved).toBe(false);
  });

  test.each<readonly [string, Case]>([
    ['a cut that no probe crossed', { ...cut, nodes: left }],
    ['a loss too small for the budget', shaped({ lossRatio: 0.0001 })],
    [
      'a cut that another hides',
      { ...cut, inForce: [...cut.inForce, effect({ kind: 'drop' }, 'g')] },
    ],
    [
      'a loss that a cut hides',
      { ...lossy, inForce: [...lossy.inForce, effect({ kind: 'drop' }, 'g')] },
    ],
    ['probes outside its window', { ...cut, more: { rounds: outside() } }],
  ])('%s: too little was seen', (_, one) => {
    expect(judged(one).outcome).toBe('inconclusive');
  });
});

function outside(): Evidence['rounds'] {
  const pairs = probePlan({ fault: 'f', inForce: cut.inForce, nodes, randomSeed: 1 });
  const results = probed(pairs, composer(cut.inForce), 1);
  return [{ inForce: cut.inForce, since: 1_500, results }];
}

describe('the counters of a rule', () => {
  const tiny = shaped({ lossRatio: 0.0001 });
  const counted = (matchedPackets: number, droppedPackets: number): Case => ({
    ...tiny,
    more: { counters: { ...none, matchedPackets, droppedPackets } },
  });

  test.each([
    ['prove a loss that probes are too few for', counted(1_000_000, 104), 'proved'],
    ['refute it', counted(1_000_000, 30), 'unproved'],
    ['are too few as well', counted(10_000, 1), 'inconclusive'],
    [
      'say nothing while another fault is in force',
      {
        ...counted(1_000_000, 104),
        inForce: [...tiny.inForce, effect({ kind: 'shape', delayMs: 5 }, 'g')],
      },
      'inconclusive',
    ],
  ])('%s', (...[, one, outcome]) => {
    expect(judged(one).outcome).toBe(outcome);
  });

  test('show a cut that another fault hides', () => {
    const inForce = [...cut.inForce, effect({ kind: 'drop' }, 'g')];
    const counters = { ...none, matchedPackets: 900, droppedPackets: 900 };
    expect(judged({ ...cut, inForce, more: { counters } }).outcome).toBe('proved');
  });
});

test('one probe that leaks through a cut is one too many', () => {
  const pairs = probePlan({ fault: 'f', inForce: cut.inForce, nodes, randomSeed: 1 });
  const results = probed(pairs, composer(cut.inForce), 1);
  const leak = results.findIndex(({ from, to }) => isHit(from, to));
  const leaky = results.map((one, at) => (at === leak ? { ...one, received: 1 } : one));
  const rounds = [{ inForce: cut.inForce, since: 0, results: leaky }];
  const { outcome, observed } = judged({ ...cut, more: { rounds } });
  expect(observed.leaks).toBe(1);
  expect(outcome).toBe('unproved');
});

test('pairs that stay cut after the heal are found', () => {
  const pairs = probePlan({ fault: 'f', inForce: cut.inForce, nodes, randomSeed: 1 });
  const round = (network: Network) => probed(pairs, network, 1);
  const after = (network: Network) =>
    judge({
      name: 'f',
      kind: 'partition',
      effects: cut.inForce,
      rounds: [
        { inForce: cut.inForce, since: 0, results: round(composer(cut.inForce)) },
        { inForce: [], since: 0, results: round(network) },
      ],
      counters: none,
      lapsedPackets: 0,
    }).outcome;
  expect(after(clear)).toBe('proved');
  expect(after(composer(cut.inForce))).toBe('unproved');
});
