import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { faultShape, worldArbitrary } from '../../test/interpreter/world.ts';
import { nodeName } from '../names.ts';
import { combine, composer, impairmentOf } from './algebra.ts';
import type { Impairment, Shape } from './effect.ts';

const shape = (fields: Shape): Impairment => ({ kind: 'shape', ...fields });
const drop: Impairment = { kind: 'drop' };
const reject: Impairment = { kind: 'reject' };
const burst = { enterRatio: 0.01, leaveRatio: 0.2, lossRatio: 1 };

describe('impairments of one pair', () => {
  test.each<readonly [string, readonly Impairment[], unknown]>([
    ['nothing is clear', [], { kind: 'clear' }],
    ['an empty shape is clear', [shape({}), shape({ lossRatio: 0 })], { kind: 'clear' }],
    ['drop beats reject', [reject, drop], drop],
    ['reject beats the rest', [shape({ delayMs: 5 }), reject], reject],
    ['losses: 1 - product(1 - p)', [lossy(0.1), lossy(0.2)], lossy(0.28)],
    ['one loss stays as it is', [lossy(0.1)], lossy(0.1)],
    ['a loss of everything', [lossy(1), lossy(0.5)], lossy(1)],
    ['delays add', [shape({ delayMs: 40 }), shape({ delayMs: 2.5 })], shape({ delayMs: 42.5 })],
    ['jitters in quadrature', [jittery(3), jittery(4)], jittery(5)],
    ['rates: the least', [rated(5e6), rated(1e6), shape({ delayMs: 1 })], rated(1e6, 1)],
    [
      'duplicate and corrupt like loss',
      [shape({ duplicateRatio: 0.5, corruptRatio: 0.1 }), shape({ duplicateRatio: 0.5 })],
      shape({ duplicateRatio: 0.75, corruptRatio: 0.1 }),
    ],
    [
      'reorder: shares like loss, the longer hold',
      [late(0.5, 20), late(0.5, 80)],
      shape({ reorder: { shareRatio: 0.75, byMs: 80 } }),
    ],
    ['one burst', [shape({ burst }), lossy(0.1)], shape({ burst, lossRatio: 0.1 })],
    ['a burst under a drop', [shape({ burst }), shape({ burst }), drop], drop],
  ])('%s', (_, impairments, expected) => {
    expect(combine(impairments)).toEqual(expected);
  });

  test('two bursts are a conflict, as a value', () => {
    expect(combine([shape({ burst }), shape({ burst })])).toMatchObject({ kind: 'conflict' });
  });

  test('compose to the same in any order and grouping', () => {
    const impairment = fc.oneof(
      { weight: 8, arbitrary: faultShape.map(shape) },
      { weight: 1, arbitrary: fc.constantFrom(drop, reject) },
    );
    fc.assert(
      fc.property(fc.array(impairment, { maxLength: 5 }), fc.nat(), (list, pick) => {
        const turned = [...list.slice(pick % 5), ...list.slice(0, pick % 5)];
        const whole = combine(list);
        expect(rounded(combine(turned))).toEqual(rounded(whole));
        const first = combine(list.slice(0, 2));
        if (first.kind === 'conflict' || first.kind === 'clear') return;
        expect(rounded(combine([first, ...list.slice(2)]))).toEqual(rounded(whole));
      }),
    );
  });
});

describe('effects', () => {
  const [a, b, c] = [nodeName('a', 0), nodeName('b', 0), nodeName('c', 0)];

  test('hit the ordered pairs of their two sets, and no node itself', () => {
    const effects = [{ fault: 'f', from: [a, b], to: [b, c], impairment: drop }];
    const hit = [a, b, c].flatMap((from) =>
      [a, b, c]
        .filter((to) => impairmentOf(effects, from, to).kind === 'drop')
        .map((to) => from + to),
    );
    expect(hit).toEqual(['a-0b-0', 'a-0c-0', 'b-0c-0']);
  });

  test('of one fault that say the same count once', () => {
    const there = { fault: 'f', from: [a, b], to: [a, b, c], impairment: lossy(0.1) };
    const back = { ...there, from: there.to, to: there.from };
    expect(impairmentOf([there, back], a, b)).toEqual(lossy(0.1));
    expect(impairmentOf([there, { ...back, fault: 'g' }], a, b)).toEqual(lossy(0.19));
  });

  test('give the same answer one at a time and for many', () => {
    fc.assert(
      fc.property(worldArbitrary({ bursts: true }), ({ nodes, base, faults }) => {
        const effects = [...base, ...faults.flat()];
        const compose = composer(effects);
        for (const from of nodes) {
          for (const to of nodes) {
            expect(compose(from, to)).toEqual(impairmentOf(effects, from, to));
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

function lossy(lossRatio: number): Impairment {
  return shape({ lossRatio });
}

function jittery(jitterMs: number): Impairment {
  return shape({ jitterMs });
}

function rated(rateBitsPerSecond: number, delayMs?: number): Impairment {
  return shape({ rateBitsPerSecond, ...(delayMs === undefined ? {} : { delayMs }) });
}

function late(shareRatio: number, byMs: number): Impairment {
  return shape({ reorder: { shareRatio, byMs } });
}

function rounded(value: unknown): unknown {
  const text = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'number' ? Number(part.toPrecision(9)) : part,
  );
  return JSON.parse(text);
}
