import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Place } from '../../faults/place.ts';
import { nodeName } from '../../names.ts';
import { systemClock } from '../clock.ts';
import { heartbeatMs, type Leased, leaseFor, leaseOf } from './lease.ts';

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
const fabric = { kind: 'fabric' } as const;

test('two renewals may fail before the lease runs out', () => {
  expect(heartbeatMs(9)).toBe(3_000);
});

describe('a lease', () => {
  const zero = 1_000_000;
  let now = zero;
  beforeEach(() => {
    now = zero;
    vi.spyOn(systemClock, 'now').mockImplementation(() => now);
  });
  afterEach(() => vi.restoreAllMocks());
  const calm = { effects: [], leaseSeconds: 60 };
  const faulty = { ...calm, effects: [fault] };
  const taken = (place: Place, leased: Leased) => {
    const lease = leaseOf(place);
    lease.renewal(leased).taken();
    return lease;
  };

  test.each([
    ['of a fabric', fabric, calm, 60_000],
    ['of a pod without a fault', pod, calm, 300_000],
    ['of a pod with one', pod, faulty, 60_000],
  ])('%s is renewed so early that two renewals may fail', (...[, place, leased, lengthMs]) => {
    const lease = taken(place, leased);
    expect(lease.until()).toBe(zero + lengthMs);
    expect(lease.renewAt()).toBeLessThanOrEqual(zero + lengthMs / 3);
    expect(lease.renewAt()).toBeGreaterThanOrEqual(zero + lengthMs / 4);
  });

  test('of a pod without faults does not do for the first of them, nor the other way round', () => {
    expect(taken(pod, calm).covers(calm)).toBe(true);
    expect(taken(pod, calm).covers(faulty)).toBe(false);
    expect(taken(pod, faulty).covers({ ...calm, leaseSeconds: 20 })).toBe(false);
  });

  test('that was not taken is still due', () => {
    const lease = taken(pod, faulty);
    const [due, until] = [lease.renewAt(), lease.until()];
    now = due;
    expect(lease.renewal(faulty).until).toBe(now + 60_000);
    expect([lease.renewAt(), lease.until()]).toEqual([due, until]);
    expect(lease.covers(faulty)).toBe(false);
  });
});
