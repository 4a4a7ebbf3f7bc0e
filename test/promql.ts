// PromQL by its grammar: whether an expression parses, and what it names.
import { parser } from '@prometheus-io/lezer-promql';

export type Parsed = {
  /** Where it is no PromQL. */
  readonly errors: readonly string[];
  readonly metrics: readonly string[];
  /** Of matchers and groupings. */
  readonly labels: readonly string[];
};

export function parsePromql(expr: string): Parsed {
  const errors: string[] = [];
  const metrics: string[] = [];
  const labels: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to, node }) => {
      const text = expr.slice(from, to);
      if (type.isError) errors.push(`at ${from}: ${expr.slice(from, from + 20)}`);
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') metrics.push(text);
      if (type.name === 'LabelName') labels.push(text);
    },
  });
  return { errors, metrics, labels };
}
