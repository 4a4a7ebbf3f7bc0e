// What an API server says of an object: the part of its validation that our definitions use,
// written anew from the documentation, so that definitions are tested where there is no cluster.
// The real one has the last word (test/cluster/crd.test.ts holds both against the same cases).
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
import { Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import type { Structural } from '../../src/spec/structural.ts';

type Place = { readonly schema: Structural; readonly value: unknown; readonly at: string };

/** Every complaint as `place: words`; `before` is the object that is replaced. */
export function complaints(schema: Structural, value: unknown, before?: unknown): string[] {
  const refused = refusals({ schema, value, at: '' });
  // Rules are asked of what has the right shape only.
  return refused.length > 0 ? refused : ruled({ schema, value, at: '' }, before);
}

function refusals(place: Place): string[] {
  const { schema, value, at } = place;
  const wrong = typeProblem(place);
  if (wrong !== undefined) return [`${at}: ${wrong}`];
  const own = valueProblems(place).map((problem) => `${at}: ${problem}`);
  if (Array.isArray(value)) {
    return [...own, ...sameKeys(place), ...itemsOf(place).flatMap(refusals)];
  }
  if (typeof value !== 'object' || value === null) return own;
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(value, key));
  return [
    ...own,
    ...missing.map((key) => `${at}.${key}: required`),
    ...fieldsOf(place).flatMap(refusals),
  ];
}

function typeProblem({ schema, value }: Place): string | undefined {
  const found = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  const whole = Number.isInteger(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    return whole || found === 'string' ? undefined : `${found} for int-or-string`;
  }
  const fits =
    schema.type === 'integer' ? whole : found === (schema.type === undefined ? '' : schema.type);
  return fits ? undefined : `${found} for ${schema.type}`;
}

function valueProblems({ schema, value }: Place): string[] {
  const size = sizeOf(value);
  const number = typeof value === 'number' ? value : undefined;
  const text = typeof value === 'string' ? value : undefined;
  const least = schema.minItems ?? schema.minProperties ?? schema.minLength;
  const most = schema.maxItems ?? schema.maxProperties ?? schema.maxLength;
  const { minimum, exclusiveMinimum, maximum, pattern } = schema;
  const tests: [boolean, string][] = [
    [size !== undefined && least !== undefined && size < least, 'too short'],
    [size !== undefined && most !== undefined && size > most, 'too long'],
    [number !== undefined && minimum !== undefined && number < minimum, 'too small'],
    [number !== undefined && exclusiveMinimum === true && number === minimum, 'too small'],
    [number !== undefined && maximum !== undefined && number > maximum, 'too big'],
    [schema.enum?.includes(value) === false, 'not in enum'],
    [
      text !== undefined && pattern !== undefined && !RE2JS.compile(pattern).matcher(text).find(),
      'pattern',
    ],
  ];
  return tests.flatMap(([fails, words]) => (fails ? [words] : []));
}

/** The server counts runes. */
function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'string') return Array.from(value).length;
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : undefined;
}

function sameKeys({ schema, value, at }: Place): string[] {
  const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
  if (key === undefined || !Array.isArray(value)) return [];
  const keys = value.map((item: unknown) => Object(item)[key] as unknown);
  return keys.flatMap((one, index) =>
    keys.indexOf(one) < index ? [`${at}[${index}]: duplicate`] : [],
  );
}

function itemsOf({ schema, value, at }: Place): Place[] {
  const { items } = schema;
  if (!Array.isArray(value) || items === undefined) return [];
  return value.map((item: unknown, index) => ({
    schema: items,
    value: item,
    at: `${at}[${index}]`,
  }));
}

/** Unknown ones are pruned, or refused by those who ask for strict validation. */
function fieldsOf({ schema, value, at }: Place): Place[] {
  return Object.entries(Object(value)).flatMap(([key, field]) => {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    return known === undefined ? [] : [{ schema: known, value: field, at: `${at}.${key}` }];
  });
}

/** Rules that speak of the object before are for updates; ours of that kind are at the root. */
function ruled(place: Place, before: unknown): string[] {
  const { schema, at } = place;
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule, message }) => {
    const transition = rule.includes('oldSelf');
    if (transition && before === undefined) return [];
    const self = celOf(schema, place.value);
    const context = transition ? { self, oldSelf: celOf(schema, before) } : { self };
    return cel(rule, context) === true ? [] : [`${at}: ${message}`];
  });
  return [
    ...own,
    ...[...itemsOf(place), ...fieldsOf(place)].flatMap((child) => ruled(child, undefined)),
  ];
}

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
});
const parsed = new Map<string, ReturnType<Environment['parse']>>();

function cel(rule: string, context: Record<string, unknown>): unknown {
  const expression = parsed.get(rule) ?? environment.parse(rule);
  parsed.set(rule, expression);
  return expression(context);
}

/** As a rule sees it: integers are no floats, and fields named like words of CEL are `__for__`. */
function celOf(schema: Structural, value: unknown): unknown {
  if (typeof value === 'number') {
    const integer = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
    return integer ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return itemsOf({ schema, value, at: '' }).map(celOfPlace);
  if (typeof value !== 'object' || value === null) return value;
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return value;
  const fields = fieldsOf({ schema, value, at: '' });
  return Object.fromEntries(
    fields.map((field) => {
      const key = field.at.slice(1);
      return [key === 'for' ? '__for__' : key, celOfPlace(field)];
    }),
  );
}

function celOfPlace({ schema, value }: Place): unknown {
  return celOf(schema, value);
}
