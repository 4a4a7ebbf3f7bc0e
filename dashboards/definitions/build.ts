// Grafana's JSON of a dashboard. What all of them have in common is here: the variables, the shared
// crosshair, links to the others, and faults as annotations over every graph.

import * as common from '@grafana/grafana-foundation-sdk/common';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
} from '@grafana/grafana-foundation-sdk/common';
import {
  AnnotationQueryBuilder,
  type Dashboard as BuiltDashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StatesBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import {
  type Dashboard,
  datasourceVariable,
  ofTestnet,
  type Panel,
  type Variable,
} from './panel.ts';

const datasource = { type: 'prometheus', uid: datasourceVariable };
const tag = 'peerstorm';

export function buildDashboard({ uid, title, description, ...rest }: Dashboard): BuiltDashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(otherDashboards())
    .annotation(faultsInForce())
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    )
    .withVariable(variable('testnet', 'peerstorm_testnet_info'));
  for (const name of rest.variables) builder.withVariable(nodeVariable(name, rest.variables));
  let id = 0;
  for (const row of rest.rows) {
    builder.withRow(new RowBuilder(row.title).id((id += 1)));
    for (const panel of row.panels) builder.withPanel(panelBuilder(panel).id((id += 1)));
  }
  return inSight(builder.build());
}

/** The builders put links and annotations into a menu; they belong above the panels. */
function inSight(built: BuiltDashboard): BuiltDashboard {
  const { links = [], annotations } = built;
  const list = (annotations?.list ?? []).map(withoutPlacement);
  return { ...built, links: links.map(withoutPlacement), annotations: { list } };
}

function withoutPlacement<T extends { readonly placement?: unknown }>(
  placed: T,
): Omit<T, 'placement'> {
  const { placement: _, ...rest } = placed;
  return rest;
}

function variable(name: string, series: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(name[0]?.toUpperCase() + name.slice(1))
    .datasource(datasource)
    .query({ query: `label_values(${series}, ${name})`, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: 'All', value: '$__all' });
}

/** Of what the variables before it leave. */
function nodeVariable(name: Variable, all: readonly Variable[]): QueryVariableBuilder {
  const before = all.slice(0, all.indexOf(name)).map((one) => `${one}=~"$${one}"`);
  return variable(name, `peerstorm_node_peers{${[ofTestnet, ...before].join(', ')}}`);
}

function otherDashboards(): DashboardLinkBuilder {
  return new DashboardLinkBuilder('Peerstorm')
    .type(DashboardLinkType.Dashboards)
    .tags([tag])
    .includeVars(true)
    .keepTime(true);
}

function faultsInForce(): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name('Faults')
    .datasource(datasource)
    .enable(true)
    .iconColor('red')
    .expr(`max by (testnet, fault, kind) (peerstorm_fault_active{${ofTestnet}}) == 1`)
    .titleFormat('{{fault}}')
    .textFormat('{{kind}} in {{testnet}}')
    .tagKeys('kind')
    .step('1s');
}

type AnyPanelBuilder = GraphBuilder | StatBuilder | StatesBuilder | TableBuilder;

function panelBuilder(panel: Panel): AnyPanelBuilder {
  const { title, description, unit, width = 8, kind, max } = panel;
  const builder: AnyPanelBuilder = builders[kind](panel);
  builder
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .span(width)
    .height(kind === 'stat' ? 4 : 8)
    .thresholds(thresholdsOf(panel));
  if (kind !== 'table' && unit !== 'bool_on_off') builder.min(0);
  if (max !== undefined) builder.max(max);
  for (const [index, { expr, legend }] of panel.queries.entries()) {
    const query = new DataqueryBuilder().expr(expr).legendFormat(legend).refId(refId(index));
    if (kind === 'table') query.instant().format(PromQueryFormat.Table);
    else query.range();
    builder.withTarget(query.datasource(datasource));
  }
  return builder;
}

const builders: Readonly<Record<Panel['kind'], (panel: Panel) => AnyPanelBuilder>> = {
  graph: graphBuilder,
  stack: graphBuilder,
  table: tableBuilder,
  stat: () =>
    new StatBuilder()
      .graphMode(BigValueGraphMode.Area)
      .colorMode(BigValueColorMode.Value)
      .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull'])),
  states: () =>
    new StatesBuilder()
      .showValue(VisibilityMode.Never)
      .mergeValues(true)
      .mappings([
        {
          type: MappingType.ValueToText,
          options: {
            0: { text: 'off', color: 'transparent', index: 0 },
            1: { text: 'in force', color: 'red', index: 1 },
          },
        },
      ]),
};

function graphBuilder({ kind, thresholds }: Panel): GraphBuilder {
  const builder = new GraphBuilder()
    .lineWidth(1)
    .fillOpacity(kind === 'stack' ? 40 : 8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (kind === 'stack') {
    builder.stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  }
  if (thresholds !== undefined) {
    const style = new common.GraphThresholdsStyleConfigBuilder();
    builder.thresholdsStyle(style.mode(GraphThresholdsStyleMode.Dashed));
  }
  return builder;
}

/** One row for each set of labels, one column for each query. */
function tableBuilder({ queries }: Panel): TableBuilder {
  const values = queries.map(({ legend }, index) => [
    queries.length === 1 ? 'Value' : `Value #${refId(index)}`,
    legend,
  ]);
  return new TableBuilder().filterable(true).transformations([
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: { excludeByName: { Time: true }, renameByName: Object.fromEntries(values) },
    },
  ]);
}

function thresholdsOf({ thresholds = [], base = 'green' }: Panel): ThresholdsConfigBuilder {
  const steps = thresholds.map(([value, color]) => ({ value, color }));
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...steps]);
}

function refId(index: number): string {
  return 'ABCDEFGH'.charAt(index);
}
