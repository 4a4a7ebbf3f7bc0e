import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { patienceWithNews, postpone } from './patience.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function started() {
  const zero = Date.now();
  const done: number[] = [];
  const task = () => done.push(Date.now() - zero);
  return { done, postponed: postpone(task, () => ({ quietMs: 200, mostMs: 500 })) };
}

test('what comes one after the other is done once, when no more has come for a while', () => {
  const { done, postponed } = started();
  for (let each = 0; each < 3; each += 1) {
    postponed.later();
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(10_000);
  expect(done).toEqual([400]);
});

test('nothing waits for longer than the most, however much comes', () => {
  const { done, postponed } = started();
  for (let each = 0; each < 12; each += 1) {
    postponed.later();
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(10_000);
  expect(done).toEqual([500, 1_000, 1_300]);
});

test('what waits is done sooner when there is less patience by then', () => {
  const done: number[] = [];
  const zero = Date.now();
  let patience = { quietMs: 1_000, mostMs: 1_000 };
  const postponed = postpone(
    () => done.push(Date.now() - zero),
    () => patience,
  );
  postponed.reconsider();
  postponed.later();
  vi.advanceTimersByTime(300);
  patience = { quietMs: 200, mostMs: 500 };
  postponed.reconsider();
  vi.advanceTimersByTime(10_000);
  expect(done).toEqual([300]);
});

test('what is cancelled is not done', () => {
  const { done, postponed } = started();
  postponed.later();
  postponed.cancel();
  vi.advanceTimersByTime(10_000);
  expect(done).toEqual([]);
});

test.each([
  ['a few pods', { pods: 3 }, [310, 900]],
  ['many', { pods: 100 }, [2_000, 30_000]],
  ['many, some at their gates', { pods: 100, isGrowing: true }, [30_000, 30_000]],
  ['many under a fault', { pods: 100, isUrgent: true }, [250, 2_000]],
  [
    'many under a fault, some at their gates',
    { pods: 100, isUrgent: true, isGrowing: true },
    [250, 2_000],
  ],
  ['very many', { pods: 500 }, [2_000, 60_000]],
])('%s hear of others after so long', (_, network, [quietMs, mostMs]) => {
  const usual = { isUrgent: false, isGrowing: false };
  expect(patienceWithNews({ ...usual, ...network })).toEqual({ quietMs, mostMs });
});
