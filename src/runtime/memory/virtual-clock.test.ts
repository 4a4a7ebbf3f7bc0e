import { describe, expect, test } from 'vitest';
import { virtualClock } from './virtual-clock.ts';

describe('virtual time', () => {
  test('passes without waiting, in order, and in order of asking at the same moment', async () => {
    const clock = virtualClock(1_000);
    const seen: [string, number][] = [];
    const see = (name: string) => seen.push([name, clock.now()]);
    clock.at(5_000, () => see('b'));
    clock.at(5_000, () => see('c'));
    clock.at(2_000, () => see('a'));
    // What is past is due now.
    clock.at(10, () => see('past'));
    await clock.run(
      (async () => {
        await clock.sleep(3_600_000);
        see('hour');
      })(),
    );
    expect(seen).toEqual([
      ['past', 1_000],
      ['a', 2_000],
      ['b', 5_000],
      ['c', 5_000],
      ['hour', 3_601_000],
    ]);
  });

  test('stands still while somebody still works', async () => {
    const clock = virtualClock(0);
    const times: number[] = [];
    const work = async () => {
      for (let step = 0; step < 50; step += 1) {
        await Promise.resolve();
        times.push(clock.now());
      }
    };
    await clock.run(Promise.all([work(), clock.sleep(10).then(() => times.push(clock.now()))]));
    expect(times).toEqual([...Array(50).fill(0), 10]);
  });

  test('ends a sleep early when its signal is aborted, and does not start an aborted one', async () => {
    const clock = virtualClock(0);
    const stop = new AbortController();
    clock.at(7, () => stop.abort());
    await clock.run(
      (async () => {
        await clock.sleep(1_000, stop.signal);
        expect(clock.now()).toBe(7);
        await clock.sleep(1_000, stop.signal);
        expect(clock.now()).toBe(7);
      })(),
    );
  });

  test('stands still for work of real time', async () => {
    const clock = virtualClock(0);
    const real = () => new Promise<number>((resolve) => setTimeout(() => resolve(clock.now()), 5));
    const other = clock.sleep(100);
    const times = (async () => {
      await clock.sleep(10);
      return [await clock.hold(real()), clock.now()];
    })();
    expect(await clock.run(times)).toEqual([10, 10]);
    await clock.run(other);
    expect(clock.now()).toBe(100);
  });

  test('takes a call back', async () => {
    const clock = virtualClock(0);
    let called = false;
    const cancel = clock.at(5, () => {
      called = true;
    });
    cancel();
    await clock.run(clock.sleep(10));
    expect(called).toBe(false);
  });

  test('passes on what went wrong', async () => {
    const clock = virtualClock(0);
    const failing = clock.sleep(5).then(() => {
      throw new TypeError('wrong');
    });
    await expect(clock.run(failing)).rejects.toThrow('wrong');
  });

  test('says so when everybody waits for nothing', async () => {
    const clock = virtualClock(0);
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow(/nothing is due/);
  });
});
