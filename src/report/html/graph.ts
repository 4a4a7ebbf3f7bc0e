// The peer graph at a few moments: before, during and after each fault. Nodes keep their places, in
// one ring per region (or group), so that what changes from drawing to drawing is what the fault
// did.
import type { Plan, PlannedNode } from '../../plan/plan.ts';
import { formatSeconds, plural } from '../format.ts';
import type { HistoryLine } from '../history.ts';
import type { ObservedFault } from '../parts.ts';
import { html, type Markup } from './markup.ts';

/** Beyond these a drawing shows nothing but ink. */
const limits = { nodes: 300, faults: 6, tips: 6 };
const size = 320;

export function graphSection(
  plan: Plan,
  history: readonly HistoryLine[],
  faults: readonly ObservedFault[],
): Markup | undefined {
  const drawn = faults.filter(
    ({ name, actual }) => actual.start !== undefined && moves(plan, name),
  );
  if (history.length === 0 || drawn.length === 0) return undefined;
  if (plan.nodes.length > limits.nodes) {
    return html`<p class="note">Drawn for up to ${limits.nodes} nodes; this testnet has
      ${plan.nodes.length}.</p>`;
  }
  const places = placesOf(plan.nodes);
  const rows = drawn.slice(0, limits.faults).map((fault) => {
    const moments = momentsOf(fault, drawn, history);
    const figures = moments.map((moment) => figure(plan, places, moment));
    return html`<h3>${fault.name}</h3><div class="graphs">${figures}</div>`;
  });
  const more = drawn.length - limits.faults;
  return html`<p class="note">Lines are live connections: reported by the nodes, cut by no fault.
    Dashed lines were there in the drawing before. Colours are tips; squares are attackers, rings
    are victims. Faults that only shape packets are not drawn.</p>
    ${rows}${more > 0 ? html`<p class="note">${plural(more, 'more fault')} not drawn.</p>` : ''}`;
}

/** Loss, delay and the like leave the graph as it is. */
function moves({ faults }: Plan, name: string): boolean {
  const effects = faults.find((fault) => fault.name === name)?.effects ?? [];
  return effects.length === 0 || effects.some(({ impairment }) => impairment.kind !== 'shape');
}

type Edge = readonly [string, string];
type Moment = {
  readonly label: string;
  readonly line: HistoryLine;
  readonly edges: readonly Edge[];
  readonly gone: readonly Edge[];
};

/** The last sample before the fault, the last one in it, and the last one before the next fault. */
export function momentsOf(
  { actual: { start = 0, end }, planned }: ObservedFault,
  faults: readonly ObservedFault[],
  history: readonly HistoryLine[],
): Moment[] {
  const over = end ?? planned.end ?? start;
  const starts = faults.map(({ actual }) => actual.start ?? 0).filter((other) => other > over);
  const next = Math.min(...starts, Number.POSITIVE_INFINITY);
  const lines = [
    ['before', history.findLast(({ t }) => t < start)],
    ['during', history.findLast(({ t }) => t >= start && t < over)],
    ['after', history.findLast(({ t }) => t >= over && t < next)],
  ] as const;
  const moments: Moment[] = [];
  for (const [label, line] of lines) {
    if (line === undefined) continue;
    const edges =
      history.findLast(({ t, edges }) => t <= line.t && edges !== undefined)?.edges ?? [];
    const live = new Set(edges.map(keyOf));
    const gone = (moments.at(-1)?.edges ?? []).filter((edge) => !live.has(keyOf(edge)));
    moments.push({ label, line, edges, gone });
  }
  return moments;
}

const keyOf = ([a, b]: Edge) => JSON.stringify(a < b ? [a, b] : [b, a]);

type Place = { readonly x: number; readonly y: number };
type Places = {
  readonly of: ReadonlyMap<string, Place>;
  readonly rings: readonly (Place & { readonly name: string; readonly radius: number })[];
  readonly dot: number;
  /** What the drawings show: no more than there is. */
  readonly viewBox: string;
};

export function placesOf(nodes: readonly PlannedNode[]): Places {
  const byRegion = Map.groupBy(nodes, ({ region }) => region);
  const rings = byRegion.size > 1 ? byRegion : Map.groupBy(nodes, ({ group }) => group);
  const count = rings.size;
  const middle = size / 2;
  const away = count === 1 ? 0 : 104;
  // Neighbouring rings do not touch, and everything stays inside.
  const room = count === 1 ? 128 : Math.min(away * Math.sin(Math.PI / count) * 0.72, 54);
  const largest = Math.max(...[...rings.values()].map(({ length }) => length));
  const drawn = [...rings].map(([name, members], i) => {
    const angle = (2 * Math.PI * i) / count - Math.PI / 2;
    const radius =
      members.length === 1 ? 0 : room * Math.max(0.4, Math.sqrt(members.length / largest));
    return { name, members, radius, ...around(middle, middle, { radius: away, angle }) };
  });
  const of = drawn.flatMap(({ members, radius, x, y }) =>
    members.map(({ name }, i) => {
      const angle = (2 * Math.PI * i) / members.length - Math.PI / 2;
      return [name, around(x, y, { radius, angle })] as const;
    }),
  );
  const gap = Math.min(
    ...drawn.map(({ radius, members }) => (7 * Math.max(radius, 20)) / members.length),
  );
  const dot = Math.max(1.5, Math.min(6, gap / 3));
  return { of: new Map(of), rings: drawn, dot, viewBox: viewBoxOf(of.map(([, place]) => place)) };
}

/** With room for rings around nodes, and for names below. */
function viewBoxOf(places: readonly Place[]): string {
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)];
  const [left, top] = [Math.min(...xs) - 16, Math.min(...ys) - 16];
  return [left, top, Math.max(...xs) + 16 - left, Math.max(...ys) + 32 - top]
    .map(Math.round)
    .join(' ');
}

function around(x: number, y: number, by: { radius: number; angle: number }): Place {
  return {
    x: round(x + by.radius * Math.cos(by.angle)),
    y: round(y + by.radius * Math.sin(by.angle)),
  };
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function figure(plan: Plan, places: Places, { label, line, edges, gone }: Moment): Markup {
  const tips = Map.groupBy(Object.values(line.tips), (tip) => tip);
  const ranked = [...tips].toSorted(([, a], [, b]) => b.length - a.length).map(([tip]) => tip);
  const rank = (tip: string) => Math.min(ranked.indexOf(tip), limits.tips - 1);
  const attackers = new Set<string>(plan.faults.flatMap(({ attackers = [] }) => attackers));
  const victims = new Set<string>(plan.faults.flatMap(({ victims = [] }) => victims));
  const dots = plan.nodes.map(({ name, group, region }) => {
    const tip = line.tips[name];
    const height = line.nodes[name]?.node_height;
    const says =
      tip === undefined ? 'no answer' : `height ${height ?? '?'}, tip ${tip.slice(0, 8)}`;
    const place = places.of.get(name) ?? { x: 0, y: 0 };
    const title = html`<title>${name} (${group}${region === '' ? '' : `, ${region}`}): ${says}</title>`;
    const look = tip === undefined ? 'silent' : `tip${rank(tip)}`;
    return dot(
      { ...place, radius: places.dot, square: attackers.has(name), ring: victims.has(name) },
      look,
      title,
    );
  });
  const labels = places.rings.map(({ name, x, y, radius }) => {
    return html`<text x="${x}" y="${y + radius + places.dot + 19}">${name}</text>`;
  });
  const grounds = places.rings.map(
    ({ x, y, radius }) =>
      html`<circle cx="${x}" cy="${y}" r="${radius + places.dot + 7}" class="ground"/>`,
  );
  const legend = ranked.slice(0, limits.tips).map((tip, i) => {
    const holders = Object.entries(line.tips).filter(([, of]) => of === tip);
    const height = line.nodes[holders[0]?.[0] ?? '']?.node_height;
    const what = height === undefined ? `tip ${tip.slice(0, 8)}` : `height ${height}`;
    return html`<li><svg viewBox="0 0 10 10" class="key"><circle cx="5" cy="5" r="4.5" class="tip${i}"/></svg>
      ${what}: ${plural(holders.length, 'node')}</li>`;
  });
  const caption = `${label}, at ${formatSeconds(line.t)}`;
  return html`<figure><svg viewBox="${places.viewBox}" role="img" aria-label="Peer graph ${caption}: ${plural(edges.length, 'connection')}, ${plural(ranked.length, 'tip')}">
    ${grounds}<path class="gone" d="${pathOf(gone, places)}"/><path class="edges" d="${pathOf(edges, places)}"/>
    ${dots}<g class="names">${labels}</g></svg>
    <figcaption><b>${label}</b> at ${formatSeconds(line.t)}, ${plural(edges.length, 'connection')}<ul>${legend}</ul></figcaption></figure>`;
}

type Dot = Place & { readonly radius: number; readonly square: boolean; readonly ring: boolean };

function dot({ x, y, radius, square, ring }: Dot, look: string, title: Markup): Markup {
  const halo = ring ? html`<circle cx="${x}" cy="${y}" r="${radius + 3}" class="victim"/>` : '';
  return square
    ? html`<rect x="${x - radius}" y="${y - radius}" width="${2 * radius}" height="${2 * radius}" class="node ${look}">${title}</rect>`
    : html`${halo}<circle cx="${x}" cy="${y}" r="${radius}" class="node ${look}">${title}</circle>`;
}

function pathOf(edges: readonly Edge[], { of }: Places): string {
  return edges
    .flatMap(([a, b]) => {
      const [from, to] = [of.get(a), of.get(b)];
      return from === undefined || to === undefined ? [] : `M${from.x} ${from.y}L${to.x} ${to.y}`;
    })
    .join('');
}
