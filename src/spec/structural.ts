// JSON Schema -> the structural schema of a CustomResourceDefinition: OpenAPI 3.0 without
// references, without unions (but int-or-string), and with a maximum on every text, list and map,
// since the API server bounds the cost of rules by them. What zod checks and this cannot say is
// left out, so the API takes everything that `validate` takes. What has no such form is a bug of
// the schema, and is said while the definitions are generated, never in a cluster.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
import { fail } from '../errors.ts';
import { followed, type JsonSchema } from './json-schema.ts';

/** A rule in CEL; `self` is what it stands at. */
export type Rule = {
  readonly rule: string;
  readonly message: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired';
  /** From `self`; the place that the message is about. */
  readonly fieldPath?: string;
};

export type Structural = {
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Structural;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: Structural;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: true;
  readonly maximum?: number;
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-list-type'?: 'map' | 'atomic';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
};

export type Structuring = {
  /** Where `schema` is in `root`, as in `spec.faults[].link`; below a reference: `#Selector`. */
  readonly at: string;
  /** What is added at which place. */
  readonly more?: Readonly<Record<string, Structural>>;
  /** False: lists of what has a name are lists like others. */
  readonly keyed?: false;
};

export function structural(root: JsonSchema, schema: JsonSchema, where: Structuring): Structural {
  const name = schema.$ref?.split('/').at(-1);
  const inside = name === undefined ? where : { ...where, at: `#${name}` };
  const whole = followed(root, schema);
  const description = descriptionOf(whole);
  return {
    ...(description === '' ? {} : { description }),
    ...shapeOf(root, whole, inside),
    ...where.more?.[inside.at],
    ...(name === undefined ? {} : where.more?.[where.at]),
  };
}

/** What `kubectl explain` shows. The server fills in no defaults: the object stays as written. */
function descriptionOf({ description, title, default: usual }: JsonSchema): string {
  const parts = [description ?? ''];
  if (title !== undefined) parts.push(`Must be ${title}.`);
  if (usual !== undefined && !isEmpty(usual)) {
    parts.push(`Default: ${typeof usual === 'string' ? usual : JSON.stringify(usual)}.`);
  }
  return parts.filter((part) => part !== '').join(' ');
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function shapeOf(root: JsonSchema, schema: JsonSchema, where: Structuring): Structural {
  if (schema.const !== undefined) return constant(schema.const);
  if (schema.enum !== undefined) return { type: 'string', enum: schema.enum };
  if (schema.anyOf !== undefined) return intOrString(root, schema.anyOf, where);
  switch (schema.type) {
    case 'object':
      return objectShape(root, schema, where);
    case 'array':
      return listShape(root, schema, where);
    case 'string':
      return textShape(schema, where);
    case 'integer':
      return { type: 'integer', format: 'int64', ...rangeOf(schema) };
    case 'number':
      return { type: 'number', ...rangeOf(schema) };
    case 'boolean':
      return { type: 'boolean' };
    case undefined:
      break;
  }
  throw fail('INTERNAL', `${where.at} has no type, a definition needs one`);
}

function constant(value: string | number | boolean): Structural {
  if (typeof value === 'number') return { type: 'integer', format: 'int64', enum: [value] };
  return { type: typeof value === 'boolean' ? 'boolean' : 'string', enum: [value] };
}

/** The one union that a structural schema may hold; limits count for the type they are about. */
function intOrString(
  root: JsonSchema,
  options: readonly JsonSchema[],
  { at }: Structuring,
): Structural {
  const whole = options.map((option) => followed(root, option));
  const number = whole.find(({ type }) => type === 'integer');
  const text = whole.find(({ type }) => type === 'string');
  if (whole.length !== 2 || number === undefined || text === undefined) {
    throw fail('INTERNAL', `${at} is a union, a definition has only those of integer and text`);
  }
  return {
    'x-kubernetes-int-or-string': true,
    ...limitsOf(text, ['pattern', 'maxLength']),
    ...rangeOf(number),
  };
}

function objectShape(root: JsonSchema, schema: JsonSchema, where: Structuring): Structural {
  const { properties = {}, required = [], additionalProperties: others } = schema;
  const { at } = where;
  if (typeof others === 'object' && Object.keys(others).length > 0) {
    const most = limitsOf(schema, ['maxProperties']);
    mustBeBounded(most.maxProperties ?? where.more?.[at]?.maxProperties, at);
    const value = structural(root, others, { ...where, at: `${at}{}` });
    return { type: 'object', additionalProperties: value, ...most };
  }
  const known = Object.entries(properties).map(([key, property]) => {
    const place = at === '' ? key : `${at}.${key}`;
    return [key, structural(root, property, { ...where, at: place })];
  });
  return {
    type: 'object',
    ...(known.length === 0 ? {} : { properties: Object.fromEntries(known) }),
    ...(required.length === 0 ? {} : { required }),
    ...(typeof others === 'object' ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
  };
}

function listShape(root: JsonSchema, schema: JsonSchema, where: Structuring): Structural {
  const { at } = where;
  const { prefixItems } = schema;
  const item = prefixItems?.[0] ?? (schema.items === false ? undefined : schema.items);
  if (item === undefined) throw fail('INTERNAL', `${at} is a list of nothing`);
  const alike = prefixItems?.every((one) => JSON.stringify(one) === JSON.stringify(item)) ?? true;
  if (!alike) throw fail('INTERNAL', `${at} is a tuple of different types`);
  const size = prefixItems?.length;
  const limits = size === undefined ? limitsOf(schema, ['minItems', 'maxItems']) : {};
  mustBeBounded(size ?? limits.maxItems, at);
  const named = followed(root, item).required?.includes('name') ?? false;
  const keyed = named && where.keyed !== false;
  return {
    type: 'array',
    items: structural(root, item, { ...where, at: `${at}[]` }),
    ...(size === undefined ? limits : { minItems: size, maxItems: size }),
    'x-kubernetes-list-type': keyed ? 'map' : 'atomic',
    ...(keyed ? { 'x-kubernetes-list-map-keys': ['name'] } : {}),
  };
}

function textShape(schema: JsonSchema, { at }: Structuring): Structural {
  mustBeBounded(schema.maxLength, at);
  return { type: 'string', ...limitsOf(schema, ['format', 'pattern', 'minLength', 'maxLength']) };
}

/** OpenAPI 3.0 says with a boolean that a bound is not allowed itself. */
function rangeOf(schema: JsonSchema): Structural {
  const { exclusiveMinimum } = schema;
  const above = exclusiveMinimum === undefined ? {} : { minimum: exclusiveMinimum };
  return {
    ...limitsOf(schema, ['minimum', 'maximum']),
    ...above,
    ...(exclusiveMinimum === undefined ? {} : { exclusiveMinimum: true }),
  };
}

type Limit = keyof JsonSchema & keyof Structural;
type Limits<K extends Limit> = { readonly [key in K]?: NonNullable<JsonSchema[key]> };

function limitsOf<K extends Limit>(schema: Limits<K>, keys: readonly K[]): Limits<K> {
  const limits: Limits<K> = {};
  for (const key of keys) {
    if (schema[key] !== undefined) Object.assign(limits, { [key]: schema[key] });
  }
  return limits;
}

function mustBeBounded(most: number | undefined, at: string): void {
  if (most === undefined) throw fail('INTERNAL', `${at} has no maximum, a definition needs one`);
}
