import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import type { TcClass } from './ruleset.ts';
import { addClassLines, contentKey, deleteClassLines, longestDelayMs, needsNetem } from './tc.ts';

const port = nodeName('n', 0);
const one = (shape: TcClass['shape']): TcClass => ({ port, minor: 0x1f, shape });
const lines = (classes: readonly TcClass[]) => addClassLines(classes, () => 'v7');
const unlimited = 'rate 100gbit ceil 100gbit burst 1mb cburst 1mb quantum 1514';

describe('a class as tc text', () => {
  test.each<readonly [string, TcClass['shape'], string, string]>([
    ['delay', { delayMs: 40 }, unlimited, 'netem limit 100000 delay 40000us'],
    [
      'delay and jitter',
      { delayMs: 42.5, jitterMs: 3.5355339 },
      unlimited,
      'netem limit 100000 delay 42500us 3536us distribution normal',
    ],
    [
      // 20 Mbit/s: 2 ms of it as burst, 50 ms of it (84 packets) as queue.
      'rate',
      { rateBitsPerSecond: 20e6 },
      'rate 20000000bit ceil 20000000bit burst 5000b cburst 5000b quantum 1514',
      'pfifo limit 84',
    ],
    [
      // What is in flight for 100 ms waits in the leaf too.
      'rate and delay',
      { rateBitsPerSecond: 20e6, delayMs: 100 },
      'rate 20000000bit ceil 20000000bit burst 5000b cburst 5000b quantum 1514',
      'netem limit 250 delay 100000us',
    ],
    [
      'a slow rate',
      { rateBitsPerSecond: 64_000 },
      'rate 64000bit ceil 64000bit burst 1600b cburst 1600b quantum 1514',
      'pfifo limit 10',
    ],
    [
      'burst loss',
      { burst: { enterRatio: 0.01, leaveRatio: 0.25, lossRatio: 0.9 } },
      unlimited,
      'netem limit 100000 loss gemodel 1% 25% 90% 0%',
    ],
    [
      'duplicate and corrupt',
      { duplicateRatio: 0.005, corruptRatio: 0.000001 },
      unlimited,
      'netem limit 100000 duplicate 0.5% corrupt 0.0001%',
    ],
  ])('with %s', (...[, shape, htb, leaf]) => {
    expect(lines([one(shape)])).toEqual([
      `class add dev v7 parent 5053: classid 5053:1f htb ${htb}`,
      `qdisc add dev v7 parent 5053:1f ${leaf}`,
    ]);
  });

  test('puts parents first when adding and last when deleting', () => {
    const rateBitsPerSecond = 1e6;
    const child: TcClass = { ...one({ rateBitsPerSecond, delayMs: 5 }), parent: 0x20 };
    const parent: TcClass = { port, minor: 0x20, shape: { rateBitsPerSecond }, inner: true };
    expect(lines([child, parent])).toEqual([
      'class add dev v7 parent 5053: classid 5053:20 htb ' +
        'rate 1000000bit ceil 1000000bit burst 1600b cburst 1600b quantum 1514',
      // Guaranteed next to nothing: two children that are promised all of it get twice of it.
      'class add dev v7 parent 5053:20 classid 5053:1f htb ' +
        'rate 8000bit ceil 1000000bit burst 1600b cburst 1600b quantum 1514',
      'qdisc add dev v7 parent 5053:1f netem limit 10 delay 5000us',
    ]);
    expect(deleteClassLines([parent, child], () => 'v7')).toEqual([
      'class del dev v7 classid 5053:1f',
      'class del dev v7 classid 5053:20',
    ]);
  });

  test('has a key that differs where the text does', () => {
    const keys = [{ delayMs: 1 }, { delayMs: 2 }, { rateBitsPerSecond: 1 }, {}].map(contentKey);
    expect(new Set(keys).size).toBe(4);
  });

  test('waits for its slowest packets before it may go', () => {
    expect(longestDelayMs(one({ delayMs: 50, jitterMs: 10 }))).toBe(110);
  });
});

test.each([
  [{ lossRatio: 0.1 }, false],
  [{ rateBitsPerSecond: 1 }, false],
  [{ delayMs: 1 }, true],
  [{ reorder: { shareRatio: 0.1, byMs: 1 } }, true],
  [{ corruptRatio: 0.1 }, true],
])('%j needs netem: %s', (shape, expected) => {
  expect(needsNetem(shape)).toBe(expected);
});
