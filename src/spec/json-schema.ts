// JSON Schema (draft 2020-12) of the documents, made from the zod schemas: what `peerstorm schema`
// prints and editors use. It is also how this room itself looks at the shape (for messages and for
// docs/spec.md), so that nothing depends on the insides of zod.
import { z } from 'zod';
import { listed, type Path } from './problems.ts';
import { faultDocument, testnet } from './schema.ts';

/** The part of JSON Schema that zod emits for our schemas. */
export type JsonSchema = {
  readonly $schema?: string | undefined;
  readonly $id?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly const?: string | number | boolean;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
};

const documents = {
  Testnet: { schema: testnet, id: 'https://peerstorm.dev/schema/v1alpha1/testnet.json' },
  Fault: { schema: faultDocument, id: 'https://peerstorm.dev/schema/v1alpha1/fault.json' },
};

/** The JSON Schema of a kind of document, as a user writes it (before defaults). */
export function documentSchema(kind: keyof typeof documents): JsonSchema {
  const { schema, id } = documents[kind];
  const { $schema, ...rest } = jsonSchema(schema);
  return { $schema, $id: id, title: `Peerstorm ${kind}`, ...rest };
}

/** Any zod schema, seen from outside. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const plain: JsonSchema = JSON.parse(JSON.stringify(made));
  return plain;
}

/** The schema of what is at that path, references followed; undefined where anything goes. */
export function schemaAt(root: JsonSchema, path: Path): JsonSchema | undefined {
  let here: JsonSchema | undefined = followed(root, root);
  for (const step of path) {
    const next = here === undefined ? undefined : stepInto(here, step);
    if (next === undefined) return undefined;
    here = followed(root, next);
  }
  return here;
}

/** Its own text wins over the one of what it refers to. */
export function followed(root: JsonSchema, schema: JsonSchema): JsonSchema {
  const name = schema.$ref?.split('/').at(-1);
  const target = name === undefined ? undefined : root.$defs?.[name];
  return target === undefined ? schema : { ...target, ...schema };
}

function stepInto(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  if (typeof step === 'number') {
    const item = schema.prefixItems?.[step] ?? schema.items;
    return item === false ? undefined : item;
  }
  const own = schema.properties;
  if (own !== undefined && Object.hasOwn(own, step)) return own[step];
  const other = schema.additionalProperties;
  return typeof other === 'object' ? other : undefined;
}

/** What is allowed there, as a phrase: `a whole number from 1 to 64`. */
export function allowed(root: JsonSchema, unresolved: JsonSchema): string {
  const schema = followed(root, unresolved);
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return listed(schema.enum.map(String), 'or');
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((option) => allowed(root, option)).join(' or ');
  }
  switch (schema.type) {
    case 'object':
      return 'a map';
    case 'array':
      return `a list${bounds(schema.minItems, schema.maxItems, ' items')}`;
    case 'string':
      return `text${bounds(schema.minLength, schema.maxLength, ' characters')}`;
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'boolean':
      return 'true or false';
    case undefined:
      break;
  }
  return 'anything';
}

function bounds(least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return '';
  if (least === most) return ` of ${least}${unit}`;
  if (most === undefined) return ` of at least ${least}${unit}`;
  const from = least === undefined ? 'at most' : `${least} to`;
  return ` of ${from} ${most}${unit}`;
}

function range({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const above = exclusiveMinimum === undefined ? '' : ` above ${exclusiveMinimum}`;
  const from = minimum === undefined ? above : ` from ${minimum}`;
  if (maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER) return from;
  return from.startsWith(' from') ? `${from} to ${maximum}` : `${from} and at most ${maximum}`;
}
