import { expect, test } from 'vitest';
import { nodeName } from '../../names.ts';
import { heartbeatMs, leaseFor, leaseOf } from './lease.ts';

const now = 1_000_000;

test.each([
  ['no planned end: the whole lease', [], 10],
  ['an end far away: the whole lease', [now + 60_000], 10],
  ['an end before the lease is over: one second past it', [now + 4_000], 5],
  ['several ends: the next counts', [now + 60_000, now + 2_000], 3],
  ['an end that is just due: the grace of one second', [now], 1],
  ['an end overdue by half the grace: the other half', [now - 500], 0.5],
  ['an end overdue by more than the grace: none', [now - 5_000], 0],
])('%s', (_, ends, seconds) => {
  expect(leaseFor(10, { ends, now })).toBe(seconds);
});

const fault = { fault: 'cut', from: [], to: [], start: 0, impairment: { kind: 'drop' } } as const;
const pod = { kind: 'pod', node: nodeName('full', 0) } as const;

test('two renewals may fail before the lease runs out', () => {
  for (const place of [pod, { kind: 'fabric' } as const]) {
    expect(heartbeatMs(place, { effects: [fault], leaseSeconds: 9 })).toBe(3_000);
  }
});

test('a pod without a fault in force is looked at once a lease', () => {
  expect(heartbeatMs(pod, { effects: [], leaseSeconds: 9 })).toBe(9_000);
});

test('the lease of a pod without faults does not do for the first of them', () => {
  const lease = leaseOf(pod);
  const calm = { effects: [], leaseSeconds: 60 };
  expect(lease.renewal(calm)).not.toBe('');
  lease.taken(calm);
  expect(lease.covers(calm)).toBe(true);
  expect(lease.covers({ ...calm, effects: [fault] })).toBe(false);
});
