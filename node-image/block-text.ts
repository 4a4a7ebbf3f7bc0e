// Blocks as text: one line of JSON, the same on the wire and on disk. Reading trusts nobody: any
// text that is not exactly a block is undefined, and sizes are bounded before anything is parsed.
import { type Block, sealBlock } from './ledger.ts';

/** Above any block that a node of ours makes (names are at most 64 characters). */
export const maxBlockBytes = 512;

export function writeBlock(block: Block): string {
  const { height, parent, miner, time, nonce } = block;
  return JSON.stringify([height, parent, miner, time, nonce]);
}

/** The hash is not in the text: it is computed, so a block read here always has its own. */
export function readBlock(text: string): Block | undefined {
  if (text.length > maxBlockBytes) return undefined;
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length !== 5) return undefined;
  const [height, parent, miner, time, nonce] = fields as readonly unknown[];
  if (!isCount(height) || !isCount(time) || !isCount(nonce)) return undefined;
  if (typeof parent !== 'string' || typeof miner !== 'string') return undefined;
  if (!/^[0-9a-f]{64}$/.test(parent) || miner.length > 64) return undefined;
  return sealBlock({ height, parent, miner, time, nonce });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
