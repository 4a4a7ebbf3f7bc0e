import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import { classesOf, conflictsOf } from './classes.ts';
import type { PlacedEffect } from './effect.ts';

const nodes = Array.from({ length: 12 }, (_, index) => nodeName('n', index));

describe('classes of nodes', () => {
  test('hold the nodes that are in the same sets, all of them once', () => {
    const sets = fc.array(
      // Names twice, and names of nodes that are not there.
      fc
        .array(fc.nat({ max: 14 }), { maxLength: 20 })
        .map((list) => list.map((index) => nodeName('n', index))),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(sets, (sets) => {
        const classes = classesOf(nodes, sets);
        const signature = (node: (typeof nodes)[number]) =>
          sets.flatMap((set, index) => (set.includes(node) ? [index] : [])).join();
        for (const { nodes: members, members: inSets } of classes) {
          for (const node of members) expect(signature(node)).toBe(inSets.join());
        }
        const touched = nodes.filter((node) => signature(node) !== '');
        expect(classes.flatMap((one) => one.nodes).toSorted()).toEqual(touched.toSorted());
        expect(classes.length).toBe(new Set(touched.map(signature)).size);
      }),
    );
  });
});

describe('conflicts', () => {
  const [a, b, c, d] = nodes;
  const impairment = {
    kind: 'shape',
    burst: { enterRatio: 0.1, leaveRatio: 0.5, lossRatio: 1 },
  } as const;
  const burst = (fault: string, pair: readonly (typeof a)[]): PlacedEffect => {
    const [from, to] = pair.map((node) => (node === undefined ? [] : [node]));
    return { fault, from: from ?? [], to: to ?? [], impairment };
  };

  test.each([
    ['on one pair', [burst('f', [a, b]), burst('g', [a, b])], 1],
    ['on two pairs', [burst('f', [a, b]), burst('g', [c, d])], 0],
    ['there and back', [burst('f', [a, b]), burst('g', [b, a])], 0],
    ['on a node itself', [burst('f', [a, a]), burst('g', [a, a])], 0],
    ['of one fault', [burst('f', [a, b]), burst('f', [a, b])], 0],
  ])('of bursts %s', (...[, effects, count]) => {
    expect(conflictsOf(effects)).toHaveLength(count);
  });

  test('name the faults', () => {
    expect(conflictsOf([burst('f', [a, b]), burst('g', [a, b])])[0]).toMatch(/"f" and "g"/);
  });
});
