// Every metric that Peerstorm emits, as data: the registry of a run, metrics.om, docs/metrics.md
// and the dashboards are built from this table, so that none of them can name a metric that does
// not exist. Names follow Prometheus: base units, the unit as suffix, `_total` for counters.
// There is never a series per pair of nodes: with n nodes that would be n squared of them.
// A metric is listed when something sets it, and not before.
import { counter, gauge, histogram, type Metric, named, type Row } from './row.ts';

const testnet = ['testnet'] as const;
const node = ['testnet', 'group', 'node', 'region'] as const;
const fault = ['testnet', 'fault', 'kind'] as const;
const observed = ['testnet', 'group'] as const;

/** 1 ms to 5 s: what a request to a node or a probe of the network can take. */
const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** 0.1 ms to 1 s: what a step of computing can take. */
const stepSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1];
/** 10 ms to a minute: how long news can take through a network. */
const spreadSeconds = [
  0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60,
];

type Rows = Record<`peerstorm_${string}`, Row>;

/** What a run is at the moment when somebody asks. */
const stateRows = {
  // The testnet as a whole
  peerstorm_testnet_info: gauge('Always 1; its labels say what runs.', [
    'testnet',
    'runtime',
    'random_seed',
    'plan_hash',
    'version',
  ]),
  peerstorm_time_zero_timestamp_seconds: gauge(
    'When all nodes of the start waves were ready; absent before.',
    testnet,
    'seconds',
  ),
  peerstorm_nodes: gauge('Nodes by state.', ['testnet', 'state']),
  peerstorm_nodes_ready: gauge('Nodes that are ready.', testnet),
  peerstorm_nodes_answering: gauge('Nodes whose newest observation is at most 2 s old.', testnet),
  peerstorm_components: gauge('Connected components of the graph of live edges.', testnet),
  peerstorm_giant_component_ratio: gauge(
    'Share of the answering nodes that are in the largest component.',
    testnet,
    'ratio',
  ),
  peerstorm_live_edges: gauge('Pairs of connected nodes that no enforced fault cuts off.', testnet),
  peerstorm_eclipsed_nodes: gauge(
    'Answering nodes, attackers apart, whose eclipse ratio is 1.',
    testnet,
  ),
  peerstorm_distinct_tips: gauge('Different tips among the answering nodes.', testnet),
  peerstorm_chain_forks: gauge('Tips that are no ancestor of another tip.', testnet),
  peerstorm_height_spread: gauge('Greatest height minus least height.', testnet),
  peerstorm_agreement_ratio: gauge(
    'Share of the answering nodes on the commonest tip.',
    testnet,
    'ratio',
  ),
  // One node
  peerstorm_node_peers: gauge('Peers as the node reports them, by who dialled.', [
    ...node,
    'direction',
  ]),
  peerstorm_node_peers_live: gauge('Peers that no enforced fault cuts off.', node),
  peerstorm_node_attacking_peers: gauge(
    'Live peers that attack; absent where the plan knows no attackers.',
    node,
  ),
  peerstorm_node_isolated: gauge('1 when the node has no live peer, else 0.', node),
  peerstorm_node_height: gauge('Height of the tip of the node.', node),
  peerstorm_node_reorg_depth: gauge('Depth of the deepest reorg in the newest sample.', node),
  peerstorm_node_eclipse_ratio: gauge(
    'Share of the live peers that are attackers; 1 when all ways to honest nodes lead through them.',
    node,
    'ratio',
  ),
  peerstorm_node_propagation_seconds: gauge(
    'From the creation of a block to its first reception, in the newest sample.',
    node,
    'seconds',
  ),
  peerstorm_node_reorgs_total: counter('Reorgs since the start of the node.', node),
  peerstorm_node_blocks_mined_total: counter('Blocks that the node has found.', node),
  // Faults and expectations
  peerstorm_fault_active: gauge('1 while the fault is in force, else 0.', fault),
  peerstorm_fault_planned_start_timestamp_seconds: gauge('Planned start.', fault, 'seconds'),
  peerstorm_fault_planned_end_timestamp_seconds: gauge('Planned end.', fault, 'seconds'),
  peerstorm_fault_actual_start_timestamp_seconds: gauge('Seen in force.', fault, 'seconds'),
  peerstorm_fault_actual_end_timestamp_seconds: gauge('Seen healed.', fault, 'seconds'),
  peerstorm_fault_apply_seconds: gauge(
    'From the planned start until the fault was seen in force.',
    fault,
    'seconds',
  ),
  peerstorm_fault_heal_seconds: gauge(
    'From the planned end until the fault was seen healed.',
    fault,
    'seconds',
  ),
  peerstorm_fault_matched_packets_total: counter('Packets that the fault applied to.', fault),
  peerstorm_fault_matched_bytes_total: counter('Bytes that the fault applied to.', fault, 'bytes'),
  peerstorm_fault_dropped_packets_total: counter('Packets that the fault dropped.', fault),
  peerstorm_fault_dropped_bytes_total: counter('Bytes that the fault dropped.', fault, 'bytes'),
  peerstorm_fault_leaked_probes_total: counter('Probes that crossed a cut. Must stay 0.', fault),
  peerstorm_fault_asked_loss_ratio: gauge('Loss that was asked for.', fault, 'ratio'),
  peerstorm_fault_measured_loss_ratio: gauge('Loss that was measured.', fault, 'ratio'),
  peerstorm_fault_asked_delay_seconds: gauge('Delay that was asked for.', fault, 'seconds'),
  peerstorm_fault_measured_delay_seconds: gauge('Delay that was measured.', fault, 'seconds'),
  peerstorm_fault_proved: gauge('1 when proved, 0 when not; absent until judged.', fault),
  peerstorm_lapsed_packets_total: counter(
    'Packets that passed because the lease of the faults had run out. Must stay 0.',
    ['testnet', 'host'],
  ),
  peerstorm_queue_dropped_packets_total: counter(
    'Packets that overflowed a queue which was to delay them only.',
    ['testnet', 'host'],
  ),
  peerstorm_enforcement_drift: gauge(
    '1 while the kernel holds other rules than it was asked to, else 0.',
    ['testnet', 'host'],
  ),
  peerstorm_expectations: gauge('Expectations by status.', ['testnet', 'status']),
  peerstorm_exposition_left_out_series: gauge(
    "Series of the nodes' own metrics that this page leaves out: unreadable, repeated, too many.",
    testnet,
  ),
} as const satisfies Rows;

/** What is recorded as it happens. */
const ownRows = {
  peerstorm_reorg_depth_blocks: {
    ...histogram(
      'Blocks that a node gave up in one reorg; the sum counts stale blocks, once a node.',
      observed,
      [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64],
    ),
    unit: 'blocks',
  },
  peerstorm_propagation_seconds: histogram(
    'From the creation of a block to its first reception by a node.',
    observed,
    spreadSeconds,
  ),
  peerstorm_time_to_reach_seconds: histogram(
    'From the creation of a block until that share of the answering nodes had it.',
    ['testnet', 'share'],
    spreadSeconds,
  ),
  // Peerstorm itself
  peerstorm_observe_duration_seconds: histogram(
    'How long it took to observe one node.',
    observed,
    requestSeconds,
  ),
  peerstorm_observe_failures_total: counter('Nodes that could not be observed.', observed),
  peerstorm_probe_duration_seconds: histogram(
    'How long a round of fault probes took.',
    testnet,
    requestSeconds,
  ),
  peerstorm_probe_failures_total: counter('Rounds of fault probes that failed.', testnet),
  peerstorm_decide_duration_seconds: histogram('How long one decision took.', testnet, stepSeconds),
  peerstorm_exposition_failures_total: counter(
    "Times that a node's own metrics could not be read.",
    observed,
  ),
  peerstorm_event_loop_lag_seconds: gauge(
    '99th percentile of the delay of the event loop of Peerstorm since the sample before.',
    testnet,
    'seconds',
  ),
} as const satisfies Rows;

export type StateMetricName = keyof typeof stateRows;
export type OwnMetricName = keyof typeof ownRows;
export type MetricName = StateMetricName | OwnMetricName;

export const stateCatalog: readonly Metric<StateMetricName>[] = named(stateRows);
export const ownCatalog: readonly Metric<OwnMetricName>[] = named(ownRows);
export const catalog: readonly Metric<MetricName>[] = [...stateCatalog, ...ownCatalog];

/** The metric of that name. */
export function metricNamed(name: StateMetricName): Metric<StateMetricName> {
  return { name, ...stateRows[name] };
}

/** Where a metric of a sample goes: its name here, and the labels that are its own. */
export type Destination = {
  readonly name: StateMetricName;
  readonly labels?: Readonly<Record<string, string>>;
};

/** Network-wide metrics of a sample, by the name that expectations use. */
export const networkDestinations: Readonly<Record<string, Destination>> = {
  nodes_ready: { name: 'peerstorm_nodes_ready' },
  nodes_answering: { name: 'peerstorm_nodes_answering' },
  components: { name: 'peerstorm_components' },
  giant_ratio: { name: 'peerstorm_giant_component_ratio' },
  eclipsed_nodes: { name: 'peerstorm_eclipsed_nodes' },
  distinct_tips: { name: 'peerstorm_distinct_tips' },
  chain_forks: { name: 'peerstorm_chain_forks' },
  height_spread: { name: 'peerstorm_height_spread' },
  agreement_ratio: { name: 'peerstorm_agreement_ratio' },
};

/** Metrics of one node of a sample. `node_peers` is the sum over both directions. */
export const nodeDestinations: Readonly<Record<string, Destination>> = {
  node_peers_inbound: { name: 'peerstorm_node_peers', labels: { direction: 'inbound' } },
  node_peers_outbound: { name: 'peerstorm_node_peers', labels: { direction: 'outbound' } },
  node_peers_live: { name: 'peerstorm_node_peers_live' },
  attacking_peers: { name: 'peerstorm_node_attacking_peers' },
  node_isolated: { name: 'peerstorm_node_isolated' },
  node_height: { name: 'peerstorm_node_height' },
  reorg_depth: { name: 'peerstorm_node_reorg_depth' },
  eclipse_ratio: { name: 'peerstorm_node_eclipse_ratio' },
  propagation_seconds: { name: 'peerstorm_node_propagation_seconds' },
};
