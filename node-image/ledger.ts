// A ledger of hash-linked blocks where the longest chain wins, and of chains of one length the one
// that was here first. Pure: no clock, no I/O. Guarantees: the main chain is always a longest of
// the connected chains, whatever the order of arrival; a block's parent is in before it; blocks
// whose parent is unknown wait in a bounded pool and connect by themselves when it arrives.
import { hashHex } from '../src/random.ts';

export type Block = {
  readonly hash: string;
  readonly height: number;
  readonly parent: string;
  readonly miner: string;
  /** Epoch milliseconds of creation, by the miner's clock. */
  readonly time: number;
  /** Tells blocks apart that one miner makes on one parent in one millisecond. */
  readonly nonce: number;
};

export type Header = Omit<Block, 'hash'>;

export type Added =
  | { readonly outcome: 'known' | 'orphan' | 'invalid' }
  | {
      readonly outcome: 'connected';
      /** In order, parents first: the block and the orphans that waited for it. */
      readonly blocks: readonly Block[];
      readonly tipChanged: boolean;
      /** Blocks of the old main chain that are no longer in it. */
      readonly reorgDepth: number;
    };

export const maxOrphans = 1_000;

export function sealBlock(header: Header): Block {
  const { height, parent, miner, time, nonce } = header;
  const hash = hashHex('block', height, parent, miner, time, nonce);
  return { hash, height, parent, miner, time, nonce };
}

export function genesisOf(testnet: string): Block {
  return sealBlock({ height: 0, parent: '', miner: testnet, time: 0, nonce: 0 });
}

export class Ledger {
  readonly #blocks = new Map<string, Block>();
  /** Hashes of the main chain by height. */
  readonly #main: string[];
  /** By hash, oldest first. */
  readonly #orphans = new Map<string, Block>();

  constructor(genesis: Block) {
    this.#blocks.set(genesis.hash, genesis);
    this.#main = [genesis.hash];
  }

  get tip(): Block {
    return this.#at(this.#main.length - 1);
  }

  get orphanCount(): number {
    return this.#orphans.size;
  }

  has(hash: string): boolean {
    return this.#blocks.has(hash);
  }

  add(block: Block): Added {
    if (this.#blocks.has(block.hash) || this.#orphans.has(block.hash)) return { outcome: 'known' };
    if (sealBlock(block).hash !== block.hash) return { outcome: 'invalid' };
    const parent = this.#blocks.get(block.parent);
    if (parent === undefined) return this.#wait(block);
    if (!follows(block, parent)) return { outcome: 'invalid' };
    const blocks = this.#connect(block);
    const best = blocks.reduce((a, b) => (b.height > a.height ? b : a));
    const tipChanged = best.height > this.tip.height;
    return {
      outcome: 'connected',
      blocks,
      tipChanged,
      reorgDepth: tipChanged ? this.#switchTo(best) : 0,
    };
  }

  /** The hashes of the main chain from the tip downwards. */
  ancestors(limit: number): readonly string[] {
    return this.#main.slice(-limit).reverse();
  }

  /** Main-chain hashes from the tip down, ever sparser, genesis last: finds a fork in O(log n). */
  locator(): readonly string[] {
    const hashes: string[] = [];
    for (let height = this.tip.height, step = 1; height > 0; height -= step) {
      hashes.push(this.#at(height).hash);
      if (hashes.length >= 10) step *= 2;
    }
    return [...hashes, this.#at(0).hash];
  }

  /** Main-chain blocks above the first of these hashes that is in the main chain. */
  after(locator: readonly string[], limit: number): readonly Block[] {
    const fork = locator.find((hash) => this.#isMain(hash));
    if (fork === undefined) return [];
    const height = this.#blocks.get(fork)?.height ?? 0;
    const count = Math.min(limit, this.tip.height - height);
    return Array.from({ length: count }, (_, i) => this.#at(height + 1 + i));
  }

  #wait(block: Block): Added {
    this.#orphans.set(block.hash, block);
    if (this.#orphans.size > maxOrphans) {
      const oldest = this.#orphans.keys().next().value;
      if (oldest !== undefined) this.#orphans.delete(oldest);
    }
    return { outcome: 'orphan' };
  }

  /** The block, then every orphan that descends from it. */
  #connect(block: Block): Block[] {
    const connected = [block];
    for (const parent of connected) {
      this.#blocks.set(parent.hash, parent);
      for (const orphan of this.#orphans.values()) {
        if (orphan.parent !== parent.hash) continue;
        this.#orphans.delete(orphan.hash);
        if (follows(orphan, parent)) connected.push(orphan);
      }
    }
    return connected;
  }

  /** Makes the chain below `tip` the main one and says how many blocks left it. */
  #switchTo(tip: Block): number {
    const branch: string[] = [];
    let at: Block | undefined = tip;
    while (at !== undefined && !this.#isMain(at.hash)) {
      branch.push(at.hash);
      at = this.#blocks.get(at.parent);
    }
    const fork = at?.height ?? 0;
    const left = this.#main.splice(fork + 1);
    for (const hash of branch.reverse()) this.#main.push(hash);
    return left.length;
  }

  #isMain(hash: string): boolean {
    const block = this.#blocks.get(hash);
    return block !== undefined && this.#main[block.height] === hash;
  }

  #at(height: number): Block {
    const block = this.#blocks.get(this.#main[height] ?? '');
    if (block === undefined) throw new RangeError(`no main block at height ${height}`);
    return block;
  }
}

function follows(block: Block, parent: Block): boolean {
  return block.height === parent.height + 1 && block.time > parent.time;
}
