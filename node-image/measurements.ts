// The numbers of a node, read when somebody asks. One function gives them all, by name and label as
// Prometheus writes them, to /observation as they are and to /metrics as text. That text is written
// here: a registry for it would take 50 ms and 10 MB of every node, and there may be hundreds.
import {
  type NodeMetric,
  type NodeMetricName,
  nodeMetrics,
  propagationBuckets,
} from './catalog.ts';

/** By label value; '' for metrics without a label. */
export type Readings = Readonly<
  Record<
    Exclude<NodeMetricName, 'peerstorm_reference_propagation_seconds'>,
    Readonly<Record<string, number>>
  >
>;

export class PropagationHistogram {
  readonly counts: number[] = propagationBuckets.map(() => 0);
  count = 0;
  sum = 0;

  add(seconds: number): void {
    this.count += 1;
    this.sum += seconds;
    // Cumulative, as Prometheus wants them.
    for (const [i, bound] of propagationBuckets.entries()) {
      if (seconds <= bound) this.counts[i] = (this.counts[i] ?? 0) + 1;
    }
  }
}

const histogramName = 'peerstorm_reference_propagation_seconds';
const metrics: Readonly<Record<string, NodeMetric>> = nodeMetrics;

/** `name` or `name{label="value"}` to number. */
export function flatten(
  readings: Readings,
  histogram: PropagationHistogram,
): Record<string, number> {
  const series = Object.entries(readings).flatMap(([name, values]) => seriesOf(name, values));
  return Object.fromEntries([...endsOf(histogram), ...series]);
}

/** The text that Prometheus scrapes, in format 0.0.4. */
export function expose(readings: Readings, histogram: PropagationHistogram): string {
  const { counts, count } = histogram;
  const buckets = propagationBuckets.map((bound, i) => [`${bound}`, counts[i] ?? 0] as const);
  const all: Readonly<Record<string, readonly Series[]>> = {
    ...Object.fromEntries(
      Object.entries(readings).map(([name, values]) => [name, seriesOf(name, values)]),
    ),
    [histogramName]: [
      ...[...buckets, ['+Inf', count] as const].map(
        ([bound, number]) => [`${histogramName}_bucket{le="${bound}"}`, number] as const,
      ),
      ...endsOf(histogram),
    ],
  };
  return Object.entries(all)
    .flatMap(([name, series]) => [
      `# HELP ${name} ${metrics[name]?.help}`,
      `# TYPE ${name} ${metrics[name]?.type}`,
      ...series.map(([key, number]) => `${key} ${number}`),
      '',
    ])
    .join('\n');
}

type Series = readonly [key: string, value: number];

function seriesOf(name: string, values: Readonly<Record<string, number>>): readonly Series[] {
  const label = metrics[name]?.label?.[0];
  return Object.entries(values).map(([value, number]) => [
    label === undefined ? name : `${name}{${label}="${value}"}`,
    number,
  ]);
}

function endsOf({ sum, count }: PropagationHistogram): readonly Series[] {
  return [
    [`${histogramName}_sum`, sum],
    [`${histogramName}_count`, count],
  ];
}
