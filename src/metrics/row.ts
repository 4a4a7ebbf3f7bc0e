// What a catalogue says of a metric, and how one is written down. All catalogues are made of these
// rows, so one piece of code registers them (runtime/register-metrics.ts) and one documents them.

export type MetricType = 'gauge' | 'counter' | 'histogram';

export type Row = {
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** The unit, which is also the suffix of the name (before `_total`). */
  readonly unit?: string;
  /** Upper bounds; histograms only. */
  readonly buckets?: readonly number[];
};

export type Metric<Name extends string = string> = Row & { readonly name: Name };

export const gauge = (help: string, labels: readonly string[], unit?: string): Row => ({
  type: 'gauge',
  help,
  labels,
  ...(unit === undefined ? {} : { unit }),
});

export const counter = (help: string, labels: readonly string[], unit?: string): Row => ({
  ...gauge(help, labels, unit),
  type: 'counter',
});

/** Of seconds, unless it says something else. */
export const histogram = (
  help: string,
  labels: readonly string[],
  buckets: readonly number[],
): Row => ({ ...gauge(help, labels, 'seconds'), type: 'histogram', buckets });

/** The rows with their names, in the order in which they are written down. */
export function named<Rows extends Readonly<Record<string, Row>>>(
  rows: Rows,
): readonly Metric<keyof Rows & string>[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- keys are all it has
  const names = Object.keys(rows) as readonly (keyof Rows & string)[];
  return names.map((name) => ({ name, ...rows[name] }));
}
