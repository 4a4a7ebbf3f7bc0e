import { expect, test } from 'vitest';
import { history, report } from '../../test/fixtures/made-up-run.ts';
import { catalog } from '../metrics/catalog.ts';
import { openMetrics } from './openmetrics.ts';

const zero = Date.parse(report.startedAt) / 1000 + 12.4;
const line = /^(?<name>[a-z_]+)\{(?<labels>[^}]*)\} (?<value>\S+) (?<at>[\d.]+)$/;
const parse = (text: string) =>
  text
    .split('\n')
    .filter((row) => row !== '' && !row.startsWith('#'))
    .map((row) => {
      const { name = '', labels = '', value = '', at = '' } = line.exec(row)?.groups ?? {};
      return { row, name, series: `${name}{${labels}}`, value: Number(value), at: Number(at) };
    });

test('every line is a sample of a metric of the catalogue, with the labels it has there', () => {
  for (const { row, name, series } of parse(openMetrics(report, history))) {
    const metric = catalog.find((known) => known.name === name);
    expect(metric, row).toBeDefined();
    const labels = [...series.matchAll(/[{,](\w+)="/g)].map(([, label]) => label);
    expect(labels, row).toEqual(metric?.labels);
  }
});

test('the text ends with EOF, families come in one piece, and time goes up inside a series', () => {
  const text = openMetrics(report, history);
  expect(text.endsWith('\n# EOF\n')).toBe(true);
  expect(text).toContain('# TYPE peerstorm_fault_dropped_packets counter\n');
  const names = parse(text).map(({ name }) => name);
  const changes = names.filter((name, i) => name !== names[i - 1]);
  expect(new Set(changes).size).toBe(changes.length);
  for (const rows of Map.groupBy(parse(text), ({ series }) => series).values()) {
    const times = rows.map(({ at }) => at);
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
  }
});

test('the samples that are left out can be filled in again', () => {
  const series = 'peerstorm_distinct_tips{testnet="tour"}';
  const kept = parse(openMetrics(report, history)).filter((row) => row.series === series);
  expect(kept.length).toBeLessThan(history.length / 4);
  const filled = history.map(({ t }) => kept.findLast(({ at }) => at <= zero + t + 1e-3)?.value);
  expect(filled).toEqual(history.map(({ network }) => network.distinct_tips));
});

test('no series is silent for as long as Prometheus would forget it', () => {
  const rows = parse(openMetrics(report, history)).filter(
    ({ series }) => series === 'peerstorm_nodes_ready{testnet="tour"}',
  );
  expect(rows.length).toBeGreaterThan(2);
  const gaps = rows.slice(1).map(({ at }, i) => at - (rows[i]?.at ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(61);
});

test('a node that stops answering is NaN until it is back', () => {
  const rows = parse(openMetrics(report, history)).filter(
    ({ name, series }) => name === 'peerstorm_node_height' && series.includes('"full-5"'),
  );
  const gap = rows.findIndex(({ value }) => Number.isNaN(value));
  expect(rows[gap]?.at).toBeCloseTo(zero + 140, 3);
  expect(rows[gap + 1]?.at).toBeCloseTo(zero + 147, 3);
  expect(rows.filter(({ value }) => Number.isNaN(value))).toHaveLength(1);
});

test('a run that never was ready has no series', () => {
  const { readySeconds: _, ...never } = report;
  expect(parse(openMetrics(never, [])).map(({ name }) => name)).toEqual(['peerstorm_testnet_info']);
});

test('a delay is told in seconds, as asked and as measured', () => {
  const [first, ...others] = report.faults;
  if (first === undefined) throw new TypeError('a report without faults');
  const slow = { ...first, asked: { delayMs: 40 }, measured: { delayMs: 41.5 } };
  const delays = parse(openMetrics({ ...report, faults: [slow, ...others] }, history))
    .filter(({ name }) => name.endsWith('_delay_seconds'))
    .map(({ name, value }) => [name, value]);
  expect(delays).toEqual([
    ['peerstorm_fault_asked_delay_seconds', 0.04],
    ['peerstorm_fault_measured_delay_seconds', 0.0415],
  ]);
});
