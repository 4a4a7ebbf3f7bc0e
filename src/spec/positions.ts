// Where in the text: offsets to lines and columns, paths to offsets.
import type { Finding } from './problems.ts';
import type { Place, Span } from './yaml.ts';

export type Position = {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** Cut to one line, without the white space at its end; at least 1. */
  readonly length: number;
};

/** Of many spans of one text. */
export function positionsIn(text: string): (span: Span) => Position {
  const starts = [0, ...text.matchAll(/\n/g).map((match) => match.index + 1)];
  return ({ start, end }) => {
    const line = lineOf(starts, start);
    const lineEnd = starts[line + 1] ?? text.length;
    const length = text.slice(start, Math.min(end, lineEnd)).trimEnd().length;
    const column = start - (starts[line] ?? 0) + 1;
    return { line: line + 1, column, length: Math.max(1, length) };
  };
}

/** The last line that starts at or before the offset, by halving. */
function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}

/** What a finding is about; of something missing, the nearest that is there. */
export function spanOfFinding(root: Place, { path, at }: Finding): Span {
  let here = root;
  for (const step of path) {
    const next = here.children?.get(step);
    if (next === undefined) return here.key ?? here.value;
    here = next;
  }
  const block = here.children !== undefined;
  return here.key !== undefined && (at === 'key' || block) ? here.key : here.value;
}
