import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { virtualClock } from '../memory/virtual-clock.ts';
import { createWorkQueue } from './work-queue.ts';
import { type Reconcile, runWorkers } from './workers.ts';

type Step = { readonly waitMs: number; readonly key: string; readonly laterMs: number };

const step: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.constantFrom(0, 1, 7, 50),
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  laterMs: fc.constantFrom(0, 0, 3, 40),
});
/** How long the work on a key takes, and how it ends. */
const work = fc.record({ ms: fc.constantFrom(0, 2, 30), fails: fc.boolean() });

test('no key is worked twice at once, and none is lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.array(work, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, works, count) => {
        const clock = virtualClock(0);
        const queue = createWorkQueue({ clock });
        const stop = new AbortController();
        const inWork = new Set<string>();
        const begun = new Map<string, number>();
        const failed = new Set<string>();
        const twice: string[] = [];
        const left = [...works];
        const reconcile: Reconcile = async (key) => {
          if (inWork.has(key)) twice.push(key);
          inWork.add(key);
          begun.set(key, clock.now());
          const { ms, fails } = left.shift() ?? { ms: 1, fails: false };
          await clock.sleep(ms);
          inWork.delete(key);
          if (fails) failed.add(key);
          else failed.delete(key);
          if (fails) throw new Error('work');
        };
        const options = { count, reconcile, clock, onError: () => undefined };
        const running = runWorkers(queue, stop.signal, options);
        const asked = new Map<string, number>();
        await clock.run(
          (async () => {
            for (const { waitMs, key, laterMs } of steps) {
              await clock.sleep(waitMs);
              asked.set(key, Math.max(asked.get(key) ?? 0, clock.now()));
              if (laterMs === 0) queue.add(key);
              else queue.addAfter(key, laterMs);
            }
            await clock.sleep(1e7);
            stop.abort();
            await running;
          })(),
        );
        expect(twice).toEqual([]);
        expect([...failed]).toEqual([]);
        for (const [key, at] of asked) expect(begun.get(key)).toBeGreaterThanOrEqual(at);
      },
    ),
  );
});

test('a key that is added while it waits is worked once, while it is worked once more', async () => {
  const queue = createWorkQueue({ clock: virtualClock(0) });
  for (const key of ['a', 'b', 'a']) queue.add(key);
  expect(await queue.next()).toBe('a');
  queue.add('a');
  queue.add('a');
  expect(await queue.next()).toBe('b');
  queue.done('a');
  expect(await queue.next()).toBe('a');
  queue.done('a');
  queue.done('b');
  const nothing = queue.next();
  queue.close();
  expect(await nothing).toBeUndefined();
});

test('a key comes back later each time, and at once after it went well', async () => {
  const clock = virtualClock(0);
  const queue = createWorkQueue({ clock });
  const begun: number[] = [];
  const waits = await clock.run(
    (async () => {
      queue.add('a');
      for (let tries = 0; tries < 7; tries += 1) {
        const key = (await queue.next()) ?? '';
        begun.push(clock.now());
        if (tries === 4) queue.forget(key);
        queue.retry(key);
        queue.done(key);
      }
      return begun.slice(1).map((at, index) => at - (begun[index] ?? 0));
    })(),
  );
  expect(waits).toEqual([5, 10, 20, 40, 5, 10]);
});

test('many that fail together come back ten a second', async () => {
  const clock = virtualClock(0);
  const queue = createWorkQueue({ clock, retryBurst: 5 });
  const begun = await clock.run(
    (async () => {
      for (let key = 0; key < 25; key += 1) queue.retry(String(key));
      const times: number[] = [];
      for (let key = 0; key < 25; key += 1) {
        await queue.next();
        times.push(clock.now());
      }
      return times;
    })(),
  );
  expect(begun.filter((at) => at <= 5)).toHaveLength(5);
  expect(begun.at(-1)).toBe(2000);
});

test('of two times the earlier holds', async () => {
  const clock = virtualClock(0);
  const queue = createWorkQueue({ clock });
  const begun = await clock.run(
    (async () => {
      queue.addAfter('a', 100);
      queue.addAfter('a', 30);
      queue.addAfter('a', 60);
      queue.addAfter('b', 500);
      await queue.next();
      const first = clock.now();
      queue.done('a');
      return [first, await queue.next(), clock.now()];
    })(),
  );
  expect(begun).toEqual([30, 'b', 500]);
});

test('workers end when what they are at has ended, and what waits is left', async () => {
  const clock = virtualClock(0);
  const queue = createWorkQueue({ clock });
  const stop = new AbortController();
  const worked: string[] = [];
  const errors: string[] = [];
  await clock.run(
    (async () => {
      for (const key of ['a', 'b', 'c']) queue.add(key);
      const reconcile: Reconcile = async (key) => {
        if (key === 'b') throw new Error('no');
        await clock.sleep(100);
        stop.abort();
        worked.push(key);
      };
      const onError = (key: string) => void errors.push(key);
      await runWorkers(queue, stop.signal, { count: 2, reconcile, clock, onError });
    })(),
  );
  expect(worked).toEqual(['a', 'c']);
  // It had come back, and waited.
  expect(errors).toEqual(['b']);
  queue.add('d');
  expect(await queue.next()).toBeUndefined();
});

test('work may ask to be called again', async () => {
  const clock = virtualClock(0);
  const queue = createWorkQueue({ clock });
  const stop = new AbortController();
  const begun: number[] = [];
  await clock.run(
    (async () => {
      queue.add('a');
      const reconcile: Reconcile = async () => {
        if (begun.push(clock.now()) === 3) stop.abort();
        return await Promise.resolve({ againMs: 2000 });
      };
      const onError = () => undefined;
      await runWorkers(queue, stop.signal, { count: 1, reconcile, clock, onError });
    })(),
  );
  expect(begun).toEqual([0, 2000, 4000]);
});
