// metrics.om: the series of a run with their timestamps, as OpenMetrics text that
// `promtool tsdb create-blocks-from openmetrics` loads (https://prometheus.io/docs/specs/om/).
// Names, types and labels come from the catalogue; there are no series per pair of nodes. A value
// is written when it changes and once a minute, well inside the five minutes for which Prometheus
// holds the last one; NaN says that a node stopped answering.
import {
  metricNamed,
  networkDestinations,
  nodeDestinations,
  type StateMetricName,
} from '../metrics/catalog.ts';
import type { Metrics } from '../network/sample.ts';
import type { HistoryLine } from './history.ts';
import type { ObservedFault, ReportedNode } from './parts.ts';
import type { Report } from './result.ts';

const repeatSeconds = 60;

export function openMetrics(report: Report, history: readonly HistoryLine[]): string {
  const families = new Families();
  const zero = Date.parse(report.startedAt) / 1000 + (report.readySeconds ?? 0);
  const { testnet, runtime, randomSeed, planHash, versions } = report;
  families.add(
    'peerstorm_testnet_info',
    {
      testnet,
      runtime,
      random_seed: String(randomSeed),
      plan_hash: planHash,
      version: versions.peerstorm ?? '',
    },
    [[zero, 1]],
  );
  if (report.readySeconds !== undefined) {
    families.add('peerstorm_time_zero_timestamp_seconds', { testnet }, [[zero, zero]]);
    addNetwork(families, { testnet, zero, history });
    for (const node of report.nodes) addNode(families, { testnet, zero, history, node });
    for (const fault of report.faults) addFault(families, { testnet, zero, history, fault });
  }
  return families.text();
}

type Point = readonly [epochSeconds: number, value: number];
type Labels = Readonly<Record<string, string>>;
type Source = {
  readonly testnet: string;
  /** Epoch seconds of time 0. */
  readonly zero: number;
  readonly history: readonly HistoryLine[];
};

function addNetwork(families: Families, { testnet, zero, history }: Source): void {
  for (const [metric, { name }] of Object.entries(networkDestinations)) {
    families.add(
      name,
      { testnet },
      points(zero, history, (line) => line.network[metric]),
    );
  }
}

function addNode(
  families: Families,
  { testnet, zero, history, node }: Source & { readonly node: ReportedNode },
): void {
  const { name: nodeName, group, region } = node;
  const own = history.map(({ t, nodes }) => ({ t, metrics: nodes[nodeName] }));
  for (const [metric, { name, labels }] of Object.entries(nodeDestinations)) {
    families.add(
      name,
      { testnet, group, node: nodeName, region, ...labels },
      points(
        zero,
        own,
        ({ metrics }: { readonly metrics: Metrics | undefined }) => metrics?.[metric],
      ),
    );
  }
}

function addFault(
  families: Families,
  { testnet, zero, history, fault }: Source & { readonly fault: ObservedFault },
): void {
  const { planned, actual, packets } = fault;
  const labels = { testnet, fault: fault.name, kind: fault.kind };
  const last = zero + (history.at(-1)?.t ?? 0);
  const once = (name: StateMetricName, value: number | undefined, at = last) => {
    if (value !== undefined) families.add(name, labels, [[at, value]]);
  };
  const instant = (t: number | undefined) => (t === undefined ? undefined : zero + t);
  const { start = Number.POSITIVE_INFINITY, end = Number.POSITIVE_INFINITY } = actual;
  families.add(
    'peerstorm_fault_active',
    labels,
    points(zero, history, ({ t }) => (t >= start && t < end ? 1 : 0)),
  );
  once('peerstorm_fault_planned_start_timestamp_seconds', zero + planned.start, zero);
  once('peerstorm_fault_planned_end_timestamp_seconds', instant(planned.end), zero);
  once('peerstorm_fault_actual_start_timestamp_seconds', instant(actual.start));
  once('peerstorm_fault_actual_end_timestamp_seconds', instant(actual.end));
  once('peerstorm_fault_matched_packets_total', packets.matched);
  once('peerstorm_fault_dropped_packets_total', packets.dropped);
  once('peerstorm_fault_leaked_probes_total', fault.leaks);
  once('peerstorm_fault_asked_loss_ratio', fault.asked.loss);
  once('peerstorm_fault_measured_loss_ratio', fault.measured.loss);
  once('peerstorm_fault_asked_delay_seconds', secondsOf(fault.asked.delayMs));
  once('peerstorm_fault_measured_delay_seconds', secondsOf(fault.measured.delayMs));
  once('peerstorm_fault_proved', fault.proved ? 1 : 0);
}

function secondsOf(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}

/** The points of one series that say something new. */
function points<Line extends { readonly t: number }>(
  zero: number,
  lines: readonly Line[],
  valueOf: (line: Line) => number | undefined,
): Point[] {
  const kept: Point[] = [];
  for (const line of lines) {
    const value = valueOf(line) ?? Number.NaN;
    const [at, before] = kept.at(-1) ?? [0, Number.NaN];
    const due = !Number.isNaN(value) && zero + line.t - at >= repeatSeconds;
    if (due || !Object.is(value, before)) kept.push([zero + line.t, value]);
  }
  return kept;
}

/** Lines by family: OpenMetrics wants each family in one piece. */
class Families {
  readonly #lines = new Map<StateMetricName, string[]>();

  add(name: StateMetricName, labels: Labels, series: readonly Point[]): void {
    if (series.length === 0) return;
    const lines = this.#lines.get(name) ?? [];
    this.#lines.set(name, lines);
    const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escape(value)}"`);
    for (const [at, value] of series) {
      lines.push(`${name}{${pairs.join(',')}} ${value} ${Number(at.toFixed(3))}`);
    }
  }

  text(): string {
    const families = [...this.#lines].flatMap(([name, lines]) => {
      const { type, unit, help } = metricNamed(name);
      // The family of a counter has no _total.
      const family = name.replace(/_total$/, '');
      return [
        `# TYPE ${family} ${type}`,
        ...(unit === undefined ? [] : [`# UNIT ${family} ${unit}`]),
        `# HELP ${family} ${escape(help)}`,
        ...lines,
      ];
    });
    return `${[...families, '# EOF'].join('\n')}\n`;
  }
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
