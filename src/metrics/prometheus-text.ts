// The text format of Prometheus (version 0.0.4), read: samples only. Comments, types, timestamps
// and OpenMetrics' exemplars are skipped. Names, labels and values come out as they went in.
// https://prometheus.io/docs/instrumenting/exposition_formats/
import { fail } from '../errors.ts';

export type Series = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** All samples of the text, in its order. */
export function readPrometheusText(text: string): readonly Series[] {
  return text.split('\n').flatMap((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return [];
    const series = readSeries(trimmed);
    if (series === undefined) {
      throw fail('NODE_UNREADABLE', `line ${index + 1} is no metric: ${trimmed.slice(0, 80)}`);
    }
    return [series];
  });
}

/** `name`, or `name{label="value",...}` with the labels in order of name: one text per series. */
export function seriesKey({ name, labels }: Pick<Series, 'name' | 'labels'>): string {
  const pairs = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => `${label}="${value.replaceAll(/["\\\n]/g, escaped)}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

// Sticky, and each begins with what the one before cannot end with: linear time.
const nameAt = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const labelAt = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,?)/y;

/** One line, without spaces around it; undefined: it is no sample. */
export function readSeries(line: string): Series | undefined {
  const name = matchAt(nameAt, line, 0)?.[0];
  if (name === undefined) return undefined;
  const rest = line.slice(name.length).trimStart();
  const labelled = rest.startsWith('{') ? readLabels(rest) : { labels: {}, rest };
  if (labelled === undefined) return undefined;
  const word = labelled.rest.trim().split(/\s/, 1)[0] ?? '';
  const value = readValue(word);
  return value === undefined ? undefined : { name, labels: labelled.labels, value };
}

function readLabels(
  text: string,
): { readonly labels: Readonly<Record<string, string>>; readonly rest: string } | undefined {
  const labels: [string, string][] = [];
  let at = 1;
  for (let more = true; more; ) {
    const match = matchAt(labelAt, text, at);
    if (match === undefined) break;
    const [whole, label = '', value = '', comma] = match;
    labels.push([label, value.replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))]);
    at += whole.length;
    more = comma === ',';
  }
  const rest = text.slice(at).trimStart();
  if (!rest.startsWith('}')) return undefined;
  return { labels: Object.fromEntries(labels), rest: rest.slice(1) };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function readValue(word: string): number | undefined {
  if (word === 'NaN') return Number.NaN;
  const infinity = /^([-+]?)Inf$/.exec(word);
  if (infinity !== null) return infinity[1] === '-' ? -Infinity : Infinity;
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(word) ? Number(word) : undefined;
}

function escaped(character: string): string {
  return character === '\n' ? String.raw`\n` : `\\${character}`;
}
