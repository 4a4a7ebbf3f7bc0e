// One tick of the whole testnet: what all nodes said at one moment, with the metrics drawn from it.
import type { NodeName } from '../names.ts';

/** Names of DESIGN metrics such as `node_peers`, and `node:<name>` for the node's own. */
export type Metrics = Readonly<Record<string, number>>;

export type NodeSample = {
  /** Its newest observation was at most 2 s old. */
  readonly answering: boolean;
  /** Should it be up, as far as the faults go? Nodes down by a fault are skipped by `of`. */
  readonly expected: boolean;
  /** Milliseconds from time 0 at which it was up again after the latest fault that took it down. */
  readonly back?: number;
  /** Samples in a row in which it should have answered and did not; absent: none. */
  readonly silent?: number;
  readonly tip?: string;
  readonly metrics: Metrics;
  /** Reorgs seen so far, at most the 64 latest: [milliseconds from time 0, depth]. */
  readonly reorgs?: readonly (readonly [number, number])[];
};

export type Sample = {
  /** Milliseconds from time 0. */
  readonly t: number;
  readonly network: Metrics;
  readonly nodes: ReadonlyMap<NodeName, NodeSample>;
  /** Live edges, each once: reported, and cut by no enforced fault. */
  readonly edges: readonly (readonly [NodeName, NodeName])[];
  /** Reported peers whose address belongs to no node of the plan; absent: none. */
  readonly unknownPeers?: number;
};

// The plan checks names of metrics too, and is below this room.
export { networkMetrics, nodeMetrics } from '../metrics/observed.ts';
