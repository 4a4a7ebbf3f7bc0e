import { expect, test } from 'vitest';
import { createPool } from './pool.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Tasks that say when they begin, and end when their gate is opened. */
function gated() {
  const gates = new Map<string, () => void>();
  const started: string[] = [];
  const task = (name: string) => () => {
    started.push(name);
    return new Promise<void>((resolve) => gates.set(name, resolve));
  };
  return { gates, started, task };
}

test('so many at once, the urgent ones first, in the order in which they came', async () => {
  const pool = createPool(2);
  const { gates, started, task } = gated();
  const done = [
    pool(task('a'), 'soon'),
    pool(task('b'), 'later'),
    pool(task('c'), 'later'),
    pool(task('d'), 'soon'),
    pool(task('e'), 'soon'),
  ];
  await settled();
  expect(started).toEqual(['a', 'b']);
  for (const name of ['a', 'b', 'd', 'e', 'c']) {
    gates.get(name)?.();
    await settled();
  }
  await Promise.all(done);
  expect(started).toEqual(['a', 'b', 'd', 'e', 'c']);
});

test('what is done now needs no turn, and keeps back what can wait', async () => {
  const pool = createPool(1);
  const { gates, started, task } = gated();
  const done = [
    pool(task('a'), 'soon'),
    pool(task('b'), 'now'),
    pool(task('c'), 'now'),
    pool(task('d'), 'later'),
  ];
  await settled();
  expect(started.toSorted()).toEqual(['a', 'b', 'c']);
  for (const name of ['a', 'b']) gates.get(name)?.();
  await settled();
  expect(started).not.toContain('d');
  gates.get('c')?.();
  await settled();
  expect(started).toContain('d');
  gates.get('d')?.();
  await Promise.all(done);
});

test('a task that fails makes room for the next', async () => {
  const pool = createPool(1);
  const failed = pool(() => Promise.reject(new TypeError('no')), 'soon');
  const next = pool(() => Promise.resolve('yes'), 'soon');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
});
