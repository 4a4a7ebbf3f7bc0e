// Text on a terminal: colour that can be off, widths as terminals count them, and no control
// characters from anybody but us.
import { stripVTControlCharacters, styleText } from 'node:util';
import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

export function painter(color: boolean): Paint {
  return (style, text) => (color ? styleText(style, text, { validateStream: false }) : text);
}

/** Text from a spec or a node, without what would move the cursor or change colours. */
export function safe(text: string): string {
  return stripVTControlCharacters(text)
    .toWellFormed()
    .replace(/(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, ' ');
}

/** The same on one line. */
export function oneLine(text: string): string {
  return safe(text)
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim();
}

export function pad(text: string, width: number, side: 'left' | 'right' = 'right'): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return side === 'right' ? text + space : space + text;
}

/** Exactly as wide as given, or shorter. */
export function cut(text: string, width: number): string {
  return cliTruncate(text, Math.max(1, width));
}

/** Words over several lines, the later ones indented. */
export function wrap(text: string, width: number, indent: number): string {
  const lines = wrapAnsi(text, Math.max(20, width - indent)).split('\n');
  return lines.join(`\n${' '.repeat(indent)}`);
}

type Column = {
  readonly title: string;
  readonly align?: 'right';
};

/** A plain table: columns two spaces apart, the last one ragged. */
export function columns(
  head: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): string {
  const all = rows.map((row) => row.map(oneLine));
  const widths = head.map(({ title }, i) =>
    Math.max(stringWidth(title), ...all.map((row) => stringWidth(row[i] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0, head[i]?.align === 'right' ? 'left' : 'right'))
      .join('  ')
      .trimEnd();
  const title = paint('dim', line(head.map((column) => column.title)));
  return [title, ...all.map(line)].join('\n');
}

const marks: Readonly<Record<string, { readonly sign: string; readonly style: Style }>> = {
  passed: { sign: '✓', style: 'green' },
  proved: { sign: '✓', style: 'green' },
  failed: { sign: '✗', style: 'red' },
  error: { sign: '!', style: 'yellow' },
  unproved: { sign: '✗', style: 'red' },
  inconclusive: { sign: '?', style: 'yellow' },
  pending: { sign: '·', style: 'dim' },
  active: { sign: '●', style: 'yellow' },
  planned: { sign: '○', style: 'dim' },
  over: { sign: '·', style: 'dim' },
  cleared: { sign: '·', style: 'dim' },
};

/** The sign of a status in its colour. */
export function mark(status: string, paint: Paint): string {
  const { sign, style } = marks[status] ?? { sign: ' ', style: 'dim' };
  return paint(style, sign);
}
