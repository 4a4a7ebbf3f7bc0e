// What a probe read from one node, as the kind understood it.

export type ObservedPeer = {
  /** IPv4 of the peer, no port: nodes are told apart by address. */
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
};

export type Observation = {
  readonly peers: readonly ObservedPeer[];
  readonly height?: number;
  /** Identifies the head: block hash or the like. */
  readonly tip?: string;
  /** Hashes from the tip downwards, newest first, where the kind can tell (for chain_forks). */
  readonly ancestors?: readonly string[];
  /**
   * Since the node's start: how many reorgs, and the depths of the latest (at most 64, newest
   * last).
   */
  readonly reorgs?: { readonly count: number; readonly depths: readonly number[] };
  /** Heads that were left by a reorg and lead nowhere now (kinds derive events from it). */
  readonly abandoned?: readonly string[];
  /** Where to go on next time, for kinds that ask for events since the sample before. */
  readonly cursor?: number;
  /** Seconds from creation to first reception of blocks, since the sample before. */
  readonly propagationSeconds?: readonly number[];
  /** Which blocks these were, in the same order; where the kind can tell. */
  readonly propagatedBlocks?: readonly string[];
  /** Blocks it has found since its start, how late in all, and the whole network's mean time. */
  readonly mining?: {
    readonly blocks: number;
    readonly lateSeconds: number;
    readonly intervalSeconds: number;
  };
  /** The node's own metrics by `name` or `name{label="value"}`, for `node:` expectations. */
  readonly metrics?: Readonly<Record<string, number>>;
};
