// The samples that decided an expectation, drawn from the history of the run.
import type { ExpectationState } from '../decide/state.ts';
import type { PlannedExpectation } from '../plan/plan.ts';
import type { HistoryLine } from '../report/history.ts';
import { foldNodes, type MetricExpectation } from './value.ts';
import { exceptions, judgedSpan, type Windows, within } from './windows.ts';

export type Point = readonly [t: number, value: number];

const mostPoints = 120;

/**
 * [seconds from time 0, value] of each sample that counted, up to the one that settled it. Of too
 * many, every k-th is kept, and always the last one and the extreme one.
 */
export function evidenceOf(
  planned: PlannedExpectation,
  state: ExpectationState,
  from: { readonly lines: readonly HistoryLine[]; readonly windows: Windows },
): readonly Point[] {
  if ('log' in planned) return [];
  const span = judgedSpan(planned.window, from.windows);
  if (span === undefined) return [];
  const left = exceptions(planned.window, from.windows);
  const end = state.at ?? Number.POSITIVE_INFINITY;
  const deepest = new Map<string, number>();
  const points = from.lines.flatMap((line): readonly Point[] => {
    const t = Math.round(line.t * 1_000);
    if (!within(span, t) || t > end || left.some((one) => within(one, t))) return [];
    const value = valueOf(planned, line, deepest);
    return value === undefined ? [] : [[line.t, Number(value.toPrecision(9))]];
  });
  const counted = planned.window.kind === 'at' ? points.slice(0, 1) : points;
  return thinned(counted, (state.extremeAt ?? Number.NaN) / 1_000);
}

function valueOf(
  planned: MetricExpectation,
  line: HistoryLine,
  deepest: Map<string, number>,
): number | undefined {
  const { metric, of } = planned;
  if (of === undefined) return line.network[metric];
  const values = of.flatMap((name) => {
    const value = line.nodes[name]?.[metric];
    if (value === undefined || metric !== 'reorg_depth') return value ?? [];
    // Events are folded from the start of the window on, as when they were judged.
    const depth = Math.max(value, deepest.get(name) ?? 0);
    deepest.set(name, depth);
    return depth;
  });
  return foldNodes(planned, values);
}

function thinned(points: readonly Point[], extremeAt: number): readonly Point[] {
  if (points.length <= mostPoints) return points;
  const every = Math.ceil(points.length / (mostPoints - 2));
  const last = points.length - 1;
  return points.filter(
    ([t], index) => index % every === 0 || index === last || Math.abs(t - extremeAt) < 0.001,
  );
}
