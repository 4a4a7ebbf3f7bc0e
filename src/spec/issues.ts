// zod's issues -> findings in our words: what is wrong, what was there, what is allowed. The words
// for what is allowed come from the schema itself, so a message and docs/spec.md cannot disagree.
// Also used for the `config` of a kind, which has a schema of its own.
import type { z } from 'zod';
import { allowed, followed, type JsonSchema, jsonSchema, schemaAt } from './json-schema.ts';
import { nearest } from './nearest.ts';
import { error, type Finding, listed, type Path, quote } from './problems.ts';

/** Nobody reads more, and repairing more takes too long. */
export const findingsAtMost = 1_000;

type Issue = z.core.$ZodIssue;

export type ShapeFinding = Finding & {
  readonly unknown?: true;
  /** Of an unknown key: the known one that was probably meant. */
  readonly meant?: string;
};

/** All that a schema has against a value, one finding for a place. */
export function findingsOf(
  schema: z.ZodType,
  value: unknown,
  issues: readonly Issue[],
): ShapeFinding[] {
  const root = jsonSchema(schema);
  const findings = new Map<string, ShapeFinding>();
  for (const issue of issues) {
    for (const finding of describe(root, value, issue)) {
      const place = JSON.stringify(finding.path);
      if (!findings.has(place)) findings.set(place, finding);
      if (findings.size >= findingsAtMost) return withoutMisspelt([...findings.values()]);
    }
  }
  return withoutMisspelt([...findings.values()]);
}

/** A required key is not missing if it is there, spelt wrong. */
function withoutMisspelt(findings: readonly ShapeFinding[]): ShapeFinding[] {
  const misspelt = findings.flatMap(({ path, meant }) =>
    meant === undefined ? [] : [JSON.stringify([...path.slice(0, -1), meant])],
  );
  const places = new Set(misspelt);
  return findings.filter(({ path }) => !places.has(JSON.stringify(path)));
}

function describe(root: JsonSchema, value: unknown, issue: Issue): ShapeFinding[] {
  const path = pathOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, findingsAtMost).map((key) => unknownKey(root, path, key));
  }
  if (issue.code === 'invalid_key') {
    const names = schemaAt(root, path.slice(0, -1))?.propertyNames ?? {};
    const key = String(path.at(-1));
    return [error(path, `must be ${allowed(root, names)}, got ${quote(key)}`, 'key')];
  }
  const inner = issue.code === 'invalid_union' ? deepest(issue) : undefined;
  if (inner === undefined) return [wrongValue(root, valueAt(value, path), issue)];
  return inner.flatMap((nested) => describe(root, value, prefixed(path, nested)));
}

function unknownKey(root: JsonSchema, path: Path, key: string): ShapeFinding {
  const known = Object.keys(schemaAt(root, path)?.properties ?? {});
  const meant = nearest(key, known);
  const advice = meant === undefined ? `known here: ${listed(known)}` : `did you mean ${meant}?`;
  const finding = error([...path, key], `unknown key, ${advice}`, 'key');
  return { ...finding, unknown: true, ...(meant === undefined ? {} : { meant }) };
}

function wrongValue(root: JsonSchema, got: unknown, issue: Issue): Finding {
  const path = pathOf(issue.path);
  const schema = schemaAt(root, path) ?? {};
  const phrase = allowed(root, schema);
  if (got === undefined) return error(path, `missing, must be ${phrase}`);
  if (issue.code === 'custom') return error(path, `must be ${issue.message}, got ${shown(got)}`);
  const size = sizeOf(got);
  if (issue.code === 'too_big' && size !== undefined) {
    return error(path, `too long, got ${size}, allowed at most ${issue.maximum}`);
  }
  if (issue.code === 'too_small' && size !== undefined) {
    return error(path, `too short, got ${size}, allowed at least ${issue.minimum}`);
  }
  return error(path, `must be ${phrase}, got ${shown(got)}${advice(root, schema, got)}`);
}

/** What the user most likely wants to write instead. */
function advice(root: JsonSchema, schema: JsonSchema, got: unknown): string {
  const options = (schema.anyOf ?? [schema]).map((option) => followed(root, option));
  const type = options.length === 1 ? options[0]?.type : undefined;
  if (typeof got === 'number' && options.some(isQuantity)) {
    const share = got > 0 && got < 1 && options.some(({ pattern }) => pattern?.includes('%'));
    return share ? `, write ${Number((got * 100).toPrecision(6))}%` : ' (a unit is missing)';
  }
  if (typeof got !== 'string') {
    const scalar = typeof got === 'number' || typeof got === 'boolean';
    const free = type === 'string' && schema.pattern === undefined && schema.enum === undefined;
    return scalar && free ? `, write "${String(got)}" in quotes` : '';
  }
  if (type === 'boolean') {
    if (/^(?:y|yes|on|true)$/i.test(got)) return ', write true';
    return /^(?:n|no|off|false)$/i.test(got) ? ', write false' : '';
  }
  if ((type === 'integer' || type === 'number') && /^\d+(?:\.\d+)?$/.test(got)) {
    return ', write it without quotes';
  }
  const meant = nearest(got, (schema.enum ?? []).map(String));
  return meant === undefined ? '' : `, did you mean ${meant}?`;
}

function isQuantity(schema: JsonSchema): boolean {
  return schema.pattern?.startsWith(String.raw`^(\d`) ?? false;
}

/** A value as the user sees it, short. */
function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return value === null ? 'nothing' : 'a map';
}

function sizeOf(value: unknown): string | undefined {
  if (typeof value === 'string') return `${value.length} characters`;
  if (Array.isArray(value)) return value.length === 1 ? '1 item' : `${value.length} items`;
  return undefined;
}

type Union = Extract<Issue, { code: 'invalid_union' }>;

/** The issues of the option that the value got furthest into; undefined if into none. */
function deepest(issue: Union): readonly Issue[] | undefined {
  return issue.errors.find((issues) => issues.every((nested) => nested.path.length > 0));
}

function prefixed(path: Path, issue: Issue): Issue {
  return { ...issue, path: [...path, ...issue.path] };
}

function pathOf(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === 'symbol' ? String(step) : step));
}

export function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}
