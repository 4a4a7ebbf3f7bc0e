// A plan as text: yaml for people, json for programs, dot for Graphviz. Each tells the statistics
// of the graph of dials beside the plan.
import { Document, isMap, isScalar, isSeq, type Node, visit } from 'yaml';
import type { Plan, PlannedNode } from './plan.ts';
import { type GraphStatistics, statisticsOf } from './statistics.ts';
import { exemptions, planSummary } from './summary.ts';

export type PlanFormat = 'yaml' | 'json' | 'dot';

/** Ends with a newline. yaml and json are the plan with `graph` and `exempt` added. */
export function renderPlan(plan: Plan, format: PlanFormat): string {
  const graph = statisticsOf(plan);
  if (format === 'dot') return asDot(plan, graph);
  if (format === 'yaml') return asYaml(plan, graph);
  return `${JSON.stringify({ ...plan, graph, exempt: exemptions }, undefined, 2)}\n`;
}

/** One line for a node or a list of names; a set that several effects share is written once. */
function asYaml(plan: Plan, graph: GraphStatistics): string {
  const document = new Document(
    { ...plan, graph, exempt: exemptions },
    { anchorPrefix: 'set', aliasDuplicateObjects: true },
  );
  const nodes: unknown = document.get('nodes');
  visit(document, {
    Seq: (_, seq) => {
      seq.flow = seq.items.every((item) => isScalar(item));
      if (seq !== nodes) return undefined;
      for (const item of seq.items) if (isMap(item)) item.flow = true;
      return visit.SKIP;
    },
  });
  keepText(document.get('exempt'));
  document.commentBefore = commented(planSummary(plan, graph), ' ');
  return document.toString({ lineWidth: 0 });
}

function keepText(list: unknown): void {
  if (isSeq<Node>(list)) list.flow = false;
}

function commented(lines: readonly string[], prefix: string): string {
  return lines.map((line) => `${prefix}${line}`.trimEnd()).join('\n');
}

/** Colour by group, a box around each region. All names are DNS labels, so quotes are enough. */
function asDot(plan: Plan, graph: GraphStatistics): string {
  const regions = plan.regions.length === 0 ? [''] : plan.regions;
  const members = new Map<string, PlannedNode[]>(regions.map((region) => [region, []]));
  for (const node of plan.nodes) members.get(node.region)?.push(node);
  const lines = (nodes: readonly PlannedNode[], indent: string) =>
    nodes.map(({ name, group }) => `${indent}"${name}" [fillcolor="${colourOf(plan, group)}"];`);
  const boxes = [...members].flatMap(([region, nodes]) =>
    region === ''
      ? lines(nodes, '  ')
      : [
          `  subgraph "cluster_${region}" {`,
          `    label="${region}";`,
          ...lines(nodes, '    '),
          '  }',
        ],
  );
  return [
    commented(planSummary(plan, graph), '// '),
    `digraph "${plan.testnet}" {`,
    '  node [shape=ellipse, style=filled];',
    ...boxes,
    ...plan.nodes.flatMap(({ name, dials }) => dials.map((other) => `  "${name}" -> "${other}";`)),
    '}',
    '',
  ].join('\n');
}

/** Hues evenly around the circle, as Graphviz writes them. */
function colourOf(plan: Plan, group: string): string {
  const at = plan.groups.findIndex(({ name }) => name === group);
  return `${(at / plan.groups.length).toFixed(3)} 0.35 0.95`;
}
