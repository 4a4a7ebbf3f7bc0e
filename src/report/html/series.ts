// What the plots of the page show: a few folds over all nodes, never a line per node.
import type { Metrics } from '../../network/sample.ts';
import type { HistoryLine } from '../history.ts';

type Fold = 'min' | 'max' | 'mean';

export type PlotSeries = {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Fills the space between this and the series before. */
  readonly band?: true;
};

export type Plot = {
  readonly title: string;
  readonly stepped: boolean;
  readonly series: readonly PlotSeries[];
};

export type PlotData = { readonly times: readonly number[]; readonly plots: readonly Plot[] };

type Source = {
  readonly label: string;
  readonly value: (line: HistoryLine) => number | undefined;
  /** How several samples become one when there are too many. */
  readonly fold: Fold;
  readonly band?: true;
};

const network = (label: string, metric: string): Source => ({
  label,
  value: (line) => line.network[metric],
  fold: 'max',
});
const ofNodes = (label: string, metric: string, fold: Fold): Source => ({
  label,
  value: (line) => over(Object.values(line.nodes), metric, fold),
  fold,
});

const plots: readonly {
  readonly title: string;
  readonly stepped: boolean;
  readonly sources: readonly Source[];
  /** Left out when it is never above 0. */
  readonly rare?: true;
}[] = [
  {
    title: 'Components and tips',
    stepped: true,
    sources: [network('components', 'components'), network('distinct tips', 'distinct_tips')],
  },
  {
    title: 'Height',
    stepped: true,
    sources: [
      ofNodes('least', 'node_height', 'min'),
      { ...ofNodes('greatest', 'node_height', 'max'), band: true },
    ],
  },
  {
    title: 'Live peers of a node',
    stepped: false,
    sources: [
      ofNodes('least', 'node_peers_live', 'min'),
      ofNodes('mean', 'node_peers_live', 'mean'),
    ],
  },
  {
    title: 'Nodes that answer',
    stepped: true,
    sources: [{ ...network('answering', 'nodes_answering'), fold: 'min' }],
  },
  {
    title: 'Deepest reorg',
    stepped: true,
    sources: [ofNodes('depth', 'reorg_depth', 'max')],
    rare: true,
  },
  {
    title: 'Greatest eclipse ratio',
    stepped: true,
    sources: [ofNodes('ratio', 'eclipse_ratio', 'max')],
    rare: true,
  },
];

/** At most `limit` points in time; folds keep the extremes. */
export function plotData(history: readonly HistoryLine[], limit = 1500): PlotData {
  const size = Math.max(1, Math.ceil(history.length / limit));
  const chunks = Array.from({ length: Math.ceil(history.length / size) }, (_, i) =>
    history.slice(i * size, (i + 1) * size),
  );
  const all = plots.map(({ title, stepped, sources, rare }) => {
    const series = sources.map(({ label, value, fold, band }) => ({
      label,
      values: chunks.map((chunk) => folded(fold, chunk.map(value)) ?? null),
      ...(band === undefined ? {} : { band }),
    }));
    const least = rare === true ? 0 : Number.NEGATIVE_INFINITY;
    const shown = series.some(({ values }) =>
      values.some((value) => value !== null && value > least),
    );
    return { title, stepped, series, shown };
  });
  return {
    times: chunks.flatMap((chunk) => chunk[0]?.t ?? []),
    plots: all.flatMap(({ shown, ...plot }) => (shown ? plot : [])),
  };
}

function over(nodes: readonly Metrics[], metric: string, fold: Fold): number | undefined {
  return folded(
    fold,
    nodes.map((metrics) => metrics[metric]),
  );
}

function folded(fold: Fold, values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  if (fold === 'mean') {
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    return Number(mean.toFixed(3));
  }
  return known.reduce((a, b) => (fold === 'min' ? Math.min(a, b) : Math.max(a, b)));
}
