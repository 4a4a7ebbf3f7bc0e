import { array, assert, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import type { TestnetReport } from '../runtime/kubernetes/objects.ts';
import type { Enforcement } from '../runtime/runtime.ts';
import { type EnforcedPod, emptyLedger, resumed, retire, testnetReport } from './report.ts';

type Times = Enforcement['faults'];

const testnet = { namespace: 'tests', name: 'net', uid: 'n1' };
const counters = (matched: number, dropped: number) => ({
  matchedPackets: matched,
  matchedBytes: matched * 100,
  droppedPackets: dropped,
  droppedBytes: dropped * 100,
});

function pod(index: number, faults: Times, more: Partial<EnforcedPod['enforcement']> = {}) {
  return {
    node: nodeName('full', index),
    since: 0,
    enforcement: {
      generation: 1,
      appliedAt: 10 + index,
      faults,
      counters: {},
      lapsedPackets: 0,
      ...more,
    },
  } satisfies EnforcedPod;
}

function report(
  pods: readonly EnforcedPod[],
  more: Partial<Parameters<typeof testnetReport>[0]> = {},
): TestnetReport {
  const overSince = () => undefined;
  return testnetReport({
    testnet,
    pods,
    generation: 1,
    ledger: emptyLedger,
    overSince,
    nodes: {},
    ...more,
  });
}

const cutOf = (made: TestnetReport) => made.enforcement.faults['cut'];

describe('a fault of a testnet', () => {
  test.each<[string, readonly Times[], Times[string] | undefined]>([
    [
      'is enforced with the last pod',
      [{ cut: { enforcedAt: 5 } }, { cut: { enforcedAt: 9 } }],
      { enforcedAt: 9 },
    ],
    ['is not enforced while a pod lacks it', [{ cut: { enforcedAt: 5 } }, {}], undefined],
    [
      'begins to heal with the first pod',
      [{ cut: { enforcedAt: 5, healBeganAt: 20, healedAt: 21 } }, { cut: { enforcedAt: 9 } }],
      { enforcedAt: 9, healBeganAt: 20 },
    ],
    [
      'is healed with the last pod',
      [
        { cut: { enforcedAt: 5, healBeganAt: 20, healedAt: 21 } },
        { cut: { enforcedAt: 9, healBeganAt: 19, healedAt: 30 } },
      ],
      { enforcedAt: 9, healBeganAt: 19, healedAt: 30 },
    ],
  ])('%s', (_, faults, expected) => {
    expect(cutOf(report(faults.map((times, index) => pod(index, times))))).toEqual(expected);
  });

  const ledger = { ...emptyLedger, faults: { cut: { enforcedAt: 9 } } };

  test('stays enforced since then, whoever comes', () => {
    const pods = [pod(0, { cut: { enforcedAt: 5 } }), pod(1, { cut: { enforcedAt: 40 } })];
    expect(cutOf(report(pods, { ledger }))).toEqual({ enforcedAt: 9 });
    expect(cutOf(report([...pods, pod(2, {})], { ledger }))).toEqual({ enforcedAt: 9 });
  });

  test('stays healed, though a new pod never saw it', () => {
    const healed = { enforcedAt: 9, healBeganAt: 20, healedAt: 22 };
    const made = report([pod(0, {})], { ledger: { ...emptyLedger, faults: { cut: healed } } });
    expect(cutOf(made)).toEqual(healed);
  });

  test('that ended without an agent is over when the next one has looked', () => {
    const pods = [
      { ...pod(0, {}), since: 50 },
      { ...pod(1, {}), since: 60 },
    ];
    expect(cutOf(report(pods, { ledger }))).toEqual({ enforcedAt: 9 });
    const over = report(pods, { ledger, overSince: () => 30 });
    expect(cutOf(over)).toEqual({ enforcedAt: 9, healBeganAt: 30, healedAt: 60 });
  });

  test('is taken over from the report of the agent before', () => {
    const made = report([pod(0, { cut: { enforcedAt: 9 } })]);
    const after = report([pod(0, { cut: { enforcedAt: 70 } })], { ledger: resumed(made) });
    expect(cutOf(after)).toEqual({ enforcedAt: 9 });
  });
});

describe('of a testnet', () => {
  test('generation, times and pods are those of the rules in force', () => {
    const made = report([pod(0, {}), pod(1, {}), pod(2, {}, { generation: 0 })]);
    expect(made).toMatchObject({ pods: 2, appliedBetween: [10, 11] });
    expect(made.enforcement).toMatchObject({ generation: 0, appliedAt: 12 });
  });

  test('without pods under rules there is a report', () => {
    expect(report([])).toEqual({
      ...testnet,
      pods: 0,
      nodes: {},
      enforcement: { generation: 0, appliedAt: 0, faults: {}, counters: {}, lapsedPackets: 0 },
    });
  });

  test('the first difference and the first problem are said, with the node', () => {
    const pods = [pod(0, {}), pod(1, {}, { drift: 'a', problem: 'b' }), pod(2, {}, { drift: 'c' })];
    expect(report(pods).enforcement).toMatchObject({ drift: 'full-1: a', problem: 'full-1: b' });
  });

  test('counters are sums that never shrink, in whatever order pods go', () => {
    const some = array(nat(1000), { minLength: 1, maxLength: 6 });
    assert(
      property(some, nat(6), (packets, gone) => {
        const pods = packets.map((count, index) =>
          pod(index, {}, { counters: { cut: counters(count, count) }, lapsedPackets: count }),
        );
        const before = report(pods).enforcement;
        const ledger = pods.slice(0, gone).reduce(retire, emptyLedger);
        const after = report(pods.slice(gone), { ledger }).enforcement;
        expect(after.counters).toEqual(before.counters);
        expect(after.lapsedPackets).toBe(before.lapsedPackets);
      }),
    );
  });
});
