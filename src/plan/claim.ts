// What `is` and `count` say: a comparison and a number, with or without a unit. A metric has base
// units (seconds, bytes, ratios of 1), so `< 500ms` is 0.5 and `>= 99%` is 0.99.
import { grammars, parseQuantity, type QuantityKind } from '../quantities/quantities.ts';
import { quote } from '../spec/problems.ts';
import type { Claim, Comparison } from './plan.ts';

const comparisons: readonly Comparison[] = ['>=', '<=', '==', '!=', '>', '<'];

/** The claim, or what was expected instead. `metric` undefined: a number of lines. */
export function parseClaim(
  text: string,
  metric: string | undefined,
): Claim | { readonly expected: string } {
  const trimmed = text.trim();
  const compare = comparisons.find((comparison) => trimmed.startsWith(comparison));
  const value = trimmed.slice(compare?.length ?? 0).trim();
  const number = valueOf(value, unitOf(metric));
  if (compare !== undefined && number !== undefined) return { compare, value: number };
  const unit = unitOf(metric);
  const kind = unit === 'any' ? 'a number or quantity' : `a ${unit}`;
  const example = { any: '">= 2"', count: '">= 2"', duration: '"< 500ms"', ratio: '">= 99%"' }[
    unit
  ];
  const expected = `must be one of ${comparisons.join(' ')} and ${kind}, such as ${example}`;
  return { expected: `${expected}, got ${quote(text)}` };
}

type Unit = 'any' | 'count' | 'duration' | 'ratio';

function unitOf(metric: string | undefined): Unit {
  if (metric === undefined) return 'count';
  if (metric.startsWith('node:')) return 'any';
  if (metric.endsWith('_seconds')) return 'duration';
  return metric.endsWith('_ratio') ? 'ratio' : 'count';
}

const quantities: Readonly<Record<Unit, readonly QuantityKind[]>> = {
  any: ['duration', 'ratio', 'rate', 'size'],
  count: [],
  duration: ['duration'],
  ratio: ['ratio'],
};

/** Plain numbers are taken as they are, in base units. */
function valueOf(text: string, unit: Unit): number | undefined {
  if (/^-?\d+(?:\.\d+)?(?:e-?\d+)?$/.test(text)) return Number(text);
  const kind = quantities[unit].find((candidate) => grammars[candidate].pattern.test(text));
  const value = kind === undefined ? undefined : parseQuantity(kind, text);
  if (value === undefined) return undefined;
  // Prometheus' base unit is the second.
  return kind === 'duration' ? Number((value / 1000).toPrecision(12)) : value;
}
