// The dashboards as they are committed, held to the rules of grafana/dashboard-linter (but for its
// rules about `job` and `instance`: a panel of ours shows testnets, wherever they are scraped), and
// to the catalogues: nothing is queried that nobody emits.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { dashboards } from '../dashboards/definitions/index.ts';
import { datasourceVariable } from '../dashboards/definitions/panel.ts';
import { nodeMetrics } from '../node-image/catalog.ts';
import { bitcoind } from '../src/kinds/bitcoind.ts';
import { agentCatalog } from '../src/metrics/agent.ts';
import { catalog } from '../src/metrics/catalog.ts';
import { kubernetesCatalog } from '../src/metrics/kubernetes.ts';
import { parsePromql } from './promql.ts';

const folder = join(import.meta.dirname, '../dashboards');

const datasource = z.strictObject({ type: z.literal('prometheus'), uid: z.string() });
const panel = z.looseObject({
  id: z.int(),
  type: z.string(),
  title: z.string(),
  description: z.string().default(''),
  datasource: datasource.optional(),
  targets: z.array(z.looseObject({ expr: z.string(), refId: z.string() })).default([]),
  fieldConfig: z.looseObject({ defaults: z.looseObject({ unit: z.string() }) }).optional(),
});
const dashboard = z.looseObject({
  uid: z.string(),
  title: z.string(),
  description: z.string(),
  editable: z.boolean(),
  graphTooltip: z.int(),
  schemaVersion: z.int(),
  tags: z.array(z.string()),
  links: z.array(z.looseObject({ tags: z.array(z.string()), includeVars: z.boolean() })),
  annotations: z.object({ list: z.array(z.looseObject({ expr: z.string(), datasource })) }),
  templating: z.object({
    list: z.array(
      z.looseObject({
        type: z.string(),
        name: z.string(),
        label: z.string(),
        multi: z.boolean(),
        allValue: z.string().optional(),
        refresh: z.int().optional(),
        datasource: datasource.optional(),
        query: z.union([z.string(), z.object({ query: z.string(), refId: z.string() })]),
      }),
    ),
  }),
  panels: z.array(panel),
});

const committed = Object.keys(dashboards).map((name) => {
  const text = readFileSync(join(folder, `${name}.json`), 'utf8');
  return [name, dashboard.parse(JSON.parse(text))] as const;
});
const panels = committed.flatMap(([name, { panels: all }]) =>
  all.filter(({ type }) => type !== 'row').map((one) => [`${name}: ${one.title}`, one] as const),
);
const queries = committed.flatMap(([name, { panels: all, annotations }]) => [
  ...all.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [`${name}: ${title}`, expr] as const),
  ),
  ...annotations.list.map(({ expr }) => [`${name}: annotation`, expr] as const),
]);

test('there is a file for each dashboard, and no other', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  expect(files.toSorted()).toEqual(committed.map(([name]) => `${name}.json`).toSorted());
});

describe.each(committed)('dashboard %s', (_, { templating, panels: all, ...rest }) => {
  const [first, ...others] = templating.list;

  test('is not editable, shares its cursor, and leads to the others', () => {
    expect(rest).toMatchObject({ editable: false, graphTooltip: 1, tags: ['peerstorm'] });
    expect(rest.links).toMatchObject([{ tags: ['peerstorm'], includeVars: true, keepTime: true }]);
    expect(rest.description).not.toBe('');
  });

  test('has one variable for the data source, and the others follow it', () => {
    expect(first).toMatchObject({ type: 'datasource', name: 'datasource', label: 'Data source' });
    expect(others[0]?.name).toBe('testnet');
    for (const variable of others) {
      expect(variable).toMatchObject({ type: 'query', multi: true, allValue: '.*', refresh: 2 });
      expect(variable.datasource?.uid).toBe(datasourceVariable);
    }
  });

  test('asks for each of its variables, and for no other', () => {
    const asked = JSON.stringify([all, rest.annotations]).matchAll(/\$\{?([a-z]+)\b/g);
    const used = new Set([...asked].map(([, name]) => name));
    expect(used).toEqual(new Set(templating.list.map(({ name }) => name)));
  });

  test('has panels with numbers of their own', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  test.each(others.map(({ name, query }) => [name, query] as const))(
    'fills $%s by a selector of PromQL',
    (name, query) => {
      const text = typeof query === 'string' ? query : query.query;
      const [, selector = '', label] = /^label_values\((.*), (\w+)\)$/.exec(text) ?? [];
      expect(label).toBe(name);
      expect(problemsOf(selector)).toEqual([]);
    },
  );
});

test.each(panels)('panel %s has a title, a description, a unit and queries', (_, one) => {
  expect(one.title).not.toBe('');
  expect(one.description).toMatch(/^[A-Z0-9].*\.$/);
  expect(one.fieldConfig?.defaults.unit).toBeTruthy();
  expect(one.targets.length).toBeGreaterThan(0);
  expect(one.targets.map(({ refId }) => refId).join('')).toBe(
    'ABCDEFGH'.slice(0, one.targets.length),
  );
  expect(one.datasource?.uid).toBe(datasourceVariable);
});

test.each(queries)('%s: %s', (_, expr) => {
  expect(problemsOf(expr)).toEqual([]);
  // Counters are rated over what fits the step, or summed up over the whole of the chosen time.
  for (const [, window] of expr.matchAll(/\[([^\]]*)\]/g)) {
    expect(['$__rate_interval', '$__range']).toContain(window);
  }
  for (const [name] of expr.matchAll(/\w+_total\b|\w+_(?:bucket|sum)\{/g)) {
    expect(expr).toMatch(new RegExp(`(?:rate|max_over_time)\\(${name.replace('{', '\\{')}`));
  }
});

function problemsOf(expr: string): readonly string[] {
  const plain = expr.replaceAll(/\$__(?:rate_interval|range)/g, '1m');
  const { errors, metrics, labels } = parsePromql(plain);
  const unknown = metrics.filter((name) => known(name) === undefined);
  const allowed = new Set([...metrics.flatMap((name) => known(name) ?? []), 'namespace', 'le']);
  return [
    ...errors,
    ...unknown.map((name) => `nobody emits ${name}`),
    ...labels.filter((label) => !allowed.has(label)).map((label) => `no label ${label}`),
  ];
}

const nodeLabels = ['testnet', 'group', 'node', 'region'];
const emitted = new Map<string, readonly string[]>([
  ...[...catalog, ...kubernetesCatalog, ...agentCatalog].map(
    ({ name, labels }) => [name, labels] as const,
  ),
  ...Object.entries(nodeMetrics).map(
    ([name, metric]) =>
      [name, [...nodeLabels, ...('label' in metric ? [metric.label[0]] : [])]] as const,
  ),
  ...Object.keys(bitcoind.metrics ?? {}).map((name) => [name, nodeLabels] as const),
]);

function known(name: string): readonly string[] | undefined {
  return emitted.get(name) ?? emitted.get(name.replace(/_(?:bucket|sum|count)$/, ''));
}

test('every metric of a run is in a dashboard', () => {
  const text = queries.map(([, expr]) => expr).join('\n');
  const named = new Set(parsePromqlNames(text));
  const missing = catalog.map(({ name }) => name).filter((name) => !named.has(name));
  expect(missing).toEqual(notShown);
});

describe('rules', () => {
  const labels = z.strictObject({ severity: z.enum(['warning', 'critical']) });
  const alert = z.strictObject({
    alert: z.string().startsWith('Peerstorm'),
    expr: z.string(),
    for: z.string().optional(),
    labels,
    annotations: z.strictObject({ summary: z.string(), description: z.string() }),
  });
  const recording = z.strictObject({
    record: z.string().regex(/^[a-z]+:peerstorm_\w+:\w+$/),
    expr: z.string(),
  });
  const file = z.strictObject({
    groups: z.array(
      z.strictObject({ name: z.string(), rules: z.array(z.union([alert, recording])) }),
    ),
  });
  const { groups } = file.parse(parse(readFileSync(join(folder, 'rules.yaml'), 'utf8')));
  const rules = groups.flatMap(({ rules: all }) => all);

  test.each(rules.map((rule) => ['alert' in rule ? rule.alert : rule.record, rule] as const))(
    '%s speaks of what there is',
    (_, { expr }) => {
      const { errors, metrics } = parsePromql(expr);
      expect(errors).toEqual([]);
      expect(metrics.filter((name) => name !== 'up' && known(name) === undefined)).toEqual([]);
    },
  );
});

function parsePromqlNames(text: string): readonly string[] {
  return (text.match(/\bpeerstorm_\w+/g) ?? []).map((name) =>
    emitted.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ''),
  );
}

/** Labels of a variable; a moment; alerts have them, and no panel is worth them. */
const notShown = [
  'peerstorm_testnet_info',
  'peerstorm_time_zero_timestamp_seconds',
  'peerstorm_probe_failures_total',
  'peerstorm_exposition_failures_total',
];
