import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Added, type Block, genesisOf, Ledger, maxOrphans, sealBlock } from './ledger.ts';

const genesis = genesisOf('test');

/** Blocks in a row on `parent`. */
function chainOn(parent: Block, length: number, miner: string): Block[] {
  const blocks: Block[] = [];
  for (let last = parent; blocks.length < length; ) {
    last = childOf(last, miner);
    blocks.push(last);
  }
  return blocks;
}

function childOf(parent: Block, miner: string): Block {
  const { height, hash, time } = parent;
  return sealBlock({ height: height + 1, parent: hash, miner, time: time + 1, nonce: 0 });
}

function ledgerOf(...blocks: readonly Block[]): Ledger {
  const ledger = new Ledger(genesis);
  for (const block of blocks) ledger.add(block);
  return ledger;
}

function depthOf(added: Added | undefined): number | undefined {
  return added?.outcome === 'connected' ? added.reorgDepth : undefined;
}

/** A tree of blocks: each new one on any that was there before. */
const tree = fc.array(fc.nat(), { maxLength: 40 }).map((picks) => {
  const blocks = [genesis];
  for (const [i, pick] of picks.entries()) {
    const parent = blocks[pick % blocks.length] ?? genesis;
    blocks.push(childOf(parent, `m${i}`));
  }
  return blocks.slice(1);
});
const shuffledTree = tree.chain((blocks) =>
  fc.record({
    blocks: fc.constant(blocks),
    arrival: fc.shuffledSubarray(blocks, { minLength: blocks.length }),
  }),
);

test('a longest chain wins, whatever the order of arrival', () => {
  fc.assert(
    fc.property(shuffledTree, ({ blocks, arrival }) => {
      const ledger = ledgerOf(...arrival);
      expect(ledger.tip.height).toBe(Math.max(0, ...blocks.map(({ height }) => height)));
      expect(ledger.orphanCount).toBe(0);
      expect(blocks.every(({ hash }) => ledger.has(hash))).toBe(true);
    }),
  );
});

test('the main chain is linked from the tip to the genesis', () => {
  fc.assert(
    fc.property(shuffledTree, ({ blocks, arrival }) => {
      const ledger = ledgerOf(...arrival);
      const known = new Map([genesis, ...blocks].map((block) => [block.hash, block]));
      const hashes = ledger.ancestors(1_000);
      expect(hashes).toHaveLength(ledger.tip.height + 1);
      expect(hashes.map((hash) => known.get(hash)?.parent)).toEqual([...hashes.slice(1), '']);
    }),
  );
});

test('the depth of a reorg is the number of blocks that left the main chain', () => {
  fc.assert(
    fc.property(shuffledTree, ({ arrival }) => {
      const ledger = new Ledger(genesis);
      for (const block of arrival) {
        const before = ledger.ancestors(1_000);
        const depth = depthOf(ledger.add(block)) ?? 0;
        const after = new Set(ledger.ancestors(1_000));
        expect(depth).toBe(before.filter((hash) => !after.has(hash)).length);
      }
    }),
  );
});

test('of chains of one length the one that was here first stays', () => {
  const [ours, theirs] = [chainOn(genesis, 3, 'a'), chainOn(genesis, 3, 'b')];
  const ledger = ledgerOf(...ours, ...theirs);
  expect(ledger.tip).toEqual(ours[2]);
});

test.each([
  { ours: 1, theirs: 2 },
  { ours: 3, theirs: 4 },
  { ours: 3, theirs: 9 },
])('a fork of $theirs blocks replaces $ours', ({ ours, theirs }) => {
  const ledger = ledgerOf(...chainOn(genesis, ours, 'a'));
  const depths = chainOn(genesis, theirs, 'b').map((block) => depthOf(ledger.add(block)));
  expect(depths.filter((depth) => depth !== 0)).toEqual([ours]);
  expect(ledger.tip.height).toBe(theirs);
});

test('a longer chain takes nothing away', () => {
  const ledger = ledgerOf(...chainOn(genesis, 3, 'a'));
  expect(ledger.add(childOf(ledger.tip, 'b'))).toMatchObject({ tipChanged: true, reorgDepth: 0 });
});

test('an orphan connects when its parent comes', () => {
  const first = childOf(genesis, 'a');
  const second = childOf(first, 'a');
  const third = childOf(second, 'a');
  const ledger = ledgerOf();
  expect(ledger.add(third)).toEqual({ outcome: 'orphan' });
  expect(ledger.add(second)).toEqual({ outcome: 'orphan' });
  expect(ledger.add(third)).toEqual({ outcome: 'known' });
  expect(ledger.add(first)).toMatchObject({ blocks: [first, second, third], reorgDepth: 0 });
  expect(ledger.tip).toEqual(third);
});

test('the pool of orphans is bounded, and the oldest leaves', () => {
  const blocks = chainOn(genesis, maxOrphans + 3, 'a');
  const ledger = ledgerOf(...blocks.slice(2));
  expect(ledger.orphanCount).toBe(maxOrphans);
  // The oldest two are forgotten: the rest do not connect without them.
  for (const block of blocks.slice(0, 2)) ledger.add(block);
  expect(ledger.tip.height).toBe(2);
});

const parent = childOf(genesis, 'a');
test.each([
  ['another hash', { ...childOf(parent, 'a'), hash: genesis.hash.replace(/^./, 'x') }],
  ['a height that jumps', sealBlock({ ...childOf(parent, 'a'), height: 5 })],
  ['a time that does not rise', sealBlock({ ...childOf(parent, 'a'), time: parent.time })],
])('a block with %s is refused', (_, block) => {
  const ledger = ledgerOf(parent);
  expect(ledger.add(block)).toEqual({ outcome: 'invalid' });
  expect(ledger.tip).toEqual(parent);
});

test('an orphan that does not follow its parent is dropped when that comes', () => {
  const wrong = sealBlock({ ...childOf(parent, 'a'), height: 5 });
  const ledger = ledgerOf(wrong);
  expect(ledger.add(parent)).toMatchObject({ blocks: [parent] });
  expect(ledger.orphanCount).toBe(0);
});

test('a locator finds the fork, and what follows it comes in pages', () => {
  fc.assert(
    fc.property(fc.nat(80), fc.nat(80), fc.nat(80), (common, ours, theirs) => {
      const trunk = chainOn(genesis, common, 'c');
      const fork = trunk.at(-1) ?? genesis;
      const asker = ledgerOf(...trunk, ...chainOn(fork, ours, 'a'));
      const asked = ledgerOf(...trunk, ...chainOn(fork, theirs, 'b'));
      let [pages, locator] = [0, asker.locator()];
      expect(locator.length).toBeLessThan(24);
      for (;;) {
        const page = asked.after(locator, 10);
        for (const block of page) asker.add(block);
        if (page.length < 10) break;
        pages += 1;
        locator = [page.at(-1)?.hash ?? '', ...asker.locator()];
      }
      expect(pages).toBeLessThan(20);
      expect(asker.tip.height).toBe(common + Math.max(ours, theirs));
      expect(asker.has(asked.tip.hash)).toBe(true);
    }),
  );
});

test('a stranger to the testnet gets nothing', () => {
  const asked = ledgerOf(...chainOn(genesis, 3, 'a'));
  expect(asked.after(new Ledger(genesisOf('another')).locator(), 10)).toEqual([]);
});
