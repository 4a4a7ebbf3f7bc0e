// The queries of all panels, and whether they have something to show.
import { dashboards } from '../../dashboards/definitions/index.ts';
import type { Scenario } from '../../dashboards/definitions/panel.ts';
import type { Queries } from './watcher.ts';

/** Of the panels that such a run fills: title and query. */
export function queriesFor(wanted: Scenario): readonly (readonly [string, string])[] {
  return Object.values(dashboards).flatMap(({ title, rows }) =>
    rows
      .flatMap(({ panels }) => panels)
      .filter(({ scenario = 'watched' }) => scenario === wanted)
      .flatMap((panel) =>
        panel.queries.map(({ expr }) => [`${title}: ${panel.title}`, filled(expr)] as const),
      ),
  );
}

/** As Grafana asks when everything is chosen. */
function filled(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '10s')
    .replaceAll('$__range', '10m')
    .replaceAll(/\$(?:testnet|group|region|node)\b/g, '.*');
}

/** Is there a number to show? */
export async function hasData({ range }: Pick<Queries, 'range'>, expr: string): Promise<boolean> {
  const series = await range(expr);
  const numbers = series.flatMap(({ values }) => values.map(([, value]) => Number(value)));
  return numbers.some(Number.isFinite);
}
