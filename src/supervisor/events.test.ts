import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import type { TimelineEvent } from '../session/session.ts';
import { createEventLog, type EventLog } from './events.ts';
import { type Journal, openJournal } from './journal.ts';

const start = Date.UTC(2026, 0, 1);
let folder: string;
let journal: Journal;
let clock: ReturnType<typeof virtualClock>;
let zero: number | undefined;
let log: EventLog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'events-'));
  journal = openJournal(folder);
  clock = virtualClock(start);
  zero = undefined;
  log = createEventLog({ journal, clock, timeZero: () => zero });
});
afterEach(() => {
  journal[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

test('events have the time of day, and from time 0 on the time of the run', async () => {
  log.note('early', 'first', { node: 'full-0' });
  zero = start;
  await clock.run(clock.sleep(1_500));
  log.note('late', 'second');
  const made: TimelineEvent = { at: 'then', t: 2, event: 'made', message: 'by decide' };
  log.follow([made]);
  const lines = readFileSync(join(folder, 'timeline.jsonl'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    { at: '2026-01-01T00:00:00.000Z', event: 'early', message: 'first', node: 'full-0' },
    { at: '2026-01-01T00:00:01.500Z', t: 1.5, event: 'late', message: 'second' },
    made,
  ]);
});

test('whoever watches sees all that was, then what comes, until it goes', async () => {
  const stop = new AbortController();
  log.note('a', '');
  const seen: (string | undefined)[] = [];
  const watching = (async () => {
    for await (const { event } of log.watch(stop.signal)) {
      seen.push(event?.event);
      if (event?.event === 'a') log.note('b', '');
      if (event?.event === 'b') setImmediate(() => log.note('c', ''));
      if (event?.event === 'c') stop.abort();
    }
  })();
  await watching;
  log.note('d', '');
  expect(seen).toEqual(['a', 'b', 'c']);
});

test('several watch at once, each from the beginning', async () => {
  const watch = async (count: number) => {
    const seen: string[] = [];
    for await (const { event } of log.watch(new AbortController().signal)) {
      seen.push(event?.event ?? '');
      if (seen.length === count) break;
    }
    return seen;
  };
  log.note('a', '');
  const one = watch(3);
  log.note('b', '');
  const two = watch(2);
  log.note('c', '');
  expect([await one, await two]).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b'],
  ]);
});

test('one who is to stop is still given what has come by then', async () => {
  log.note('a', '');
  const seen: unknown[] = [];
  for await (const { event } of log.watch(AbortSignal.abort())) seen.push(event?.event);
  expect(seen).toEqual(['a']);
});
