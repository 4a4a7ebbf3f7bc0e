// The metrics of a run, for Prometheus. Registered from the catalogue, so that no other metric can
// be served. What a run is (nodes, faults, the newest sample) is read when somebody asks; what
// happens between two questions (durations, failures) is recorded as it happens.
import { Registry } from 'prom-client';
import type { FaultState, RunState } from '../decide/state.ts';
import {
  networkDestinations,
  nodeDestinations,
  ownCatalog,
  type StateMetricName,
  stateCatalog,
} from '../metrics/catalog.ts';
import type { NodeName } from '../names.ts';
import type { Observation } from '../network/observation.ts';
import type { Sample } from '../network/sample.ts';
import type { Plan } from '../plan/plan.ts';
import type { ObservedFault } from '../report/parts.ts';
import { type Registered, registerMetrics } from '../runtime/register-metrics.ts';
import type { World } from '../runtime/runtime.ts';

/** What a run is at one moment. */
export type MetricsView = {
  readonly plan: Plan;
  readonly state: RunState;
  readonly world: World;
  /** The newest one. */
  readonly sample: Sample | undefined;
  /** The newest one of a node, while it speaks for it. */
  readonly answers: (node: NodeName) => Observation | undefined;
  /** States of all nodes, as NodeStatus has them. */
  readonly nodeStates: readonly string[];
  /** What is known of the faults so far. */
  readonly faults: readonly ObservedFault[];
  /** Of the nodes' own metrics. */
  readonly leftOutSeries: number;
};

export interface RunMetrics {
  /** A node was observed; how long that took. */
  observed(group: string, seconds: number): void;
  unobserved(group: string): void;
  /** A node's own metrics could not be read. */
  unread(group: string): void;
  /** A node that tells of reorgs gave up so many blocks in each since the last sample. */
  reorganised(group: string, depths: readonly number[]): void;
  /** A block came to a node so long after it was made. */
  received(group: string, seconds: number): void;
  /** So long after it was made, a block was known to that share of the nodes. */
  reached(share: number, seconds: number): void;
  /** A round of fault probes has ended. */
  probed(seconds: number): void;
  unprobed(): void;
  decided(seconds: number): void;
  /** 99th percentile since the last time. */
  eventLoopLag(seconds: number): void;
  /** Prometheus text format 0.0.4. */
  render(view: MetricsView): Promise<string>;
}

export type RunIdentity = {
  readonly testnet: string;
  readonly runtime: string;
  /** Of Peerstorm. */
  readonly version: string;
};

export function createRunMetrics({ testnet, runtime, version }: RunIdentity): RunMetrics {
  const own = new Registry();
  const { gauge, counter, histogram } = registerMetrics(own, ownCatalog);
  const seen = new Registry();
  const state = registerMetrics(seen, stateCatalog);
  /** Groups whose nodes tell of reorgs. */
  const telling = new Set<string>();
  return {
    observed: (group, seconds) => {
      histogram('peerstorm_observe_duration_seconds').observe({ testnet, group }, seconds);
      // What has not failed yet is 0, not absent.
      counter('peerstorm_observe_failures_total').inc({ testnet, group }, 0);
      counter('peerstorm_exposition_failures_total').inc({ testnet, group }, 0);
    },
    unobserved: (group) => counter('peerstorm_observe_failures_total').inc({ testnet, group }),
    unread: (group) => counter('peerstorm_exposition_failures_total').inc({ testnet, group }),
    reorganised: (group, depths) => {
      const reorgs = histogram('peerstorm_reorg_depth_blocks');
      // What has not happened yet is 0, not absent: a rate misses what a series begins with.
      if (!telling.has(group)) reorgs.zero({ testnet, group });
      telling.add(group);
      for (const depth of depths) reorgs.observe({ testnet, group }, depth);
    },
    received: (group, seconds) =>
      histogram('peerstorm_propagation_seconds').observe({ testnet, group }, seconds),
    reached: (share, seconds) =>
      histogram('peerstorm_time_to_reach_seconds').observe({ testnet, share }, seconds),
    probed: (seconds) =>
      histogram('peerstorm_probe_duration_seconds').observe({ testnet }, seconds),
    unprobed: () => counter('peerstorm_probe_failures_total').inc({ testnet }),
    decided: (seconds) =>
      histogram('peerstorm_decide_duration_seconds').observe({ testnet }, seconds),
    eventLoopLag: (seconds) => gauge('peerstorm_event_loop_lag_seconds').set({ testnet }, seconds),
    render: async (view) => {
      const { randomSeed, hash } = view.plan;
      const info = { testnet, runtime, version, random_seed: String(randomSeed), plan_hash: hash };
      seen.resetMetrics(); // Nothing stays of what is gone.
      state.gauge('peerstorm_testnet_info').set(info, 1);
      setTestnet(state, testnet, view);
      setNodes(state, testnet, view);
      setFaults(state, testnet, view);
      return (await seen.metrics()) + (await own.metrics());
    },
  };
}

type State = Registered<StateMetricName>;

function setTestnet({ gauge }: State, testnet: string, view: MetricsView): void {
  const { plan, state, sample, nodeStates, leftOutSeries } = view;
  if (state.t0 !== undefined) {
    gauge('peerstorm_time_zero_timestamp_seconds').set({ testnet }, state.t0 / 1000);
  }
  for (const [of, same] of Map.groupBy(nodeStates, (each) => each)) {
    gauge('peerstorm_nodes').set({ testnet, state: of }, same.length);
  }
  for (const [metric, { name }] of Object.entries(networkDestinations)) {
    const value = sample?.network[metric];
    if (value !== undefined) gauge(name).set({ testnet }, value);
  }
  if (sample !== undefined) gauge('peerstorm_live_edges').set({ testnet }, sample.edges.length);
  gauge('peerstorm_exposition_left_out_series').set({ testnet }, leftOutSeries);
  const verdicts = plan.expectations.map((one) => state.expectations[one.name]?.verdict);
  for (const [status, same] of Map.groupBy(verdicts, (verdict) => verdict ?? 'pending')) {
    gauge('peerstorm_expectations').set({ testnet, status }, same.length);
  }
}

function setNodes({ gauge, counter }: State, testnet: string, view: MetricsView): void {
  const { plan, sample, answers } = view;
  for (const { name: node, group, region } of plan.nodes) {
    const own = { testnet, group, node, region };
    const { reorgs, mining } = answers(node) ?? {};
    if (reorgs !== undefined) counter('peerstorm_node_reorgs_total').inc(own, reorgs.count);
    if (mining !== undefined) {
      counter('peerstorm_node_blocks_mined_total').inc(own, mining.blocks);
    }
    const metrics = sample?.nodes.get(node)?.metrics ?? {};
    for (const [metric, { name, labels }] of Object.entries(nodeDestinations)) {
      const value = metrics[metric];
      if (value !== undefined) gauge(name).set({ ...own, ...labels }, value);
    }
  }
}

function setFaults(registered: State, testnet: string, view: MetricsView): void {
  const { gauge, counter } = registered;
  const { plan, state, world, faults } = view;
  for (const { name: fault, kind } of plan.faults) {
    const labels = { testnet, fault, kind };
    const known = state.faults[fault];
    if (known !== undefined) setFaultTimes(registered, labels, known);
    for (const { counters } of world.enforcement) {
      const counts = counters[fault];
      if (counts === undefined) continue;
      counter('peerstorm_fault_matched_packets_total').inc(labels, counts.matchedPackets);
      counter('peerstorm_fault_matched_bytes_total').inc(labels, counts.matchedBytes);
      counter('peerstorm_fault_dropped_packets_total').inc(labels, counts.droppedPackets);
      counter('peerstorm_fault_dropped_bytes_total').inc(labels, counts.droppedBytes);
    }
  }
  for (const { name: fault, kind, leaks, asked, measured } of faults) {
    const labels = { testnet, fault, kind };
    counter('peerstorm_fault_leaked_probes_total').inc(labels, leaks);
    const set = (name: StateMetricName, value: number | undefined) => {
      if (value !== undefined) gauge(name).set(labels, value);
    };
    set('peerstorm_fault_asked_loss_ratio', asked['loss']);
    set('peerstorm_fault_measured_loss_ratio', measured['loss']);
    set('peerstorm_fault_asked_delay_seconds', secondsOf(asked['delayMs']));
    set('peerstorm_fault_measured_delay_seconds', secondsOf(measured['delayMs']));
  }
  for (const { host, lapsedPackets, queueDrops = 0, drift } of world.enforcement) {
    counter('peerstorm_lapsed_packets_total').inc({ testnet, host }, lapsedPackets);
    counter('peerstorm_queue_dropped_packets_total').inc({ testnet, host }, queueDrops);
    gauge('peerstorm_enforcement_drift').set({ testnet, host }, drift === undefined ? 0 : 1);
  }
}

function setFaultTimes(
  { gauge }: State,
  labels: Readonly<Record<string, string>>,
  { start, end, enforced, healed, proof }: FaultState,
): void {
  const at = (name: StateMetricName, milliseconds: number | undefined) => {
    const seconds = secondsOf(milliseconds);
    if (seconds !== undefined) gauge(name).set(labels, seconds);
  };
  at('peerstorm_fault_planned_start_timestamp_seconds', start);
  at('peerstorm_fault_planned_end_timestamp_seconds', end);
  at('peerstorm_fault_actual_start_timestamp_seconds', enforced);
  at('peerstorm_fault_actual_end_timestamp_seconds', healed);
  if (enforced !== undefined) at('peerstorm_fault_apply_seconds', enforced - start);
  if (healed !== undefined && end !== undefined) at('peerstorm_fault_heal_seconds', healed - end);
  const active = enforced !== undefined && healed === undefined;
  gauge('peerstorm_fault_active').set(labels, active ? 1 : 0);
  if (proof !== undefined) gauge('peerstorm_fault_proved').set(labels, proof === 'proved' ? 1 : 0);
}

function secondsOf(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}
