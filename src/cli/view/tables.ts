// What the listings of the CLI print: plain text tables, and the peer graph in two forms.
import { formatCount, formatSeconds, plural } from '../../report/format.ts';
import type { Capability } from '../../runtime/runtime.ts';
import type { FaultStatus, GraphView, NodeStatus, Status } from '../../session/session.ts';
import { columns, oneLine, type Paint, painter } from './text.ts';

const plain = painter(false);

/** One testnet in a few lines. */
export function renderStatus(status: Status): string {
  const { testnet, runtime, phase, elapsed, nodes, metrics, exitCode } = status;
  const time = elapsed === undefined ? '' : ` for ${formatSeconds(Math.floor(elapsed))}`;
  const values = Object.entries(metrics).map(([name, value]) => `${name} ${formatCount(value)}`);
  const verdicts = status.expectations.map((one) => ({ state: one.status }));
  const rows: readonly (readonly [string, string])[] = [
    ['nodes', `${nodes.ready} of ${nodes.planned} ready, ${nodes.running} running`],
    ['network', values.join(', ')],
    ['faults', counts(status.faults)],
    ['expectations', counts(verdicts)],
    ['problems', status.problems.map(oneLine).join('; ')],
    ['exit code', exitCode === undefined ? '' : String(exitCode)],
  ];
  const lines = rows.filter(([, text]) => text !== '');
  return [
    `${testnet} (${runtime}): ${phase}${time}`,
    ...lines.map(([name, text]) => `  ${name.padEnd(12)}  ${text}`),
  ].join('\n');
}

/** `1 active, 2 planned` */
function counts(of: readonly { readonly state: string }[]): string {
  const byState = Map.groupBy(of, ({ state }) => state);
  return [...byState].map(([state, { length }]) => `${length} ${state}`).join(', ');
}

export function renderNodes(nodes: readonly NodeStatus[]): string {
  const head = [
    { title: 'NODE' },
    { title: 'KIND' },
    { title: 'ROLE' },
    { title: 'REGION' },
    { title: 'ADDRESS' },
    { title: 'STATE' },
    { title: 'PEERS', align: 'right' as const },
    { title: 'HEIGHT', align: 'right' as const },
    { title: 'RESTARTS', align: 'right' as const },
    { title: 'TIP' },
  ];
  const rows = nodes.map(({ name, kind, role, region, address, state, ...rest }) => [
    name,
    kind,
    role,
    region === '' ? '-' : region,
    address,
    state,
    number(rest.peers),
    number(rest.height),
    String(rest.restarts),
    rest.tip === undefined ? '-' : rest.tip.slice(0, 12),
  ]);
  return columns(head, rows, plain);
}

function number(value: number | undefined): string {
  return value === undefined ? '-' : String(value);
}

export function renderFaults(faults: readonly FaultStatus[]): string {
  if (faults.length === 0) return 'no faults';
  const head = ['FAULT', 'KIND', 'STATE', 'FROM', 'TO', 'PROOF'].map((title) => ({ title }));
  const rows = faults.map(({ name, kind, state, startsAt, endsAt, proof }) => [
    name,
    kind,
    state,
    formatSeconds(startsAt),
    endsAt === undefined ? '-' : formatSeconds(endsAt),
    proof ?? '-',
  ]);
  return columns(head, rows, plain);
}

/** `dot` is for Graphviz: one cluster per region or group, tips as colours. */
export function renderGraph(graph: GraphView, form: 'text' | 'dot'): string {
  return form === 'dot' ? dotGraph(graph) : textGraph(graph);
}

function textGraph({ nodes, edges }: GraphView): string {
  const peers = new Map<string, string[]>(nodes.map(({ name }) => [name, []]));
  for (const [a, b] of edges) {
    peers.get(a)?.push(b);
    peers.get(b)?.push(a);
  }
  const tips = new Set(nodes.flatMap(({ tip }) => tip ?? [])).size;
  const counts = [
    plural(nodes.length, 'node'),
    plural(edges.length, 'live connection'),
    plural(tips, 'tip'),
  ];
  const head = [
    { title: 'NODE' },
    { title: 'PEERS', align: 'right' as const },
    { title: 'CONNECTED TO' },
  ];
  const rows = [...peers].map(([name, of]) => [name, String(of.length), of.join(' ')]);
  return `${counts.join(', ')}\n${columns(head, rows, plain)}`;
}

/** Okabe and Ito's colours, which people with colour blindness can tell apart. */
const tipColors = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];

function dotGraph({ nodes, edges }: GraphView): string {
  const tips = Map.groupBy(nodes, ({ tip }) => tip ?? '');
  tips.delete('');
  const ranked = [...tips].toSorted(([, a], [, b]) => b.length - a.length).map(([tip]) => tip);
  const colorOf = (tip: string | undefined) =>
    tip === undefined ? 'white' : (tipColors[ranked.indexOf(tip)] ?? '#999999');
  const clusters = [...Map.groupBy(nodes, ({ region, group }) => region || group)].flatMap(
    ([name, members], i) => [
      `  subgraph cluster_${i} {`,
      `    label=${quoted(name)};`,
      ...members.map(
        (node) => `    ${quoted(node.name)} [fillcolor=${quoted(colorOf(node.tip))}];`,
      ),
      '  }',
    ],
  );
  return [
    'graph peers {',
    '  node [shape=circle, style=filled];',
    ...clusters,
    ...edges.map(([a, b]) => `  ${quoted(a)} -- ${quoted(b)};`),
    '}',
  ].join('\n');
}

function quoted(text: string): string {
  return `"${oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** What a machine can do, and what brings the rest. */
export function renderDoctor(
  capabilities: readonly Capability[],
  versions: Readonly<Record<string, string>> = {},
  paint: Paint = plain,
): string {
  const lines = capabilities.flatMap(({ feature, ok, reason, fix }) => {
    const sign = ok ? paint('green', '✓') : paint('red', '✗');
    const found = `${sign} ${feature.padEnd(16)}  ${oneLine(reason)}`;
    return ok || fix === undefined ? [found] : [found, `${' '.repeat(20)}${oneLine(fix)}`];
  });
  const found = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [...(found.length === 0 ? [] : [found.join(', ')]), ...lines].join('\n');
}
