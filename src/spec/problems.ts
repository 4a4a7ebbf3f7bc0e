// What a user sees of a bad file. A finding names a place by its path in the document; a problem is
// a finding with line and column. Plan and kinds report findings too, so that every rule, wherever
// it lives, ends as `file:line:column: error: path: what, got, allowed` over the source line.

import type { Position } from './positions.ts';

export type Path = readonly (string | number)[];

/** Something that a rule has to say about a place in a document; `PlanProblem` is the same. */
export type Finding = {
  readonly path: Path;
  readonly message: string;
  readonly severity: 'error' | 'warning';
  /** Where the caret goes; by default under the value. */
  readonly at?: 'key' | 'value';
  /** It is about a file that the document names; the path says by what. */
  readonly elsewhere?: Elsewhere;
};

export type Elsewhere = Position & {
  readonly file: string;
  /** The text of that line. */
  readonly source: string;
};

export type SpecProblem = Omit<Finding, 'elsewhere'> &
  Position & {
    readonly file: string;
    /** The text of that line, where it is not of the file that was read. */
    readonly source?: string;
  };

/** More than this is the same mistake again and again. */
const shownAtMost = 100;
const codeWidth = 96;

const escape = String.fromCodePoint(27);
const paint = (code: number) => (text: string) => `${escape}[${code}m${text}${escape}[0m`;
const plain = (text: string) => text;
const colours = { bold: paint(1), error: paint(31), warning: paint(33), faint: paint(2) };
const noColours: typeof colours = { bold: plain, error: plain, warning: plain, faint: plain };

/** All problems as text, in the order of the file; ends with a newline unless there are none. */
export function formatProblems(
  problems: readonly SpecProblem[],
  { text, color = false }: { readonly text: string; readonly color?: boolean },
): string {
  const lines = text.split(/\r?\n/);
  const style = color ? colours : noColours;
  const shown = problems.slice(0, shownAtMost).map((problem) => {
    const place = `${printable(problem.file)}:${problem.line}:${problem.column}:`;
    const kind = style[problem.severity](`${problem.severity}:`);
    const message = `${style.bold(place)} ${kind} ${formatFinding(problem)}\n`;
    const source = problem.source ?? lines[problem.line - 1] ?? '';
    return message + excerpt(source, problem, style);
  });
  const left = problems.length - shown.length;
  if (left > 0) shown.push(`... and ${left} more problems\n`);
  return shown.join('');
}

/** `spec.groups[0].count: must be ...`: what is said where there is no file to point into. */
export function formatFinding({ path, message, elsewhere }: Finding): string {
  if (elsewhere !== undefined) {
    const { file, line, column } = elsewhere;
    return `${printable(`${file}:${line}:${column}`)}: ${printable(message)}`;
  }
  return `${path.length === 0 ? '' : `${formatPath(path)}: `}${printable(message)}`;
}

/** What `formatFinding` has said, as a finding again: a running testnet answers with text. */
export function findingSaid(text: string, severity: Finding['severity']): Finding {
  const [whole = '', place = ''] = /^([A-Za-z][\w-]*(?:\.[\w-]+|\[\d+\])*): /.exec(text) ?? [];
  const steps = place.match(/[\w-]+/g) ?? [];
  const path = steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  return { path, message: text.slice(whole.length), severity };
}

/** `['spec', 'groups', 0, 'count']` as `spec.groups[0].count`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `[${quote(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

/** Text in double quotes, on one line and of bounded length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

/** `a, b and c`; `word` joins the last two. */
export function listed(items: readonly string[], word: 'and' | 'or' = 'and'): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`;
}

export function error(path: Path, message: string, at?: 'key' | 'value'): Finding {
  return { path, message, severity: 'error', ...(at === undefined ? {} : { at }) };
}

export function warning(path: Path, message: string, at?: 'key' | 'value'): Finding {
  return { path, message, severity: 'warning', ...(at === undefined ? {} : { at }) };
}

/** The source line and a caret under it. A long line is cut to a window around the caret. */
function excerpt(line: string, problem: SpecProblem, style: typeof colours): string {
  const source = printable(line);
  const start = problem.column - 1;
  const from = source.length <= codeWidth ? 0 : Math.max(0, start - Math.floor(codeWidth / 2));
  const cutLeft = from > 0 ? '...' : '';
  const cutRight = source.length > from + codeWidth ? '...' : '';
  const code = `${cutLeft}${source.slice(from, from + codeWidth)}${cutRight}`.trimEnd();
  const indent = ' '.repeat(start - from + cutLeft.length);
  const width = Math.max(1, Math.min(problem.length, from + codeWidth - start));
  const number = String(problem.line).padStart(5);
  const bar = style.faint('|');
  const caret = style[problem.severity]('^'.repeat(width));
  return `${style.faint(number)} ${bar} ${code}\n      ${bar} ${indent}${caret}\n`;
}

/** Nothing of a file may steer the terminal: control and bidirectional characters become `?`. */
function printable(text: string): string {
  return text.replaceAll('\t', ' ').replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\uFEFF]/gu, '?');
}
