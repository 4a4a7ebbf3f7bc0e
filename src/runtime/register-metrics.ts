// A catalogue becomes metrics of a registry of prom-client: all of its rows and nothing else, so
// that no metric can be served that is not in the table.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Metric } from '../metrics/row.ts';

export type Registered<Name extends string> = {
  readonly gauge: (name: Name) => Gauge;
  readonly counter: (name: Name) => Counter;
  readonly histogram: (name: Name) => Histogram;
};

/** Sets a gauge when somebody scrapes; it is empty then, so nothing stays of what is gone. */
export type Collectors<Name extends string> = Partial<Record<Name, (metric: Gauge) => void>>;

export function registerMetrics<Name extends string>(
  registry: Registry,
  catalog: readonly Metric<Name>[],
  collectors: Collectors<Name> = {},
): Registered<Name> {
  const gauges = new Map<Name, Gauge>();
  const counters = new Map<Name, Counter>();
  const histograms = new Map<Name, Histogram>();
  for (const { name, type, help, labels, buckets = [] } of catalog) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') counters.set(name, new Counter(options));
    else if (type === 'histogram') {
      histograms.set(name, new Histogram({ ...options, buckets: [...buckets] }));
    } else gauges.set(name, new Gauge({ ...options, ...collected(collectors[name]) }));
  }
  return {
    gauge: (name) => known(gauges, name),
    counter: (name) => known(counters, name),
    histogram: (name) => known(histograms, name),
  };
}

function collected(collect: ((metric: Gauge) => void) | undefined) {
  if (collect === undefined) return {};
  return {
    collect(this: Gauge) {
      this.reset();
      collect(this);
    },
  };
}

function known<T>(metrics: ReadonlyMap<string, T>, name: string): T {
  const metric = metrics.get(name);
  if (metric === undefined) throw new TypeError(`${name} is of another type`);
  return metric;
}
