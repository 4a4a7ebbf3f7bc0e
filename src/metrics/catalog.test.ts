import { expect, test } from 'vitest';
import { catalog } from './catalog.ts';
import { renderMetricsDoc } from './doc.ts';

// https://prometheus.io/docs/practices/naming/ and https://prometheus.io/docs/concepts/data_model/
test.each(catalog.map((metric) => [metric.name, metric] as const))('%s keeps the rules', (_, m) => {
  expect(m.name).toMatch(/^peerstorm_[a-z][a-z0-9_]*[a-z0-9]$/);
  expect(m.name.endsWith('_total')).toBe(m.type === 'counter');
  expect(m.name).not.toMatch(/_(?:count|sum|bucket|created)$/);
  expect(m.name).not.toMatch(/_(?:ms|milliseconds|minutes|percent|kb|mb)(?:_|$)/);
  if (m.unit !== undefined)
    expect(m.name.replace(/_total$/, '')).toMatch(new RegExp(`_${m.unit}$`));
  expect(m.buckets !== undefined).toBe(m.type === 'histogram');
  expect(m.buckets ?? []).toEqual((m.buckets ?? []).toSorted((a, b) => a - b));
  expect(new Set(m.labels).size).toBe(m.labels.length);
  for (const label of m.labels) expect(label).toMatch(/^(?!le$|quantile$)[a-z][a-z0-9_]*$/);
  expect(m.labels).toContain('testnet');
  expect(m.help).toMatch(/^[A-Z0-9].*\.$/);
});

test('no metric has a series per pair of nodes', () => {
  const ends = ['from', 'to', 'peer', 'source', 'target'];
  expect(catalog.filter(({ labels }) => ends.some((end) => labels.includes(end)))).toEqual([]);
});

test('docs/metrics.md has one line for each metric', () => {
  const text = renderMetricsDoc();
  for (const { name } of catalog) expect(text.split(`\n| \`${name}\` |`)).toHaveLength(2);
});
