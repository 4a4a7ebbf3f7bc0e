// What a node keeps on disk: who it is and which blocks it has. Guarantees: after a kill -9 at any
// moment the next start finds every block that was told to others, in the order of arrival (so that
// ties fall as before); a line that was torn by the kill, or anything that does not check, is cut
// off and fetched again from peers. No fsync: it guards against the death of the process, not of
// the machine, and a testnet does not outlive that.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { fail, messageOf } from '../src/errors.ts';
import { readBlock, writeBlock } from './block-text.ts';
import type { Block } from './ledger.ts';

export type Store = {
  /** As they arrived, parents first. */
  readonly blocks: readonly Block[];
  /** How often this node has been started, this time included. */
  readonly starts: number;
  readonly append: (blocks: readonly Block[]) => void;
  readonly close: () => void;
};

export function openStore(directory: string, owner: { testnet: string; identity: string }): Store {
  mkdirSync(directory, { recursive: true });
  const starts = claim(join(directory, 'identity.json'), owner);
  const file = openSync(join(directory, 'blocks.log'), 'a+');
  const { blocks, bytes } = readLog(readFileSync(file));
  ftruncateSync(file, bytes);
  return {
    blocks,
    starts,
    append: (added) => {
      // One write for all: the kernel has it before anybody is told.
      writeSync(file, added.map(line).join(''));
    },
    close: () => closeSync(file),
  };
}

/** The blocks of the longest prefix of good lines, and its length. */
export function readLog(log: Uint8Array): { blocks: Block[]; bytes: number } {
  const blocks: Block[] = [];
  let bytes = 0;
  for (;;) {
    const end = log.indexOf(0x0a, bytes);
    if (end < 0) return { blocks, bytes };
    const block = readLine(Buffer.from(log.subarray(bytes, end)).toString('utf8'));
    if (block === undefined) return { blocks, bytes };
    blocks.push(block);
    bytes = end + 1;
  }
}

export function line(block: Block): string {
  const text = writeBlock(block);
  return `${checksum(text)} ${text}\n`;
}

function readLine(text: string): Block | undefined {
  const body = text.slice(9);
  return text.startsWith(`${checksum(body)} `) ? readBlock(body) : undefined;
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Refuses a directory that belongs to another node, and counts the start. */
function claim(path: string, owner: { testnet: string; identity: string }): number {
  const before = readIdentity(path);
  if (before !== undefined) {
    if (before.testnet !== owner.testnet || before.identity !== owner.identity) {
      throw fail('START_FAILED', `${path} belongs to another node or testnet`);
    }
  }
  const starts = (before?.starts ?? 0) + 1;
  // The new file replaces the old in one step: a kill leaves one or the other, whole.
  writeFileSync(`${path}.new`, `${JSON.stringify({ ...owner, starts })}\n`);
  renameSync(`${path}.new`, path);
  return starts;
}

const identityFile = z.strictObject({
  testnet: z.string(),
  identity: z.string(),
  starts: z.int().min(1),
});

function readIdentity(path: string): z.infer<typeof identityFile> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return identityFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw fail('START_FAILED', `${path} cannot be read: ${messageOf(error)}`, error);
  }
}
