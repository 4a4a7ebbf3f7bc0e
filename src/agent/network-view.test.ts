import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import type { NetworkSchedule } from '../runtime/kubernetes/objects.ts';
import { addressesOf, longestDelayMs, networkView, overSince, turnOf } from './network-view.ts';
import { readState } from './received.ts';

const testnet = { name: 'net', uid: 'n1' };
const drop = { kind: 'drop' } as const;
const wire: NetworkSchedule = {
  generation: 3,
  leaseSeconds: 60,
  sets: [['full 0-2', 'miner 7'], ['boot 0']],
  base: [{ fault: '', from: 0, to: 1, impairment: { kind: 'shape', delayMs: 40, jitterMs: 5 } }],
  effects: [
    { fault: 'cut', from: 0, to: 1, impairment: drop, start: 1_000, end: 2_000 },
    { fault: 'cut', from: 1, to: 0, impairment: drop, start: 1_500, end: 2_500 },
    { fault: 'slow', from: 1, to: 0, impairment: { kind: 'shape', delayMs: 100 }, start: 0 },
  ],
  faultIds: { cut: 0, slow: 1 },
};
const { schedule } = networkView([{ testnet, schedule: wire }], { uid: 'n1' });
const entry = (index: number, ip: string) => ({
  name: nodeName('full', index),
  uid: `p${index}`,
  ips: [ip],
});

describe('the view of a testnet', () => {
  test('is of all shards and the newest schedule, in any order', () => {
    const view = networkView(
      [
        { testnet, nodes: [entry(1, '10.0.0.2')] },
        { testnet, schedule: { ...wire, generation: 2 } },
        { testnet, schedule: wire },
        { testnet, nodes: [entry(0, '10.0.0.1')] },
      ],
      { uid: 'n1' },
    );
    expect(view.schedule?.generation).toBe(3);
    expect([...view.nodes.keys()].toSorted()).toEqual(['full-0', 'full-1']);
  });

  test('takes nothing that is of another Testnet', () => {
    const other = { name: 'net', uid: 'another' };
    const parts = [{ testnet: other, nodes: [entry(0, '10.0.0.1')], schedule: wire }];
    expect(networkView(parts, { uid: 'n1' })).toEqual({ nodes: new Map() });
  });

  test('keeps the schedule the same object while it is the same', () => {
    const before = networkView([{ testnet, schedule: wire }], { uid: 'n1' });
    const parts = [
      { testnet, schedule: wire },
      { testnet, nodes: [entry(0, '10.0.0.1')] },
    ];
    expect(networkView(parts, { uid: 'n1', before }).schedule).toBe(before.schedule);
  });

  test('has sets written out', () => {
    expect(schedule?.base[0]?.from).toEqual(['full-0', 'full-1', 'full-2', 'miner-7']);
    expect(schedule?.effects[0]).toEqual({
      fault: 'cut',
      from: ['full-0', 'full-1', 'full-2', 'miner-7'],
      to: ['boot-0'],
      impairment: drop,
      start: 1_000,
      end: 2_000,
    });
  });

  test('has addresses of all, of pods here as they are now', () => {
    const view = networkView([{ testnet, nodes: [entry(0, '10.0.0.1'), entry(1, '10.0.0.2')] }], {
      uid: 'n1',
    });
    const here = [
      { node: nodeName('full', 1), ips: ['10.0.0.9'] },
      { node: nodeName('full', 2), ips: [] },
    ];
    expect([...addressesOf(view, here)]).toEqual([
      ['full-0', ['10.0.0.1']],
      ['full-1', ['10.0.0.9']],
    ]);
  });
});

test('the longest delay is that of the base layer and of all faults together', () => {
  expect(schedule && longestDelayMs(schedule)).toBe(60 + 100);
});

describe('a fault', () => {
  test.each<[string, string, readonly [number, number | undefined]]>([
    ['that is on', 'cut', [1_200, undefined]],
    ['of which a part is on', 'cut', [2_200, undefined]],
    ['that is over', 'cut', [2_500, 2_500]],
    ['without an end', 'slow', [9_000, undefined]],
    ['that is not in the schedule any more', 'gone', [9_000, -Infinity]],
  ])('%s', (_, fault, [now, since]) => {
    expect(overSince(schedule, { fault, now })).toBe(since);
  });

  test('of which nothing is known yet is not over', () => {
    expect(overSince(undefined, { fault: 'cut', now: 0 })).toBeUndefined();
  });
});

describe('of a NetworkState', () => {
  const read = (parts: object) => readState({ testnet, ...parts });

  test('all that the controller writes is taken', () => {
    const probe = { id: 1, start: 5, pairs: [['full-0', 'boot-0', 20]] };
    const nodes = [entry(0, '10.0.0.1'), { ...entry(1, 'fd00::1'), ips: [] }];
    const all = { nodes, schedule: { ...wire, probe, openEgress: true } };
    expect(read(all)).toEqual({ ok: true, value: { testnet, ...all } });
  });

  const effect = wire.effects[0];
  test.each<[string, object, RegExp]>([
    [
      'text instead of an address',
      { nodes: [entry(0, '10.0.0.1; flush ruleset')] },
      /^nodes\.0\.ips\.0: no IP address$/,
    ],
    [
      'a node without a number',
      { nodes: [{ ...entry(0, '::1'), name: 'full' }] },
      /nodes\.0\.name/,
    ],
    [
      'text instead of a number',
      {
        schedule: {
          ...wire,
          base: [{ ...wire.base[0], impairment: { kind: 'shape', delayMs: '4' } }],
        },
      },
      /schedule\.base\.0\.impairment\.delayMs/,
    ],
    [
      'a share above 1',
      {
        schedule: {
          ...wire,
          base: [{ ...wire.base[0], impairment: { kind: 'shape', lossRatio: 2 } }],
        },
      },
      /lossRatio/,
    ],
    [
      'an impairment that nobody knows',
      { schedule: { ...wire, effects: [{ ...effect, impairment: { kind: 'flush' } }] } },
      /impairment/,
    ],
    [
      'a name that is none',
      { schedule: { ...wire, effects: [{ ...effect, fault: 'a"; drop' }] } },
      /effects\.0\.fault/,
    ],
    ['a set that is none', { schedule: { ...wire, sets: [['full *']] } }, /sets\.0\.0/],
    ['an endless lease', { schedule: { ...wire, leaseSeconds: 1e9 } }, /leaseSeconds/],
  ])('%s is refused', (_, parts, reason) => {
    const result = read(parts);
    expect(result.ok ? '' : result.reason).toMatch(reason);
  });
});

test.each([
  ['that others know of', 'p1', { gated: true, ahead: false }, 'now'],
  ['made ahead, whose turn has come', 'p1', { gated: true, ahead: true }, 'now'],
  ['whose turn has not come', 'p2', { gated: true, ahead: true }, 'later'],
  ['made ahead, that nobody has told of', 'p4', { gated: true, ahead: true }, 'later'],
  ['that nobody has told of', 'p4', { gated: true, ahead: false }, 'unknown'],
  ['without a gate', 'p4', { gated: false, ahead: false }, 'now'],
])('a pod %s may start as its turn says', (...[, uid, made, turn]) => {
  const read = readState({
    testnet,
    nodes: [entry(1, '10.0.0.2'), { ...entry(2, '10.0.0.3'), waits: true }],
  });
  if (!read.ok) throw new TypeError(read.reason);
  const view = networkView([read.value], { uid: 'n1' });
  expect(turnOf(view, { node: nodeName('full', uid === 'p2' ? 2 : 1), uid, ...made })).toBe(turn);
});
