// What nodes say of themselves in Prometheus' format 0.0.4, made fit for our own page: it comes
// from programs that we do not know and may be broken or hostile. Guarantees: what is shown parses,
// has the labels of its node (its own of those names become `exported_...`), repeats no series,
// takes no name of ours and none that Prometheus makes itself, and is bounded for each node.
// Families of many nodes are merged: described once, and `untyped` where the nodes disagree.
import { agentCatalog } from './agent.ts';
import { catalog } from './catalog.ts';
import { kubernetesCatalog } from './kubernetes.ts';
import { readSeries, type Series, seriesKey } from './prometheus-text.ts';

type Labels = Readonly<Record<string, string>>;
/** What a metric is. */
export type Description = { readonly type: string; readonly help: string };
type Family = Description & { readonly lines: readonly string[] };

/** By name. */
export type Families = ReadonlyMap<string, Family>;

const mostSeries = 500;
const mostCharacters = 128 * 1024;
const longestLine = 2_000;
const longestHelp = 300;

const ours: ReadonlySet<string> = new Set(
  [...catalog, ...kubernetesCatalog, ...agentCatalog].map(({ name }) => name),
);
/** The reference node's metrics are a node's like any other. */
const reserved = /^(?:peerstorm(?!_reference_)|up$|scrape_|ALERTS)/;
/** Would say where a series comes from: that is not the node's to say. */
const ownLabels = /^(?:testnet|group|node|region|namespace|pod|host|job|instance)$/;

/** The text of one node. Lines that cannot be read are left out, as is what is over the bounds. */
export function readExposition(
  text: string,
  labels: Labels,
): { readonly families: Families; readonly leftOut: number } {
  const described = descriptions(text);
  const kept = new Keeper(labels);
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const series = trimmed.length > longestLine ? undefined : readSeries(trimmed);
    if (series === undefined) kept.leftOut += 1;
    else kept.add(familyOf(series.name, described), series);
  }
  return { families: kept.families(described), leftOut: kept.leftOut };
}

/** Numbers by name, or by `name{label="value"}`, as observations have them. */
export function showNumbers(
  numbers: Readonly<Record<string, number>>,
  descriptions: Readonly<Record<string, Description>>,
  labels: Labels,
): { readonly families: Families; readonly leftOut: number } {
  const kept = new Keeper(labels);
  for (const [key, value] of Object.entries(numbers)) {
    const series = readSeries(`${key} 0`);
    if (series === undefined) kept.leftOut += 1;
    else kept.add(series.name, { ...series, value });
  }
  const described = new Map(Object.entries(descriptions));
  return { families: kept.families(described), leftOut: kept.leftOut };
}

/** One text of all of them. */
export function mergeFamilies(all: readonly Families[]): string {
  const merged = new Map<string, { type: string; help: string; lines: string[] }>();
  for (const [name, { type, help, lines }] of all.flatMap((families) => [...families])) {
    const known = merged.get(name);
    if (known === undefined) merged.set(name, { type, help, lines: [...lines] });
    else {
      if (known.type !== type) known.type = 'untyped';
      for (const line of lines) known.lines.push(line);
    }
  }
  return [...merged]
    .map(([name, { type, help, lines }]) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n'),
    )
    .join('\n');
}

/** What is kept of one node. */
class Keeper {
  /** Without braces: the same for each of its series. */
  readonly #labels: string;
  readonly #lines = new Map<string, string[]>();
  readonly #seen = new Set<string>();
  #characters = 0;
  leftOut = 0;

  constructor(labels: Labels) {
    this.#labels = pairs(labels);
  }

  add(family: string, { name, labels, value }: Series): void {
    const own = pairs(foreign(labels));
    const key = `${name}{${own === '' ? this.#labels : `${this.#labels},${own}`}}`;
    const line = `${key} ${valueText(value)}`;
    const taken = isOurs(family) || isOurs(name) || this.#seen.has(key);
    const full = this.#seen.size >= mostSeries || this.#characters + line.length > mostCharacters;
    if (taken || full) {
      this.leftOut += 1;
      return;
    }
    this.#seen.add(key);
    this.#characters += line.length;
    const lines = this.#lines.get(family);
    if (lines === undefined) this.#lines.set(family, [line]);
    else lines.push(line);
  }

  families(described: ReadonlyMap<string, Description>): Families {
    return new Map(
      [...this.#lines].map(([name, lines]) => {
        const { type = 'untyped', help = '' } = described.get(name) ?? {};
        return [name, { type, help: help === '' ? 'A metric of the node itself.' : help, lines }];
      }),
    );
  }
}

function pairs(labels: Labels): string {
  return seriesKey({ name: '', labels }).slice(1, -1);
}

function isOurs(name: string): boolean {
  return reserved.test(name) || ours.has(name);
}

function foreign(labels: Labels): Labels {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => {
      if (name.startsWith('__')) return [];
      return [[ownLabels.test(name) ? `exported_${name}` : name, value]];
    }),
  );
}

const types = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

function descriptions(text: string): ReadonlyMap<string, Description> {
  const found = new Map<string, Description>();
  for (const line of text.split('\n')) {
    if (!line.startsWith('#')) continue;
    const [, what, name = '', rest = ''] =
      /^#[ \t]+(HELP|TYPE)[ \t]+([a-zA-Z_:][\w:]*)(?:[ \t]+(.*?))?\r?$/.exec(
        line.slice(0, longestLine),
      ) ?? [];
    if (what === undefined) continue;
    const { type, help } = found.get(name) ?? { type: 'untyped', help: '' };
    if (what === 'HELP') found.set(name, { type, help: helpText(rest) });
    else found.set(name, { type: types.has(rest) ? rest : 'untyped', help });
  }
  return found;
}

/** As it was escaped by the node; an escape that is cut or unknown would not parse. */
function helpText(text: string): string {
  return text
    .slice(0, longestHelp)
    .replaceAll(/\\(?![\\n])|\\\\|\\n|\r/g, (part) =>
      part === '\\\\' || part === String.raw`\n` ? part : ' ',
    );
}

/** `x_bucket` belongs to `x`, if that is a histogram. */
function familyOf(name: string, described: ReadonlyMap<string, Description>): string {
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  const type = base === name ? undefined : described.get(base)?.type;
  return type === 'histogram' || type === 'summary' ? base : name;
}

function valueText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
