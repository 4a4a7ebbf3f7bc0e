// Names of the metrics that expectations may speak of.

/** Metrics of the whole testnet; `of` and `aggregate` make no sense with them. */
export const networkMetrics = [
  'nodes_ready',
  'nodes_answering',
  'components',
  'giant_ratio',
  'eclipsed_nodes',
  'distinct_tips',
  'chain_forks',
  'height_spread',
  'agreement_ratio',
] as const;

/** Metrics of one node. Any of the node's own is `node:<name>`. */
export const nodeMetrics = [
  'node_peers',
  'node_peers_inbound',
  'node_peers_outbound',
  'node_peers_live',
  'attacking_peers',
  'node_isolated',
  'node_height',
  'reorg_depth',
  'eclipse_ratio',
  'propagation_seconds',
] as const;
