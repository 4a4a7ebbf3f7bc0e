import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal } from './journal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const text = (name: string) => readFileSync(join(folder, name), 'utf8');

test('lines are appended, also by a later journal of the same run', () => {
  const event = { at: '2026-01-01T00:00:00.000Z', event: 'a', message: 'two\nlines' };
  {
    using journal = openJournal(folder);
    journal.event(event);
    journal.sample({ t: 0 });
    // At once: a supervisor that is killed has written what it saw.
    expect(text('samples.jsonl')).toBe('{"t":0}\n');
  }
  using journal = openJournal(folder);
  journal.event({ ...event, event: 'b' });
  journal.sample({ t: 1 });
  const events = text('timeline.jsonl').trimEnd().split('\n');
  expect(events.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['a', 'b']);
  expect(text('samples.jsonl')).toBe('{"t":0}\n{"t":1}\n');
});

test('small files are replaced whole, and leave no drafts', () => {
  using journal = openJournal(folder);
  journal.replace('state', { long: 'x'.repeat(100_000) });
  journal.replace('state', { short: true });
  expect(JSON.parse(text('state.json'))).toEqual({ short: true });
  expect(readdirSync(folder).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    'samples.jsonl',
    'state.json',
    'timeline.jsonl',
  ]);
});
