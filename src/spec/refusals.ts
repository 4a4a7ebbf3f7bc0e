// Texts that are refused before or by the YAML parser, with words that a user understands.
import type { YAMLError } from 'yaml';
import { error } from './problems.ts';
import type { Located } from './yaml.ts';

/** Why this text is not even tried, or undefined. */
export function refusalOf(text: string, maxBytes: number): Located | undefined {
  if (text.length > maxBytes || new TextEncoder().encode(text).length > maxBytes) {
    // How much more is not known: no more of a file is read than shows that it is too large.
    return refuse(0, `the file is too large, at most ${maxBytes / 2 ** 20} MiB is allowed`);
  }
  if (/^(?:\uFFFD\uFFFD|\0[^\0]\0[^\0]|[^\0]\0[^\0]\0)/u.test(text)) {
    return refuse(0, 'the file looks like UTF-16, save it as UTF-8');
  }
  if (text.startsWith('\uFEFF')) {
    return refuse(0, 'the file starts with a byte-order mark, save it as UTF-8 without one');
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) return refuse(nul, 'the file holds a NUL byte, it must be text');
  const broken = text.indexOf('\uFFFD');
  if (broken !== -1) return refuse(broken, 'the file is not UTF-8 here');
  const control = /(?![\t\n])\p{Cc}/u.exec(text.replaceAll('\r\n', ' \n'));
  if (control !== null) {
    const code = (control[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return refuse(control.index, `the control character U+${code} is not allowed`);
  }
  return text.trim() === '' ? refuse(0, 'the file is empty') : undefined;
}

function refuse(start: number, message: string): Located {
  return { ...error([], message), span: { start, end: start + 1 } };
}

const clearer: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'a tab in the indentation, use spaces',
  BLOCK_AS_IMPLICIT_KEY: 'a second ": " on this line, put text that holds one in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key must fit on one line (is a ":" missing, or the indentation off?)',
  BAD_SCALAR_START: 'text cannot start with this character, put it in quotes',
};

const otherWords: readonly (readonly [RegExp, string])[] = [
  [/sufficiently indented and end with a (.)$/, 'a $1 is missing before this, or indentation'],
  [/^missing closing ['"]quote$/, 'the quotes of a text before this are not closed'],
  [/^unresolved tag: (\S+)$/, 'the tag $1 is not known, remove it'],
];

function inOtherWords(complaint: string): string {
  for (const [pattern, words] of otherWords) {
    const match = pattern.exec(complaint);
    if (match !== null) return words.replace('$1', match[1] ?? '');
  }
  return complaint;
}

/** The YAML library's own complaint; the commonest ones in other words. */
export function describeSyntaxError(complaint: YAMLError): Located {
  const [start, end] = complaint.pos;
  const [first = ''] = complaint.message.split(/ at line \d+|\n/);
  const library = first.charAt(0).toLowerCase() + first.slice(1);
  const message = clearer[complaint.code] ?? inOtherWords(library);
  return { ...error([], message), span: { start, end: Math.max(end, start + 1) } };
}
