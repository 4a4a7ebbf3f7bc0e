// YAML text -> plain value plus the place of every part of it. One document, YAML 1.2 core schema,
// anchors, aliases and merge keys. Guarantees: whatever the text, reading ends, never overflows the
// stack, and the value is a finite tree of at most 200,000 parts and 64 levels; what is refused is
// refused with a place. Aliases share their value, so an alias bomb is counted and never built.

import type { Alias, CST, Document, Node, YAMLError, YAMLMap } from 'yaml';
import { Composer, isAlias, isMap, isNode, isScalar, isSeq, Lexer, Parser } from 'yaml';
import { fail } from '../errors.ts';
import { ambiguity } from './ambiguity.ts';
import { type Position, positionsIn } from './positions.ts';
import { error, type Finding, type Path } from './problems.ts';
import { describeSyntaxError, refusalOf } from './refusals.ts';

const maxBytes = 2 ** 20;
const maxDepth = 64;
const maxParts = 200_000;
const refusalsAtMost = 1_000;

/** Characters of the text, from 0. */
export type Span = { readonly start: number; readonly end: number };

export type Place = {
  readonly key?: Span;
  readonly value: Span;
  /** Absent for scalars. */
  readonly children?: ReadonlyMap<string | number, Place>;
};

/** A finding that knows its place in the text. */
export type Located = Finding & { readonly span: Span };

export type YamlReading = {
  readonly value: unknown;
  readonly place: Place;
  /** The text is no acceptable YAML: nothing else can be said about it. */
  readonly refusals: readonly Located[];
  /** It is, but a reader of YAML 1.1 (kubectl) would see other values. */
  readonly ambiguities: readonly Located[];
};

export function readYaml(text: string): YamlReading {
  const nothing = { value: undefined, place: { value: { start: 0, end: 0 } }, ambiguities: [] };
  const refused = refusalOf(text, maxBytes);
  if (refused !== undefined) return { ...nothing, refusals: [refused] };
  const { tokens, refusal } = tokensOf(text);
  if (refusal !== undefined) return { ...nothing, refusals: [refusal] };
  const document = compose(tokens);
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) return { ...nothing, refusals: firstOfEachLine(text, syntax) };

  const positionOf = positionsIn(text);
  const reader: Reader = { positionOf, refusals: [], ambiguities: [], anchors: new Map() };
  const { value, place } = readNode(reader, document.contents, []);
  const { refusals, ambiguities } = reader;
  return refusals.length > 0 ? { ...nothing, refusals } : { value, place, refusals, ambiguities };
}

/** The parser keeps its own stack, the composer after it recurses: so depth is bounded here. */
function tokensOf(text: string): { tokens: CST.Token[]; refusal?: Located } {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  const refuse = (start: number, message: string) => ({
    tokens,
    refusal: { ...error([], message), span: { start, end: start + 1 } },
  });
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    // A document, one token per level, and a scalar at the end.
    if (parser.stack.length > maxDepth + 3) return refuse(parser.offset - 1, tooDeep);
  }
  tokens.push(...parser.end());
  const directive = tokens.find((token) => token.type === 'directive');
  if (directive !== undefined) {
    return refuse(directive.offset, 'directives (%) are not supported, remove this line');
  }
  const [, second] = tokens.filter((token) => token.type === 'document');
  if (second !== undefined) {
    return refuse(second.offset, 'a second document starts here, a file must hold exactly one');
  }
  return { tokens };
}

const tooDeep = `nested deeper than ${maxDepth} levels`;

function compose(tokens: CST.Token[]): Document.Parsed {
  // Duplicate keys are found below, with their path; the library's check is quadratic.
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false });
  const [document] = [...composer.compose(tokens, true, 0)];
  if (document === undefined) throw fail('INTERNAL', 'the YAML composer made no document');
  return document;
}

type Reader = {
  readonly positionOf: (span: Span) => Position;
  readonly refusals: Located[];
  readonly ambiguities: Located[];
  /** Undefined while the anchored value is still being read. */
  readonly anchors: Map<string, Reading | undefined>;
};

type Reading = {
  readonly value: unknown;
  readonly place: Place;
  /** Of a map only. */
  readonly map?: ReadonlyMap<string, Reading>;
  /** With all aliases written out. */
  readonly parts: number;
  readonly depth: number;
};

function readNode(reader: Reader, node: Node | null, path: Path): Reading {
  if (isAlias(node)) return readAlias(reader, node, path);
  const anchor = node?.anchor;
  if (anchor !== undefined) reader.anchors.set(anchor, undefined);
  const reading = readContent(reader, node, path);
  if (anchor !== undefined) reader.anchors.set(anchor, reading);
  return reading;
}

function readContent(reader: Reader, node: Node | null, path: Path): Reading {
  if (isMap(node)) return readMap(reader, node, path);
  if (isSeq(node)) {
    const items = node.items.map((item, index) => readNode(reader, nodeOf(item), [...path, index]));
    const children = new Map(items.map((item, index) => [index, item.place]));
    return collection(reader, path, {
      value: items.map((item) => item.value),
      place: { value: spanOf(node), children },
      members: items,
    });
  }
  const place = { value: spanOf(node) };
  return { value: readScalar(reader, node, path), place, parts: 1, depth: 1 };
}

function readScalar(reader: Reader, node: Node | null, path: Path): unknown {
  if (!isScalar(node)) return null;
  if (typeof node.value === 'number' && !Number.isFinite(node.value)) {
    refuse(reader, node, error(path, 'must be a number, infinity and nan are none'));
  }
  const message = node.type === 'PLAIN' ? ambiguity(node.source ?? '', node.value) : undefined;
  if (message !== undefined) {
    reader.ambiguities.push({ ...error(path, message), span: spanOf(node) });
  }
  return node.value;
}

function readMap(reader: Reader, node: YAMLMap, path: Path): Reading {
  const own = new Map<string, Reading>();
  const merged: ReadonlyMap<string, Reading>[] = [];
  for (const pair of node.items) {
    const keyNode = nodeOf(pair.key);
    const key = readKey(reader, keyNode, path);
    if (key === undefined) continue;
    const earlier = own.get(key)?.place.key;
    if (earlier !== undefined) {
      const { line } = reader.positionOf(earlier);
      const message = `the key is there already, on line ${line}`;
      refuse(reader, keyNode, error([...path, key], message, 'key'));
    } else if (key === '<<' && isScalar(keyNode) && keyNode.type === 'PLAIN') {
      merged.push(...readMerge(reader, nodeOf(pair.value), path));
    } else {
      const reading = readNode(reader, nodeOf(pair.value), [...path, key]);
      const span = spanOf(keyNode);
      const empty = reading.place.value.start === reading.place.value.end;
      const place = { ...reading.place, key: span, ...(empty ? { value: span } : {}) };
      own.set(key, { ...reading, place });
    }
  }
  // Own keys win over merged ones, earlier merges over later ones.
  const members = new Map([...merged.toReversed().flatMap((source) => [...source]), ...own]);
  return {
    ...collection(reader, path, {
      value: Object.fromEntries([...members].map(([key, { value }]) => [key, value])),
      place: {
        value: spanOf(node),
        children: new Map([...members].map(([key, { place }]) => [key, place])),
      },
      members: [...members.values()],
    }),
    map: members,
  };
}

function readKey(reader: Reader, node: Node | null, path: Path): string | undefined {
  const named = isScalar(node) && (node.type !== 'PLAIN' || node.source !== '');
  if (!named) {
    refuse(reader, node, error(path, 'a key must be text'));
    return undefined;
  }
  const key = node.source ?? '';
  if (key === '__proto__') {
    refuse(reader, node, error(path, 'the key __proto__ is not allowed'));
    return undefined;
  }
  const message = node.type === 'PLAIN' ? ambiguity(key, node.value, 'key') : undefined;
  if (message !== undefined) {
    reader.ambiguities.push({ ...error([...path, key], message, 'key'), span: spanOf(node) });
  }
  return key;
}

function readMerge(reader: Reader, node: Node | null, path: Path): ReadonlyMap<string, Reading>[] {
  const sources = isSeq(node) ? node.items.map(nodeOf) : [node];
  const maps = sources.map((source) => readNode(reader, source, [...path, '<<']).map);
  if (maps.includes(undefined)) {
    const message = 'must be a map or a list of maps, such as *anchor';
    refuse(reader, node, error([...path, '<<'], message));
  }
  return maps.filter((map) => map !== undefined);
}

function readAlias(reader: Reader, alias: Alias, path: Path): Reading {
  const target = reader.anchors.get(alias.source);
  if (target !== undefined) return target;
  const message = reader.anchors.has(alias.source)
    ? `*${alias.source} stands inside &${alias.source}`
    : `there is no anchor &${alias.source} before this`;
  refuse(reader, alias, error(path, message));
  return { value: null, place: { value: spanOf(alias) }, parts: 1, depth: 1 };
}

type Members = {
  readonly value: unknown;
  readonly place: Place;
  readonly members: readonly Reading[];
};

function collection(reader: Reader, path: Path, { value, place, members }: Members): Reading {
  let parts = 1;
  let depth = 1;
  for (const member of members) {
    parts += member.parts;
    depth = Math.max(depth, member.depth + 1);
  }
  if (reader.refusals.length === 0 && (parts > maxParts || depth > maxDepth)) {
    const message =
      depth > maxDepth ? tooDeep : `more than ${maxParts} values with all aliases written out`;
    reader.refusals.push({ ...error(path, message), span: place.value });
  }
  return { value, place, parts, depth };
}

function refuse(reader: Reader, node: Node | null, finding: Finding): void {
  if (reader.refusals.length >= refusalsAtMost) return;
  reader.refusals.push({ ...finding, span: spanOf(node) });
}

function nodeOf(value: unknown): Node | null {
  return isNode(value) ? value : null;
}

function spanOf(node: Node | null): Span {
  const [start, end] = node?.range ?? [0, 0];
  return { start, end };
}

/** One slip makes the YAML library complain several times about a line. */
function firstOfEachLine(text: string, complaints: readonly YAMLError[]): Located[] {
  const positionOf = positionsIn(text);
  const lines = new Map<number, Located>();
  const last = text.trimEnd().length - 1;
  for (const complaint of complaints.slice(0, refusalsAtMost)) {
    const { span, ...finding } = describeSyntaxError(complaint);
    // What is missing at the end of the file is missing after its last character.
    const shown = span.start > last ? { start: last, end: last + 1 } : span;
    const { line } = positionOf(shown);
    if (!lines.has(line)) lines.set(line, { ...finding, span: shown });
  }
  return [...lines.values()];
}
