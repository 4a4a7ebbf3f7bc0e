// What a claim says of one sample: the selected nodes, folded or each, compared.
import type { NodeName } from '../names.ts';
import type { NodeSample, Sample } from '../network/sample.ts';
import type { Aggregate, Claim, Comparison, PlannedExpectation } from '../plan/plan.ts';
import { quantile } from '../quantities/quantile.ts';

export type MetricExpectation = Extract<PlannedExpectation, { readonly metric: string }>;

export type Reading = {
  /** Without an aggregate: of the node that is worst off. Absent: nobody could tell. */
  readonly value?: number;
  readonly node?: NodeName;
  readonly holds: boolean;
};

/** Reads the metric; `since` is when the window opened: events are folded from there on. */
export function read(expectation: MetricExpectation, sample: Sample, since: number): Reading {
  const { metric, of, aggregate, claim } = expectation;
  if (of === undefined) return judged(claim, sample.network[metric]);
  const settleMs = settleOf(expectation);
  const values: [number, NodeName][] = [];
  for (const name of of) {
    const node = sample.nodes.get(name);
    if (node === undefined || !node.answering || !counts(node, sample.t, settleMs)) continue;
    const value = metricOf(node, metric, since);
    if (value !== undefined) values.push([value, name]);
  }
  const value = foldNodes(
    expectation,
    values.map(([value]) => value),
  );
  const node = values.find((one) => one[0] === value)?.[1];
  const named = aggregate === undefined && node !== undefined;
  return { ...judged(claim, value), ...(named && { node }) };
}

/** A selected node that should be up and has not answered in three samples running. */
export function silentNode(expectation: MetricExpectation, sample: Sample): NodeName | undefined {
  const settleMs = settleOf(expectation);
  return expectation.of?.find((name) => {
    const node = sample.nodes.get(name);
    return node !== undefined && (node.silent ?? 0) >= 3 && counts(node, sample.t, settleMs);
  });
}

const tests: Readonly<Record<Comparison, (value: number, wanted: number) => boolean>> = {
  '>=': (value, wanted) => value >= wanted,
  '>': (value, wanted) => value > wanted,
  '<=': (value, wanted) => value <= wanted,
  '<': (value, wanted) => value < wanted,
  '==': (value, wanted) => value === wanted,
  '!=': (value, wanted) => value !== wanted,
};

const favours: Readonly<Record<Comparison, (value: number, wanted: number) => number>> = {
  '>=': (value) => value,
  '>': (value) => value,
  '<=': (value) => -value,
  '<': (value) => -value,
  '==': (value, wanted) => -Math.abs(value - wanted),
  '!=': (value, wanted) => Math.abs(value - wanted),
};

export function holds(claim: Claim, value: number): boolean {
  return tests[claim.compare](value, claim.value);
}

/** The larger, the better for the claim. */
export function favour(claim: Claim, value: number): number {
  return favours[claim.compare](value, claim.value);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** How an aggregate folds at least one value. */
const folds: Readonly<Record<Aggregate, (values: readonly number[]) => number>> = {
  min: (values) => values.reduce((a, b) => Math.min(a, b)),
  max: (values) => values.reduce((a, b) => Math.max(a, b)),
  mean: (values) => sum(values) / values.length,
  sum,
  count: (values) => values.length,
  p50: (values) => quantile(values, 0.5),
  p95: (values) => quantile(values, 0.95),
};

/** Those of several nodes as one: folded, or without an aggregate the worst for the claim. */
export function foldNodes(
  { aggregate, claim }: MetricExpectation,
  values: readonly number[],
): number | undefined {
  if (values.length === 0) return undefined;
  if (aggregate !== undefined) return folds[aggregate](values);
  return values.reduce((a, b) => (favour(claim, b) < favour(claim, a) ? b : a));
}

function judged(claim: Claim, value: number | undefined): Reading {
  return value === undefined ? { holds: false } : { value, holds: holds(claim, value) };
}

/** Nodes down by a fault are left out until they are back and have settled. */
function counts(node: NodeSample, t: number, settleMs: number): boolean {
  return node.expected && (node.back === undefined || t >= node.back + settleMs);
}

function settleOf({ window }: MetricExpectation): number {
  return window.kind === 'at' ? 0 : window.settleMs;
}

/** Reorgs are events: what counts is the deepest since the window opened. */
function metricOf(node: NodeSample, metric: string, since: number): number | undefined {
  const value = node.metrics[metric];
  if (metric !== 'reorg_depth' || value === undefined) return value;
  const depths = (node.reorgs ?? []).flatMap(([t, depth]) => (t >= since ? [depth] : []));
  return Math.max(0, ...depths);
}
