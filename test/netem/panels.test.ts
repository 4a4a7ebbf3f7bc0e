// The panels that have data only where packets are delayed, in a kernel that can.
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasData, queriesFor } from '../prometheus/panels.ts';
import { type Watcher, watchTestnet } from '../prometheus/watcher.ts';

const limitMs = 300_000;
const queries = queriesFor('delay');

describe('a run with a delay', () => {
  let watcher: Watcher;
  beforeAll(async () => {
    watcher = await watchTestnet('test/netem/delay.yaml', 'delay');
  }, limitMs);
  afterAll(() => watcher?.[Symbol.asyncDispose](), limitMs);

  test('there are such panels', () => expect(queries.length).toBeGreaterThan(0));

  test.each(queries)(
    '%s: %s',
    async (_, expr) => {
      while (!(await hasData(watcher, expr))) await wait(500);
    },
    limitMs,
  );
});
