import { expect, test } from 'vitest';
import { faults, plan } from '../../test/fixtures/made-up-run.ts';
import { judge } from '../faults/verify.ts';

const counters = { matchedPackets: 0, matchedBytes: 0, droppedPackets: 0, droppedBytes: 0 };

test('what the made-up run asks for has the names that faults are judged by', () => {
  const known = plan.faults.find(({ name }) => name === 'flaky');
  if (known === undefined) throw new TypeError('no such fault');
  const { observed } = judge({ ...known, rounds: [], counters, lapsedPackets: 0 });
  expect(observed.asked).toEqual(faults.find(({ name }) => name === 'flaky')?.asked);
});
