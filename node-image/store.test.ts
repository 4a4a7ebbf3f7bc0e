import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBlock, writeBlock } from './block-text.ts';
import { type Block, genesisOf, sealBlock } from './ledger.ts';
import { line, openStore, readLog } from './store.ts';

const owner = { testnet: 'test', identity: 'ab'.repeat(32) };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'peerstorm-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const block = fc
  .record({
    height: fc.nat(),
    parent: fc.stringMatching(/^[0-9a-f]{64}$/),
    miner: fc.string({ maxLength: 64 }),
    time: fc.nat(),
    nonce: fc.nat(),
  })
  .map(sealBlock);

function blocksOnDisk(): readonly Block[] {
  const store = openStore(directory, owner);
  store.close();
  return store.blocks;
}

test('a block reads back as it was written', () => {
  fc.assert(
    fc.property(block, (b) => {
      expect(readBlock(writeBlock(b))).toEqual(b);
    }),
  );
});

test.each([
  '',
  '[]',
  '{}',
  'null',
  '[1,"x","m",1,1]',
  JSON.stringify([1.5, 'a'.repeat(64), 'm', 1, 1]),
  JSON.stringify([1, 'a'.repeat(64), 'm', 1, 1, 1]),
  JSON.stringify([1, 'a'.repeat(64), 'm'.repeat(65), 1, 1]),
  JSON.stringify([-1, 'a'.repeat(64), 'm', 1, 1]),
  ' '.repeat(600),
])('%j is not a block', (text) => {
  expect(readBlock(text)).toBeUndefined();
});

test('blocks are there again at the next start, in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.array(block)), (batches) => {
      rmSync(directory, { recursive: true, force: true });
      const store = openStore(directory, owner);
      for (const batch of batches) store.append(batch);
      store.close();
      expect(blocksOnDisk()).toEqual(batches.flat());
    }),
    { numRuns: 30 },
  );
});

test('a log cut anywhere loses only what was cut', () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), fc.nat(), (blocks, cut) => {
      const lines = blocks.map(line);
      const whole = Buffer.from(lines.join(''));
      const length = cut % (whole.byteLength + 1);
      let [end, kept] = [0, 0];
      for (const text of lines) {
        end += Buffer.byteLength(text);
        if (end <= length) kept += 1;
      }
      expect(readLog(whole.subarray(0, length)).blocks).toEqual(blocks.slice(0, kept));
    }),
  );
});

test('a log with one changed byte is read up to that line, and no further', () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), fc.nat(), (blocks, at) => {
      const lines = blocks.map(line);
      const log = Buffer.from(lines.join(''));
      const position = at % log.byteLength;
      log[position] = (log[position] ?? 0) ^ 1;
      const before = lines.findIndex(
        (_, i) => Buffer.byteLength(lines.slice(0, i + 1).join('')) > position,
      );
      expect(readLog(log).blocks).toEqual(blocks.slice(0, before));
    }),
  );
});

test('after a torn last line the log goes on where it was whole', () => {
  const [first = expect.fail(), second = expect.fail()] = fc.sample(block, 2);
  const store = openStore(directory, owner);
  store.append([first]);
  store.close();
  appendFileSync(join(directory, 'blocks.log'), line(second).slice(0, 20));
  const again = openStore(directory, owner);
  expect(again.blocks).toEqual([first]);
  again.append([second]);
  again.close();
  expect(blocksOnDisk()).toEqual([first, second]);
});

test('starts are counted', () => {
  for (const starts of [1, 2, 3]) {
    const store = openStore(directory, owner);
    expect(store.starts).toBe(starts);
    store.close();
  }
});

test.each([
  ['another node', { ...owner, identity: 'cd'.repeat(32) }],
  ['another testnet', { ...owner, testnet: 'other' }],
])('the directory of %s is refused', (_, other) => {
  openStore(directory, other).close();
  expect(() => openStore(directory, owner)).toThrow(/another node or testnet/);
});

test('an identity file that cannot be read is refused', () => {
  writeFileSync(join(directory, 'identity.json'), '{');
  expect(() => openStore(directory, owner)).toThrow(/cannot be read/);
  expect(readFileSync(join(directory, 'identity.json'), 'utf8')).toBe('{');
});

test('the genesis differs between testnets', () => {
  expect(genesisOf('a').hash).not.toBe(genesisOf('b').hash);
});
