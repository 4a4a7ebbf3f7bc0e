import { array, assert, constantFrom, nat, property, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { type NodeName, nodeName } from '../../names.ts';
import { packNodes, unpackNodes } from './node-sets.ts';

test('a set is ranges of its groups', () => {
  const nodes = ['full-1', 'miner-3', 'full-0', 'full-2', 'full-7', 'a-b-0'] as NodeName[];
  expect(packNodes(nodes)).toEqual(['a-b 0', 'full 0-2', 'full 7', 'miner 3']);
  expect(packNodes([])).toEqual([]);
});

test('what was packed is what is unpacked', () => {
  const group = constantFrom('full', 'a-b', 'a', 'node-0');
  const node = tuple(group, nat(60)).map(([name, index]) => nodeName(name, index));
  assert(
    property(array(node), (nodes) => {
      const packed = packNodes(nodes);
      expect([...unpackNodes(packed)].toSorted()).toEqual([...new Set(nodes)].toSorted());
      expect(packNodes(unpackNodes(packed))).toEqual(packed);
    }),
  );
});

test.each(['full', 'full 3-1', 'full 0-999999', 'Full 1', 'full 1-', '0 1', 'full -1'])(
  'refuses %j',
  (range) => {
    expect(() => unpackNodes([range])).toThrow(TypeError);
  },
);
