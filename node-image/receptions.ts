// When each block was first seen here: a bounded ring with rising numbers, so that whoever asks
// again gets each reception once. `created` is by the miner's clock and `received` by ours.
import type { Block } from './ledger.ts';

/** How a block came here. `stored`: it was here before the start. */
export type Via = 'gossip' | 'sync' | 'mined' | 'stored';

export type Reception = {
  readonly seq: number;
  readonly hash: string;
  readonly height: number;
  readonly via: Via;
  /** Epoch milliseconds. */
  readonly created: number;
  readonly received: number;
};

export const ringSize = 1_024;

export class Receptions {
  readonly #ring: Reception[] = [];
  #last = 0;

  /** The number of the newest. */
  get last(): number {
    return this.#last;
  }

  add(block: Block, via: Via, received: number): Reception {
    this.#last += 1;
    const { hash, height, time } = block;
    const reception = { seq: this.#last, hash, height, via, created: time, received };
    this.#ring[this.#last % ringSize] = reception;
    return reception;
  }

  /** Those with a greater number, oldest first. */
  since(seq: number): readonly Reception[] {
    const first = Math.max(seq, this.#last - ringSize, 0) + 1;
    const count = Math.max(0, this.#last - first + 1);
    return Array.from({ length: count }, (_, i) => this.#ring[(first + i) % ringSize]).filter(
      (reception) => reception !== undefined,
    );
  }
}
