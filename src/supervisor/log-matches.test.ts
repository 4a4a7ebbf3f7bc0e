import { expect, test } from 'vitest';
import { scriptedPlan } from '../../test/scripted.ts';
import { fail } from '../errors.ts';
import { watchLogs } from '../observe/log-watch.ts';
import type { PlannedExpectation } from '../plan/plan.ts';
import type { LogLine } from '../runtime/runtime.ts';
import { countMatches } from './log-matches.ts';

const [first, second] = scriptedPlan(2).nodes.map(({ name }) => name);
if (first === undefined || second === undefined) throw new TypeError('two nodes');

const panics: PlannedExpectation = {
  name: 'no panics',
  log: { of: [first, second], matches: 'panic' },
  claim: { compare: '==', value: 0 },
};

test('twenty lines are told one by one, then their number every ten seconds', () => {
  let now = 0;
  const told: string[] = [];
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const events = { note: (_: string, message: string) => void told.push(message) };
  const matches = countMatches([panics], { clock, events });
  for (; now < 60_000; now += 100) {
    matches.add({ expectation: 'no panics', node: first, text: `panic at ${now}` });
  }
  expect(matches.counts).toEqual({ 'no panics': 600 });
  expect(told.slice(0, 20)).toEqual(
    Array.from({ length: 20 }, (_, index) => `full-0: panic at ${index * 100}`),
  );
  expect(told.slice(20, 22)).toEqual([
    '"no panics" has matched 120 lines; the latest is full-0: panic at 11900',
    '"no panics" has matched 220 lines; the latest is full-0: panic at 21900',
  ]);
  expect(told).toHaveLength(25);
});

test('a log that cannot be read is told, and the others are still counted', async () => {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const seen: string[] = [];
  const watch = watchLogs(
    {
      logs: async function* (node): AsyncIterable<LogLine> {
        if (node === first) throw fail('COMMAND_FAILED', 'no such file');
        yield { node, text: 'panic' };
        resolve(seen);
      },
    },
    {
      onMatch: ({ node }) => seen.push(`match ${node}`),
      onFailure: (node) => seen.push(`failure ${node}`),
    },
    new AbortController().signal,
  );
  watch.follow([panics]);
  expect(await promise).toEqual(expect.arrayContaining(['failure full-0', 'match full-1']));
});

test('a node that joins is followed from then on, and nobody twice', async () => {
  const followed: string[] = [];
  const watch = watchLogs(
    {
      logs: async function* (node): AsyncIterable<LogLine> {
        followed.push(node);
        yield { node, text: 'all is well' };
      },
    },
    { onMatch: () => undefined, onFailure: () => undefined },
    new AbortController().signal,
  );
  watch.follow([{ ...panics, log: { of: [first], matches: 'panic' } }]);
  expect(followed).toEqual([first]);
  watch.follow([panics]);
  watch.follow([panics]);
  expect(followed).toEqual([first, second]);
});
