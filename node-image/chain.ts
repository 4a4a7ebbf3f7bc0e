// What a node knows of the chain: ledger, disk and the record of what came when, kept in step. A
// block is on disk before anybody is told of it, so a node that was killed never denies a block
// that it has passed on.

import { type Added, type Block, genesisOf, Ledger } from './ledger.ts';
import { log } from './log.ts';
import { type Reception, Receptions, type Via } from './receptions.ts';
import type { Store } from './store.ts';

export const ancestorsShown = 64;
const depthsKept = 64;

export class Chain {
  readonly ledger: Ledger;
  readonly receptions = new Receptions();
  /** Of the reorgs since the start, the newest last. */
  readonly depths: number[] = [];
  reorgs = 0;
  reorgBlocks = 0;
  invalid = 0;
  readonly #store: Store;
  readonly #seen: (reception: Reception) => void;

  constructor(store: Store, options: { testnet: string; seen: (reception: Reception) => void }) {
    this.#store = store;
    this.#seen = options.seen;
    this.ledger = new Ledger(genesisOf(options.testnet));
    for (const block of store.blocks) this.ledger.add(block);
  }

  accept(block: Block, via: Via): Added {
    const added = this.ledger.add(block);
    if (added.outcome === 'invalid') this.invalid += 1;
    if (added.outcome !== 'connected') return added;
    this.#store.append(added.blocks);
    const now = Date.now();
    for (const connected of added.blocks) this.#seen(this.receptions.add(connected, via, now));
    if (added.reorgDepth > 0) this.#reorganised(added.reorgDepth);
    return added;
  }

  #reorganised(depth: number): void {
    this.reorgs += 1;
    this.reorgBlocks += depth;
    this.depths.push(depth);
    if (this.depths.length > depthsKept) this.depths.shift();
    const { height, hash } = this.ledger.tip;
    log('info', 'reorganised', { depth, height, tip: hash });
  }
}
