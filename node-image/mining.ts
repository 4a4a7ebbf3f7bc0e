// Simulated mining: no work is done, only its timing is. Finding blocks is a Poisson process, so
// the times between a miner's own blocks are exponential and do not depend on when others find
// theirs; the mean is the whole network's interval divided by the miner's share of the hash rate
// (kinds/reference.ts). The stream is seeded by the node's identity and the number of its start.
import { exponential, randomOf } from '../src/random.ts';
import { type Block, sealBlock } from './ledger.ts';

export type Miner = {
  readonly stop: () => void;
  /** How much later than drawn its blocks were found, in all: what a busy machine does to it. */
  readonly lateSeconds: () => number;
};

export type MiningOptions = {
  readonly name: string;
  readonly identity: string;
  /** How often this node has started, so that a restart does not repeat its draws. */
  readonly starts: number;
  readonly meanMs: number;
};

export function startMining(
  tip: () => Block,
  found: (block: Block) => void,
  options: MiningOptions,
): Miner {
  const random = randomOf(options.identity, 'mining', options.starts);
  let timer: NodeJS.Timeout;
  let due = Date.now();
  let lateMs = 0;
  const next = (): void => {
    // From when the last one was due, not from now: a late timer does not slow the process down.
    due += exponential(random, options.meanMs);
    timer = setTimeout(mine, Math.max(0, due - Date.now()));
  };
  const mine = (): void => {
    const late = Math.max(0, Date.now() - due);
    // Who was stopped for so long did no work meanwhile: its process begins anew, and was not late.
    if (late > options.meanMs) due = Date.now();
    else lateMs += late;
    next();
    found(blockOn(tip(), options.name, random));
  };
  next();
  return { stop: () => clearTimeout(timer), lateSeconds: () => lateMs / 1000 };
}

export function blockOn(parent: Block, miner: string, random: () => number): Block {
  return sealBlock({
    height: parent.height + 1,
    parent: parent.hash,
    miner,
    // A clock may be behind that of the parent's miner; time must rise along a chain.
    time: Math.max(Date.now(), parent.time + 1),
    nonce: Math.floor(random() * 2 ** 32),
  });
}
