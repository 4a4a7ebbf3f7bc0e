import { expect, test } from 'vitest';
import { createPool } from './pool.ts';

test('so many at once, the urgent ones first, in the order in which they came', async () => {
  const pool = createPool(2);
  const gates = new Map<string, () => void>();
  const started: string[] = [];
  const task = (name: string) => () => {
    started.push(name);
    return new Promise<void>((resolve) => gates.set(name, resolve));
  };
  const done = [
    pool(task('a')),
    pool(task('b'), { later: true }),
    pool(task('c'), { later: true }),
    pool(task('d')),
    pool(task('e')),
  ];
  expect(started).toEqual(['a', 'b']);
  for (const name of ['a', 'b', 'd', 'e', 'c']) {
    gates.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(done);
  expect(started).toEqual(['a', 'b', 'd', 'e', 'c']);
});

test('a task that fails makes room for the next', async () => {
  const pool = createPool(1);
  const failed = pool(() => Promise.reject(new TypeError('no')));
  const next = pool(() => Promise.resolve('yes'));
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
});
