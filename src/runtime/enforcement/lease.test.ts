import { expect, test } from 'vitest';
import { heartbeatMs, leaseFor } from './lease.ts';

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

test('two renewals may fail before the lease runs out', () => {
  expect(heartbeatMs(9)).toBe(3_000);
});
