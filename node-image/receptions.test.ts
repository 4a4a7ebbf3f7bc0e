import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { genesisOf } from './ledger.ts';
import { Receptions, ringSize } from './receptions.ts';

const block = genesisOf('test');

test('whoever goes on from the last number misses nothing and gets nothing twice', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 60 }), (batches) => {
      const receptions = new Receptions();
      let [seen, cursor] = [0, 0];
      for (const size of batches) {
        for (let i = 0; i < size; i += 1) receptions.add(block, 'gossip', i);
        const news = receptions.since(cursor);
        expect(news.map(({ seq }) => seq)).toEqual(
          Array.from({ length: size }, (_, i) => cursor + i + 1),
        );
        seen += news.length;
        cursor = receptions.last;
      }
      expect(seen).toBe(receptions.last);
    }),
  );
});

test('the ring keeps the newest', () => {
  const receptions = new Receptions();
  for (let i = 0; i < ringSize * 2 + 5; i += 1) receptions.add(block, 'sync', i);
  const all = receptions.since(0);
  expect(all).toHaveLength(ringSize);
  expect(all.at(-1)?.seq).toBe(receptions.last);
  expect(receptions.since(receptions.last)).toEqual([]);
  expect(receptions.since(receptions.last + 7)).toEqual([]);
});
