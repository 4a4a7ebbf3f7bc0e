import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planOf, problemsOf } from '../../test/golden/plan/planning.ts';
import type { PlacedEffect } from '../faults/effect.ts';
import type { PlannedFault } from './plan.ts';

/** Two in eu, two in us; then three attackers in eu. */
const spec = (faults: readonly object[], more: object = {}) => ({
  network: { regions: [{ name: 'eu' }, { name: 'us' }] },
  groups: [
    { name: 'n', count: 4, kind: 'reference' },
    { name: 'evil', count: 3, kind: 'reference', role: 'adversary', regions: { eu: 1 } },
  ],
  topology: { model: 'ring' },
  faults,
  ...more,
});
const fault = (body: object) => ({ name: 'f', at: '10s', for: '5s', ...body });
const place = (body: object): PlannedFault => {
  const [planned] = planOf(spec([fault(body)])).faults;
  if (planned === undefined) throw new TypeError('no fault');
  return planned;
};
/** `from -> to`, each side as its names. */
const arrows = (effects: readonly PlacedEffect[]) =>
  effects.map(({ from, to }) => `${from.join(' ')} -> ${to.join(' ')}`);

/** How often each ordered pair is hit. */
function hits(effects: readonly PlacedEffect[]): Map<string, number> {
  const pairs = new Map<string, number>();
  for (const { from, to } of effects) {
    for (const a of from) {
      for (const b of to) {
        if (a !== b) pairs.set(`${a} ${b}`, (pairs.get(`${a} ${b}`) ?? 0) + 1);
      }
    }
  }
  return pairs;
}

const all = 'n-0 n-1 n-2 n-3 evil-0 evil-1 evil-2';

test.for([
  [
    { sides: [{ region: 'us' }] },
    ['n-1 n-3 -> n-0 n-2 evil-0 evil-1 evil-2', 'n-0 n-2 evil-0 evil-1 evil-2 -> n-1 n-3'],
  ],
  [
    { sides: [{ region: 'us' }, { node: 'n-0' }], rest: 'join-first' },
    ['n-1 n-3 n-2 evil-0 evil-1 evil-2 -> n-0', 'n-0 -> n-1 n-3 n-2 evil-0 evil-1 evil-2'],
  ],
  [{ sides: [{ node: 'n-1' }, { node: 'n-0' }], oneWay: true }, ['n-1 -> n-0']],
  [
    { sides: [{ group: 'evil' }, { region: 'us' }] },
    [
      'evil-0 evil-1 evil-2 -> n-0 n-1 n-2 n-3',
      'n-1 n-3 -> n-0 n-2 evil-0 evil-1 evil-2',
      'n-0 n-2 -> n-1 n-3 evil-0 evil-1 evil-2',
    ],
  ],
  [
    { sides: [{ group: 'evil' }], rest: 'isolated' },
    [
      'evil-0 evil-1 evil-2 -> n-0 n-1 n-2 n-3',
      'n-0 n-1 n-2 n-3 -> evil-0 evil-1 evil-2',
      'n-0 n-1 n-2 n-3 -> n-0 n-1 n-2 n-3',
    ],
  ],
] as const)('partition %j', ([partition, expected]) => {
  expect(arrows(place({ partition }).effects)).toEqual(expected);
});

test('a partition hits every ordered pair across its sides once, and no other', () => {
  const groups = ['a', 'b', 'c', 'd'].map((name) => ({ name, kind: 'reference', count: 2 }));
  const rests = fc.constantFrom('own-side', 'join-first', 'isolated');
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 4 }), rests, (listed, rest) => {
      const sides = groups.slice(0, listed).map(({ name }) => ({ group: name }));
      const plan = planOf({ groups, faults: [fault({ partition: { sides, rest } })] });
      const sideOf = (name: string) => {
        const group = 'abcd'.indexOf(name.charAt(0));
        if (group < listed) return String(group);
        return { 'own-side': 'rest', 'join-first': '0', isolated: name }[rest];
      };
      const names = plan.nodes.map(({ name }) => name);
      const across = names.flatMap((a) =>
        names.filter((b) => sideOf(a) !== sideOf(b)).map((b) => [`${a} ${b}`, 1] as const),
      );
      expect(hits(plan.faults[0]?.effects ?? [])).toEqual(new Map(across));
    }),
  );
});

test('reject and times are handed on', () => {
  const planned = place({ partition: { sides: [{ region: 'us' }], mode: 'reject' } });
  expect(planned).toMatchObject({ name: 'f', kind: 'partition', startMs: 10_000, endMs: 15_000 });
  expect(planned.effects[0]?.impairment).toEqual({ kind: 'reject' });
});

test('a link fault shapes packets in base units', () => {
  const link = {
    from: { node: 'n-0' },
    to: {},
    loss: '0.1%',
    burst: { enter: '1%', leave: '10%' },
    delay: '50ms',
    jitter: '10ms',
    rate: '20mbit',
    duplicate: '2%',
    corrupt: '3%',
    reorder: { share: '4%', by: '7ms' },
  };
  const { effects } = place({ link });
  expect(arrows(effects)).toEqual([`n-0 -> ${all}`]);
  expect(effects[0]?.impairment).toEqual({
    kind: 'shape',
    lossRatio: 0.001,
    rateBitsPerSecond: 20_000_000,
    delayMs: 50,
    jitterMs: 10,
    duplicateRatio: 0.02,
    corruptRatio: 0.03,
    burst: { enterRatio: 0.01, leaveRatio: 0.1, lossRatio: 1 },
    reorder: { shareRatio: 0.04, byMs: 7 },
  });
});

test('a symmetric link hits each ordered pair once, however its ends overlap', () => {
  const nodes = ['n-0', 'n-1', 'n-2', 'n-3'];
  const some = fc.subarray(nodes, { minLength: 1 });
  fc.assert(
    fc.property(some, some, (from, to) => {
      fc.pre(from.length > 1 || to.length > 1 || from[0] !== to[0]);
      const link = { from: { nodes: from }, to: { nodes: to }, symmetric: true, loss: '1%' };
      const expected = new Set([
        ...from.flatMap((a) => to.filter((b) => a !== b).map((b) => `${a} ${b}`)),
        ...to.flatMap((a) => from.filter((b) => a !== b).map((b) => `${a} ${b}`)),
      ]);
      const found = hits(place({ link }).effects);
      expect(new Set(found.keys())).toEqual(expected);
      expect([...found.values()].every((count) => count === 1)).toBe(true);
    }),
  );
});

test('an eclipse leaves its victims their attackers only, and the attackers dial them', () => {
  const eclipse = { victims: { nodes: ['n-0', 'n-1'] }, attackers: { group: 'evil' } };
  const plan = planOf(spec([fault({ eclipse })]));
  expect(arrows(plan.faults[0]?.effects ?? [])).toEqual([
    'n-0 n-1 -> n-0 n-1 n-2 n-3',
    'n-2 n-3 -> n-0 n-1',
  ]);
  expect(plan.faults[0]).toMatchObject({
    victims: ['n-0', 'n-1'],
    attackers: ['evil-0', 'evil-1', 'evil-2'],
  });
  for (const name of ['evil-0', 'evil-1', 'evil-2']) {
    const dials = plan.nodes.find((node) => node.name === name)?.dials ?? [];
    expect(dials).toEqual(expect.arrayContaining(['n-0', 'n-1']));
    expect(new Set(dials).size).toBe(dials.length);
  }
});

test.for([
  [
    { restart: { targets: { sample: 1 }, downtime: '5s' } },
    { action: 'restart', signal: 'SIGTERM', downtimeMs: 5_000 },
  ],
  [{ kill: { targets: { sample: 1 } } }, { action: 'kill', signal: 'SIGKILL', downtimeMs: 0 }],
] as const)('%j', ([body, nodes]) => {
  const [planned] = planOf(spec([{ name: 'f', at: '1m', ...body }])).faults;
  expect(planned?.nodes).toMatchObject(nodes);
  expect(planned?.nodes?.targets).toHaveLength(1);
  expect(planned).not.toHaveProperty('endMs');
});

const us = { sides: [{ region: 'us' }] };
const burst = { enter: '1%', leave: '10%' };
const bursting = (name: string, at: string, from: string) => ({
  name,
  at,
  for: '10s',
  link: { from: { node: from }, to: { nodes: ['n-2', 'n-3'] }, burst },
});

test.for<[object[], object, string[]]>([
  [
    [fault({ partition: { sides: [{ region: 'eu' }, { node: 'n-0' }] } })],
    {},
    ['faults[0].partition.sides[1]: overlaps side 1: n-0 cannot be on both'],
  ],
  [
    [fault({ partition: { sides: [{}] } })],
    {},
    ['faults[0].partition: cuts nothing: all nodes are on one side'],
  ],
  [
    [fault({ for: '900ms', partition: us })],
    {},
    ['faults[0].for: is shorter than one sample, got 900ms, at least 1s'],
  ],
  [
    [fault({ partition: us })],
    { duration: '10s' },
    ['faults[0].at: starts at 10s, but the run ends at 10s (duration)'],
  ],
  [
    [fault({ partition: us })],
    { duration: '14s' },
    ['faults[0].for: ends at 15s, but the run ends at 14s (duration)'],
  ],
  [
    [{ name: 'f', at: '10s', restart: { targets: { node: 'n-0' }, downtime: '10s' } }],
    { duration: '15s' },
    ['faults[0].at: ends at 20s, but the run ends at 15s (duration)'],
  ],
  [
    [fault({ link: { from: { node: 'n-0' }, to: { node: 'n-0' }, loss: '1%' } })],
    {},
    ['faults[0].link: selects no pair: from and to are both n-0'],
  ],
  [
    [fault({ link: { from: {}, to: {}, loss: '0%' } })],
    {},
    ['faults[0].link: changes nothing: all its properties are zero'],
  ],
  [
    [fault({ eclipse: { victims: { nodes: ['n-0', 'evil-1'] }, attackers: { group: 'evil' } } })],
    {},
    ['faults[0].eclipse.victims: evil-1 cannot be victim and attacker at once'],
  ],
  [
    [bursting('a', '0s', 'n-0'), bursting('b', '5s', 'n-0')],
    {},
    [
      'faults[1].link.burst: a and this fault both burst on n-0 -> n-2 at the same time; only one may',
    ],
  ],
  [[bursting('a', '0s', 'n-0'), bursting('b', '10s', 'n-0')], {}, []],
  [[bursting('a', '0s', 'n-0'), bursting('b', '0s', 'n-1')], {}, []],
])('%j in %j', ([faults, more, expected]) => {
  expect(problemsOf(spec(faults, more))).toEqual(expected.map((text) => `error spec.${text}`));
});

test.for([
  [{ victims: { node: 'n-1' }, attackers: { group: 'evil' } }, '0s', 'n-1'],
  [{ victims: { node: 'n-0' }, attackers: { group: 'evil' } }, '0s', undefined],
  [{ victims: { node: 'n-1' }, attackers: { nodes: ['evil-0', 'n-3'] } }, '0s', undefined],
  [{ victims: { node: 'n-1' }, attackers: { group: 'evil' } }, '60s', undefined],
] as const)('an eclipse %j at %s, with us cut off: %s is left alone', ([eclipse, at, victim]) => {
  const faults = [
    { name: 'hunt', at, for: '60s', eclipse },
    { name: 'cut', at: '10s', for: '10s', partition: us },
  ];
  const message = `cuts ${victim} from all its attackers while hunt eclipses it`;
  const expected = victim === undefined ? [] : [`error spec.faults[1].partition: ${message}`];
  expect(problemsOf(spec(faults))).toEqual(expected);
  const swapped = victim === undefined ? [] : [`error spec.faults[0].partition: ${message}`];
  expect(problemsOf(spec(faults.toReversed()))).toEqual(swapped);
});
