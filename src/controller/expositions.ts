// Several texts in Prometheus' format 0.0.4 made one: each metric is described once, with the
// series of all of them below. Testnets of different namespaces may have one name, so a label can
// be added to every series of a text.

export type Exposition = {
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
};

type Family = { readonly head: readonly string[]; readonly series: string[] };

export function mergeExpositions(texts: readonly Exposition[]): string {
  const families = new Map<string, Family>();
  for (const { text, labels } of texts) {
    const added = Object.entries(labels)
      .map(([name, value]) => `${name}="${escaped(value)}"`)
      .join(',');
    for (const block of text.split(/^(?=# HELP )/m)) addBlock(families, block, added);
  }
  return [...families.values()]
    .filter(({ series }) => series.length > 0)
    .map(({ head, series }) => `${[...head, ...series].join('\n')}\n`)
    .join('\n');
}

function addBlock(families: Map<string, Family>, block: string, labels: string): void {
  const lines = block.split('\n').filter((line) => line.trim() !== '');
  const head = lines.filter((line) => line.startsWith('#'));
  const name = head[0]?.split(' ')[2];
  if (name === undefined) return;
  const family = families.get(name) ?? { head, series: [] };
  families.set(name, family);
  for (const line of lines) {
    if (!line.startsWith('#')) family.series.push(labels === '' ? line : labelled(line, labels));
  }
}

/** `name 1`, `name{a="b"} 1` */
function labelled(line: string, labels: string): string {
  const [, name = '', rest = ''] = /^([a-zA-Z_:][\w:]*)(.*)$/s.exec(line) ?? [];
  return rest.startsWith('{') ? `${name}{${labels},${rest.slice(1)}` : `${name}{${labels}}${rest}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
