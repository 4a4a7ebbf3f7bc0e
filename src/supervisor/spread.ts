// How news goes through the network, as it is heard of: reorgs by depth, and how long blocks take,
// to single nodes and to a share of all. A block is closed when every node has told of it, or half
// a minute after the first did: what comes later was cut off or away, no matter of speed.
import type { Observation } from '../network/observation.ts';
import type { Sample } from '../network/sample.ts';
import type { RunMetrics } from './metrics.ts';

type Recorder = Pick<RunMetrics, 'reorganised' | 'received' | 'reached'>;

export interface Spread {
  heard(group: string, observation: Observation, now: number): void;
  sampled(sample: Sample, now: number): void;
}

const shares = [0.5, 0.9, 0.99, 1] as const;
const openMs = 30_000;
/** Of blocks: bounds the memory, whatever nodes say. */
const mostOpen = 1_000;

type Block = { readonly first: number; readonly seconds: number[] };

export function createSpread(recorder: Recorder, groupOf: (node: string) => string): Spread {
  const open = new Map<string, Block>();
  return {
    heard: (group, { propagationSeconds = [], propagatedBlocks = [] }, now) => {
      for (const [index, seconds] of propagationSeconds.entries()) {
        recorder.received(group, seconds);
        const hash = propagatedBlocks[index];
        if (hash === undefined) continue;
        const block = open.get(hash) ?? { first: now, seconds: [] };
        if (open.size < mostOpen) open.set(hash, block);
        block.seconds.push(seconds);
      }
    },
    sampled: (sample, now) => {
      for (const [node, { metrics, reorgs = [] }] of sample.nodes) {
        // Told before the first reorg, too: a sample lists reorgs from there on only.
        if (metrics['reorg_depth'] === undefined) continue;
        const depths = reorgs.flatMap(([t, depth]) => (t === sample.t ? depth : []));
        recorder.reorganised(groupOf(node), depths);
      }
      const nodes = [...sample.nodes.values()].filter(({ tip }) => tip !== undefined).length;
      for (const [hash, block] of open) {
        // The one that made it is never told of it.
        const isEverywhere = block.seconds.length + 1 >= nodes;
        if (!isEverywhere && now - block.first < openMs) continue;
        open.delete(hash);
        close(recorder, block, nodes);
      }
    },
  };
}

function close(recorder: Recorder, { seconds }: Block, nodes: number): void {
  const sorted = [0, ...seconds.toSorted((a, b) => a - b)];
  for (const share of shares) {
    const last = sorted[Math.ceil(share * nodes) - 1];
    if (last !== undefined) recorder.reached(share, last);
  }
}
