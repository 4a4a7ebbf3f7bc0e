// docs/metrics.md, from the catalogue.
import { agentCatalog } from './agent.ts';
import { catalog, type Destination, networkDestinations, nodeDestinations } from './catalog.ts';
import { kubernetesCatalog } from './kubernetes.ts';
import type { Metric } from './row.ts';

/** The whole text of docs/metrics.md. */
export function renderMetricsDoc(): string {
  const header = '| metric | type | labels | meaning |\n|---|---|---|---|';
  return `# Metrics

<!-- Generated from src/metrics/catalog.ts by \`npm run generate\`. -->

A run serves these at \`/metrics\` on localhost (\`peerstorm status\` prints the address), and leaves
the series of the testnet, its nodes and its faults with their timestamps in \`metrics.om\` of the
report (OpenMetrics text; \`promtool tsdb create-blocks-from openmetrics metrics.om\` loads it into a
Prometheus). There are no series per pair of nodes.

The page also passes on the nodes' own metrics, under their own names, with the labels
\`testnet\`, \`group\`, \`node\` and \`region\`: \`peerstorm_reference_...\` of reference nodes,
\`bitcoind_...\`, and whatever a \`custom\` program shows at the path of its \`observe.prometheus\`
(else the numbers of \`observe.json\`). A label of theirs with one of these names, or with one that
Prometheus sets itself (\`job\`, \`instance\`, \`namespace\`, \`pod\`), becomes \`exported_...\`. At most 500
series and 128 KiB of a node are passed on, and none with a name of the tables below.

${header}
${catalog.map(row).join('\n')}

Expectations speak of these by shorter names:

| in \`expect\` | here |
|---|---|
${[...Object.entries(networkDestinations), ...Object.entries(nodeDestinations)].map(shortName).join('\n')}
| \`node_peers\` | \`peerstorm_node_peers\`, both directions together |
| \`node:<name>\` | any metric of the nodes' own |

On Kubernetes, controller and agents serve these about themselves, under the names that others use:

${header}
${kubernetesCatalog.map(row).join('\n')}

The agent of each host serves these beside them:

${header}
${agentCatalog.map(row).join('\n')}

Histograms have these upper bounds:

${[...catalog, ...kubernetesCatalog, ...agentCatalog]
  .filter(({ type }) => type === 'histogram')
  .map(bounds)
  .join('\n')}
`;
}

function shortName([short, { name, labels = {} }]: readonly [string, Destination]): string {
  const only = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `| \`${short}\` | \`${name}${only.length === 0 ? '' : `{${only.join(',')}}`}\` |`;
}

function row({ name, type, labels, help }: Metric): string {
  return `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help.replaceAll('|', '\\|')} |`;
}

function bounds({ name, buckets = [] }: Metric): string {
  return `- \`${name}\`: ${buckets.join(', ')}`;
}
