// Dashboards as data: what a panel shows, of which metrics, in which run a test must see it filled.
// build.ts makes Grafana's JSON of it. Queries are PromQL with Grafana's variables; the filters
// below are all that a query needs of them.

export type Query = {
  readonly expr: string;
  /** Of the line, with labels in double braces. */
  readonly legend: string;
};

/**
 * The run in which a panel has data. `watched` is test/prometheus/watched.yaml: a split, loss and
 * an eclipse one after the other; `bitcoin` a network of bitcoind; `delay` needs netem.
 */
export type Scenario = 'watched' | 'bitcoin' | 'delay' | 'kubernetes';

export type Panel = {
  readonly kind: 'graph' | 'stack' | 'stat' | 'states' | 'table';
  readonly title: string;
  readonly description: string;
  /** One of Grafana's: short, s, bytes, percentunit, ... */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of 24 columns; default: 8. */
  readonly width?: number;
  /** From that value on, that colour; below the first: green, or the colour of `base`. */
  readonly thresholds?: readonly (readonly [from: number, colour: Colour])[];
  readonly base?: Colour;
  readonly max?: number;
  /** Default: watched. */
  readonly scenario?: Scenario;
};

export type Colour = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'text';

export type Variable = 'group' | 'region' | 'node';

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Beside data source and testnet. */
  readonly variables: readonly Variable[];
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
};

/** Inside braces: series of the chosen testnets, groups and nodes. */
export const ofTestnet = 'testnet=~"$testnet"';
export const ofGroup = `${ofTestnet}, group=~"$group"`;
export const ofNode = `${ofGroup}, region=~"$region", node=~"$node"`;

/** What Grafana puts the chosen data source in place of. */
export const datasourceVariable = '$datasource';

/** Labels without which two testnets of one name in two namespaces would be one. */
export const perTestnet = 'namespace, testnet';

/** Quantiles of a histogram of the chosen testnets, one query each. */
export function quantiles(
  metric: string,
  { quantiles = [0.5, 0.9, 0.99], filter = ofTestnet, by = '' } = {},
): readonly Query[] {
  const labels = by === '' ? 'le' : `le, ${by}`;
  const rate = `sum by (${labels}) (rate(${metric}_bucket{${filter}}[$__rate_interval]))`;
  return quantiles.map((q) => ({
    expr: `histogram_quantile(${q}, ${rate})`,
    legend: `p${q * 100}${by === '' ? '' : ` {{${by}}}`}`,
  }));
}
