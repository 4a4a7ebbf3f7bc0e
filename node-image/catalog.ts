// Every metric that a reference node exports, as data. They have a prefix of their own: the
// supervisor's `peerstorm_node_...` speak of any node, these of this software only.
export type NodeMetric = {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  /** Label and its values. */
  readonly label?: readonly [string, readonly string[]];
};

const counter = (help: string, label?: NodeMetric['label']): NodeMetric =>
  metric('counter', help, label);
const gauge = (help: string, label?: NodeMetric['label']): NodeMetric =>
  metric('gauge', help, label);

function metric(type: NodeMetric['type'], help: string, label?: NodeMetric['label']): NodeMetric {
  return { type, help, ...(label === undefined ? {} : { label }) };
}

export const nodeMetrics = {
  peerstorm_reference_height: gauge('Height of the main chain.'),
  peerstorm_reference_orphans: gauge('Blocks that wait for their parent.'),
  peerstorm_reference_peers: gauge('Connected peers.', ['direction', ['inbound', 'outbound']]),
  peerstorm_reference_round_trip_seconds: gauge('Round trip of the newest answered ping.'),
  peerstorm_reference_blocks_total: counter('Blocks that joined the ledger since the start.', [
    'via',
    ['gossip', 'sync', 'mined'],
  ]),
  peerstorm_reference_block_lateness_seconds_total: counter(
    'How much later than drawn mined blocks were found.',
  ),
  peerstorm_reference_invalid_blocks_total: counter('Blocks that were refused.'),
  peerstorm_reference_reorgs_total: counter('Reorganisations since the start.'),
  peerstorm_reference_reorg_blocks_total: counter('Blocks that left the main chain by reorgs.'),
  peerstorm_reference_dials_total: counter('Dials that have ended.', [
    'result',
    ['succeeded', 'failed'],
  ]),
  peerstorm_reference_dropped_peers_total: counter('Peers dropped for missing three pings.'),
  peerstorm_reference_syncs_total: counter('Times a peer was asked for blocks.', [
    'result',
    ['succeeded', 'failed'],
  ]),
  peerstorm_reference_gossip_messages_total: counter(
    'Gossip messages, one for each peer that each came from or went to.',
    ['direction', ['received', 'sent']],
  ),
  peerstorm_reference_gossip_duplicates_total: counter(
    'Gossip messages received that had come before.',
  ),
  peerstorm_reference_traffic_bytes_total: counter(
    'Bytes from and to peers, as encrypted, without the headers of TCP.',
    ['direction', ['received', 'sent']],
  ),
  peerstorm_reference_cpu_seconds_total: counter('User and system time of the process.'),
  peerstorm_reference_resident_memory_bytes: gauge('Resident memory of the process.'),
  peerstorm_reference_propagation_seconds: {
    type: 'histogram',
    help: 'From the creation of a block to its first reception here, for blocks since the start.',
  },
} as const satisfies Record<`peerstorm_reference_${string}`, NodeMetric>;

export type NodeMetricName = keyof typeof nodeMetrics;

/** Upper bounds, seconds: from one hop on one host to a split of minutes. */
export const propagationBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
] as const;
