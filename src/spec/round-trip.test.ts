// Properties over documents drawn from the JSON Schema itself: whatever the shape allows survives
// being written and read, and a misspelt key is found on its own line.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { grammars, type QuantityKind } from '../quantities/quantities.ts';
import { valueAt } from './issues.ts';
import { documentSchema, followed, type JsonSchema, schemaAt } from './json-schema.ts';
import { positionsIn, spanOfFinding } from './positions.ts';
import type { Path } from './problems.ts';
import { repair } from './repair.ts';
import { testnet } from './schema.ts';
import { readYaml } from './yaml.ts';

const root = documentSchema('Testnet');
/** `compat` quotes what YAML 1.1 would read differently. */
const writing = { compat: 'yaml-1.1', version: '1.2' } as const;

/** What readers of YAML disagree about. */
const tricky = ['no', 'on', 'y', '010', '1_000', '1:30', '2020-01-01', '~', 'null', '0x1_0'];
const unsafeKeys = new Set(['__proto__']);

const documents = valuesOf(root).filter((value) => testnet.safeParse(value).success);

/** Values of the shape; lists stay short, so that documents stay readable when one fails. */
function valuesOf(unresolved: JsonSchema): fc.Arbitrary<unknown> {
  const schema = followed(root, unresolved);
  const kind = unresolved.$ref?.split('/').at(-1)?.toLowerCase();
  if (kind !== undefined && isQuantity(kind)) return quantitiesOf(kind);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valuesOf));
  if (schema.prefixItems !== undefined) return fc.tuple(...schema.prefixItems.map(valuesOf));
  switch (schema.type) {
    case 'object':
      return mapsOf(schema);
    case 'array': {
      const least = schema.minItems ?? 0;
      const item = schema.items === false ? {} : (schema.items ?? {});
      return fc.array(valuesOf(item), { minLength: least, maxLength: least + 2 });
    }
    case 'string':
      return stringsOf(schema);
    case 'integer': {
      const { minimum: min = 0, maximum: max = Number.MAX_SAFE_INTEGER } = schema;
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 20) }), fc.constant(max));
    }
    case 'number':
      return fc.double({ min: 0.001, max: schema.maximum ?? 1e9, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case undefined:
      break;
  }
  return fc.jsonValue({ maxDepth: 2 }).filter((value) => !hasUnsafeKey(value));
}

/** At any depth: reading refuses such a key. */
function hasUnsafeKey(value: unknown): boolean {
  return [...unsafeKeys].some((key) => JSON.stringify(value).includes(key));
}

function isQuantity(name: string): name is QuantityKind {
  return Object.hasOwn(grammars, name);
}

/** From 1 to 100 of any unit: no quantity has bounds inside these. */
function quantitiesOf(kind: QuantityKind): fc.Arbitrary<string> {
  const units = fc.constantFrom(...Object.keys(grammars[kind].units));
  return fc.tuple(fc.integer({ min: 1, max: 100 }), units).map(([amount, unit]) => amount + unit);
}

function mapsOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const fixed: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    fixed[key] = valuesOf(property);
  }
  const { additionalProperties: others, required = [] } = schema;
  const known = fc.record(fixed, { requiredKeys: [...required] });
  if (typeof others !== 'object') return known;
  const keys = schema.propertyNames === undefined ? fc.string() : stringsOf(schema.propertyNames);
  const safe = keys.filter((key) => !unsafeKeys.has(key) && printable(key));
  return fc.dictionary(safe, valuesOf(others).filter(printable), { minKeys: 1, maxKeys: 3 });
}

function stringsOf(unresolved: JsonSchema): fc.Arbitrary<string> {
  const { pattern, minLength = 0, maxLength = 80 } = followed(root, unresolved);
  if (pattern === undefined) {
    const text = fc.string({ minLength, maxLength: Math.min(maxLength, 40) });
    return fc.oneof(fc.constantFrom(...tricky), text).filter(printable);
  }
  const matching = fc.stringMatching(new RegExp(pattern), { maxLength });
  const fitting = tricky.filter((text) => new RegExp(pattern).test(text));
  return fitting.length === 0 ? matching : fc.oneof(matching, fc.constantFrom(...fitting));
}

/** A YAML file holds no control characters but escaped ones; here all text is written plainly. */
function printable(value: unknown): boolean {
  return (
    !/\p{Cc}|\uFFFD|\uFEFF/u.test(JSON.stringify(value)) &&
    !/\\u|\\[bfnrt]/.test(JSON.stringify(value))
  );
}

/** Every key of the document whose map knows its keys. */
function strictKeys(value: unknown, path: Path = []): Path[] {
  if (Array.isArray(value))
    return value.flatMap((item, index) => strictKeys(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  const strict = schemaAt(root, path)?.additionalProperties === false;
  return Object.entries(value).flatMap(([key, item]) => [
    ...(strict ? [[...path, key]] : []),
    ...strictKeys(item, [...path, key]),
  ]);
}

function renamed(value: unknown, path: Path, to: string): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((item, index) => (index === step ? renamed(item, rest, to) : item));
  }
  const entries = Object.entries(value).map(([key, item]) => {
    if (key !== step) return [key, item];
    return rest.length === 0 ? [to, item] : [key, renamed(item, rest, to)];
  });
  return Object.fromEntries(entries);
}

describe('a document of the right shape', { timeout: 60_000 }, () => {
  test('survives being written and read', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const { value, refusals, ambiguities } = readYaml(stringify(document, writing));
        expect(refusals).toEqual([]);
        expect(ambiguities).toEqual([]);
        expect(repair(testnet, value).spec).toEqual(testnet.parse(document));
      }),
      { numRuns: 60 },
    );
  });

  test('has a place for each of its parts, and the text there says it', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const text = stringify(document, writing);
        const { place, value } = readYaml(text);
        for (const path of strictKeys(document)) {
          const { start, end } = spanOfFinding(place, {
            path,
            message: '',
            severity: 'error',
            at: 'key',
          });
          expect(text.slice(start, end)).toBe(path.at(-1));
          expect(valueAt(value, path)).toEqual(valueAt(document, path));
        }
      }),
      { numRuns: 20 },
    );
  });

  test('with one key renamed is refused on the line of that key', () => {
    fc.assert(
      fc.property(
        documents,
        fc.nat(),
        fc.constantFrom('x', 'zzzzzzzzzzz'),
        (document, draw, end) => {
          const keys = strictKeys(document);
          const path = keys[draw % keys.length] ?? [];
          const key = `${String(path.at(-1))}${end}`;
          const text = stringify(renamed(document, path, key), writing);
          const { value, place } = readYaml(text);
          const lineOf = positionsIn(text);
          const lines = repair(testnet, value).findings.map((finding) => {
            const { line } = lineOf(spanOfFinding(place, finding));
            return [line, finding.path.at(-1)];
          });
          const written = text.split('\n').findIndex((line) => line.includes(`${key}:`));
          expect(lines).toContainEqual([written + 1, key]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
