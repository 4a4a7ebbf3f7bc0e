import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { problemsOf } from '../../test/golden/plan/planning.ts';
import { type Addressing, addressesOf, capacityOf } from './addresses.ts';

const addressing = fc.record({
  pool: fc.constantFrom<Addressing['pool']>('private', 'public-like'),
  netgroups: fc.integer({ min: 1, max: 64 }),
});
type Growth = { readonly sizes: number[]; readonly which: number; readonly more: number };
const counts = fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 12 });
const netgroup = (address: string) => address.split('.').slice(0, 2).join('.');

test('addresses are in the pool, all different, and end in 1 to 254', () => {
  fc.assert(
    fc.property(counts, addressing, (sizes, pool) => {
      const addresses = addressesOf(sizes, pool);
      expect(addresses.map(({ length }) => length)).toEqual(sizes);
      const all = addresses.flat();
      expect(new Set(all).size).toBe(all.length);
      expect(all.filter((address) => !isSound(address, pool))).toEqual([]);
    }),
  );
});

function isSound(address: string, { pool, netgroups }: Addressing): boolean {
  const [first, second = -1, third = -1, last = -1] = address.split('.').map(Number);
  const [octet, base] = pool === 'private' ? [10, 64] : [11, 0];
  const inNetgroup = second >= base && second < base + netgroups;
  return first === octet && inNetgroup && third >= 0 && third <= 255 && last >= 1 && last <= 254;
}

const growth: fc.Arbitrary<Growth> = fc.record({
  sizes: counts,
  which: fc.nat(),
  more: fc.nat({ max: 300 }),
});

test('growing a group or adding one moves nobody', () => {
  fc.assert(
    fc.property(growth, addressing, ({ sizes, which, more }, pool) => {
      const grown = which % sizes.length;
      const after = sizes.map((size, at) => (at === grown ? size + more : size));
      const before = addressesOf(sizes, pool);
      const later = addressesOf([...after, 5], pool);
      for (const [group, list] of before.entries()) {
        expect(later[group]?.slice(0, list.length)).toEqual(list);
      }
    }),
  );
});

test('a group is spread evenly over the netgroups', () => {
  fc.assert(
    fc.property(counts, addressing, (sizes, pool) => {
      for (const list of addressesOf(sizes, pool)) {
        const perGroup = Map.groupBy(list, netgroup);
        const most = Math.max(...[...perGroup.values()].map(({ length }) => length));
        expect(most).toBe(Math.ceil(list.length / pool.netgroups));
      }
    }),
  );
});

test('a group that outgrows its block takes what the others leave, up to the last address', () => {
  const pool: Addressing = { pool: 'private', netgroups: 1 };
  const capacity = capacityOf(pool);
  const sizes = [capacity - 1_000, 1, 999];
  const all = addressesOf(sizes, pool).flat();
  expect(new Set(all).size).toBe(capacity);
  // The small groups keep their places.
  const small = addressesOf([1, 1, 999], pool);
  expect(addressesOf(sizes, pool).slice(1)).toEqual(small.slice(1));
});

test('more nodes than addresses are refused', () => {
  const groups = [1, 2].map((at) => ({ name: `g${at}`, count: 40_000, kind: 'reference' }));
  expect(problemsOf({ groups })).toEqual([
    'error spec.network.addressing.netgroups: the pool is too small: 80000 nodes, room for 65024; raise netgroups',
  ]);
});
