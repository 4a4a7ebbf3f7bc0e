import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planned, planOf, problemsOf } from '../../test/golden/plan/planning.ts';
import { canonicalHash, write } from './canonical.ts';
import type { Plan } from './plan.ts';

const group = (name: string, more: object = {}) => ({ name, kind: 'reference', ...more });

test.for<[string, object, string[]]>([
  [
    'an unknown kind',
    { groups: [group('a', { kind: 'refrence' })] },
    ['error spec.groups[0].kind: no kind is named "refrence", did you mean reference?'],
  ],
  [
    'a role that the kind does not offer',
    { groups: [group('a', { role: 'light' })] },
    ['error spec.groups[0].role: reference has no role light, must be full, miner or adversary'],
  ],
  [
    'config that the kind refuses',
    { groups: [group('a', { config: { peers: 0, blokInterval: '1s' } })] },
    [
      'error spec.groups[0].config.peers: must be a whole number from 1, got 0',
      'error spec.groups[0].config.blokInterval: unknown key, did you mean blockInterval?',
    ],
  ],
  [
    'what the kind itself has to say, and private addresses',
    { groups: [group('a', { kind: 'picky' })] },
    [
      'warning spec.groups[0].kind: picky treats private addresses as one place and may not pass them on; consider network.addressing.pool: public-like',
      'error spec.groups[0].config.peers: never enough',
    ],
  ],
  [
    'mixed protocols',
    {
      groups: [group('a'), group('b', { kind: 'coin' })],
      network: { addressing: { pool: 'public-like' } },
    },
    [
      'error spec.groups[1].kind: group b speaks coin, but group a speaks reference; all groups of one testnet speak one protocol',
    ],
  ],
  [
    'two block intervals',
    {
      groups: [
        group('a', { config: { blockInterval: '1s' } }),
        group('b'),
        group('c', { config: { blockInterval: '2s' } }),
      ],
    },
    [
      'error spec.groups[2].config.blockInterval: differs from the "1s" of group a, got "2s"; it is the mean of the whole network',
    ],
  ],
  [
    'a topology that is not possible',
    { groups: [group('a', { count: 5 })], topology: { model: 'random-regular', degree: 3 } },
    [
      'error spec.topology.degree: 5 nodes of degree 3 do not add up to whole edges; use 2 or 4, or one node more',
    ],
  ],
  [
    'seeds that are not there',
    { groups: [group('a')], discovery: { seeds: { group: 'boot' } } },
    ['error spec.discovery.seeds.group: no group is named "boot", there are a'],
  ],
  [
    'nobody who knows anybody',
    { groups: [group('a', { count: 2 })], topology: { model: 'none' } },
    ['warning spec.topology: nobody is told of anybody: no dials and no seeds'],
  ],
  [
    'too many nodes',
    {
      groups: [group('a', { count: 60_000 }), group('b', { count: 60_000 })],
      network: { addressing: { netgroups: 64 } },
    },
    ['error spec.groups: 120000 nodes are too many, at most 100000'],
  ],
  [
    'what one item has wrong in itself',
    { groups: [group('a'), group('a')] },
    ['error spec.groups[1].name: the name "a" is taken by groups[0], names must differ'],
  ],
  [
    'rates for more pairs than a port has classes',
    {
      groups: [group('a', { count: 258 })],
      network: { regions: [{ name: 'eu' }], links: [{ within: 'eu', rate: '1mbit' }] },
      faults: [
        { name: 'f', at: '1s', for: '9s', link: { from: {}, to: { node: 'a-0' }, rate: '1mbit' } },
        { name: 'g', at: '1s', for: '9s', link: { from: {}, to: {}, loss: '1%' } },
      ],
    },
    [
      'error spec.network.links: rate and burst are per ordered pair: 257 nodes would send to one, at most 256 can',
      'error spec.faults[0].link: rate and burst are per ordered pair: 257 nodes would send to one, at most 256 can',
    ],
  ],
  ['nothing to settle', { groups: [group('a')] }, []],
])('problems: %s', ([, spec, expected]) => {
  expect(problemsOf(spec)).toEqual(expected);
});

test('all problems come at once, and no plan with them', () => {
  const { plan, problems } = planned({
    groups: [group('a', { kind: 'x' }), group('b', { regions: { mars: 1 } })],
    topology: { model: 'star', hub: 'c-0' },
    faults: [{ name: 'f', at: '1s', kill: { targets: { group: 'd' } } }],
    expect: [{ name: 'e', always: true, metric: 'm', is: '== 1' }],
  });
  expect(plan).toBeUndefined();
  expect(problems.map(({ path }) => path[1])).toEqual([
    'groups',
    'groups',
    'faults',
    'expect',
    'topology',
  ]);
});

test('a group has the config that its kind filled in, and its own seeds or the usual ones', () => {
  const { groups } = planOf({
    groups: [
      group('boot', { count: 2, bootstrap: true, config: { peers: 3 } }),
      group('a'),
      group('b', { discovery: { seeds: { group: 'a' } } }),
      group('c', { discovery: { via: 'none' } }),
    ],
  });
  expect(groups.map(({ name, seeds, config }) => [name, seeds.join(' '), config])).toEqual([
    ['boot', 'boot-0 boot-1', { peers: 3 }],
    ['a', 'boot-0 boot-1', { peers: 8 }],
    ['b', 'a-0', { peers: 8 }],
    ['c', '', { peers: 8 }],
  ]);
});

const counts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 });
const models = fc.constantFrom('full-mesh', 'star', 'bitcoin', 'none', 'ring', 'random-regular');

function grown(sizes: readonly number[], model: string, randomSeed = 1): Plan {
  return planOf({
    randomSeed,
    network: { regions: [{ name: 'eu' }, { name: 'us' }], addressing: { netgroups: 3 } },
    groups: sizes.map((count, at) => group(`g${at}`, { count, bootstrap: at === 0 })),
    topology: { model },
    faults: [{ name: 'f', at: '1s', kill: { targets: { sample: 1 } } }],
  });
}

test('the same spec is the same plan, byte for byte; another randomSeed is another', () => {
  fc.assert(
    fc.property(counts, models, fc.nat(), (sizes, model, seed) => {
      const plan = grown(sizes, model, seed);
      expect(JSON.stringify(grown(sizes, model, seed))).toBe(JSON.stringify(plan));
      expect(grown(sizes, model, seed + 1).hash).not.toBe(plan.hash);
    }),
    { numRuns: 30 },
  );
});

test('growing a group keeps names, addresses, regions, and all but one of a sample', () => {
  fc.assert(
    fc.property(counts, models, fc.nat(), (sizes, model, which) => {
      const later = sizes.map((size, at) => (at === which % sizes.length ? size + 1 : size));
      const [before, after] = [grown(sizes, model), grown(later, model)];
      const byName = new Map(after.nodes.map((node) => [node.name, node]));
      for (const { name, address, region } of before.nodes) {
        expect(byName.get(name)).toMatchObject({ address, region });
      }
    }),
    { numRuns: 50 },
  );
});

function fault(name: string) {
  return { name, at: '1s', kill: { targets: { sample: 3 } } };
}

test('adding a fault changes nothing else', () => {
  const spec = { groups: [group('a', { count: 20 })] };
  const [one, two] = [
    planOf({ ...spec, faults: [fault('x')] }),
    planOf({ ...spec, faults: [fault('y'), fault('x')] }),
  ];
  expect(two.nodes).toEqual(one.nodes);
  expect(two.faults[1]).toEqual(one.faults[0]);
});

test('effects of a large testnet share their sets', () => {
  const { faults, expectations } = planOf({
    groups: [group('a', { count: 100 }), group('b', { count: 100 })],
    faults: [
      { name: 'x', at: '1s', for: '9s', partition: { sides: [{ group: 'a' }] } },
      { name: 'y', at: '20s', for: '9s', partition: { sides: [{ group: 'a' }] } },
    ],
    expect: ['p', 'q'].map((name) => ({ name, at: '1s', metric: 'node_peers', is: '> 0' })),
  });
  const [there, back] = faults[0]?.effects ?? [];
  expect(there?.from).toBe(back?.to);
  expect(there?.from).toBe(faults[1]?.effects[0]?.from);
  const sets = expectations.map((claim) => ('of' in claim ? claim.of : undefined));
  expect(sets[0]).toBe(sets[1]);
});

test('the hash is the SHA-256 of the canonical JSON without it', () => {
  const { hash, ...rest } = planOf({ groups: [group('a', { count: 3 })] });
  expect(hash).toBe(canonicalHash(rest));
  // echo -n '{"a":[1,{"b":"x"}],"c":null}' | sha256sum
  expect(canonicalHash({ c: null, a: [1, { d: undefined, b: 'x' }] })).toBe(
    '7b4f4fff1587ebd9222c9f12e13581b6ecbdfdaa4897b294aea278f660c4b057',
  );
});

function written(value: unknown): string {
  const pieces: string[] = [];
  write(value, (piece) => pieces.push(piece));
  return pieces.join('');
}

test('canonical JSON does not depend on the order of keys', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).toReversed());
      expect(written(reversed)).toBe(written(value));
      expect(JSON.parse(written(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
