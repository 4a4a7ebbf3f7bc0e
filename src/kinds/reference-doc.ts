// docs/kinds.md, drawn from the kinds themselves: what each is, and its config field by field.
import { z } from 'zod';
import type { Kind, KindTable } from './kind.ts';

/** The whole text of docs/kinds.md. */
export function renderKinds(kinds: KindTable): string {
  return `# Kinds of node

<!-- Generated from src/kinds/ by \`npm run generate\`. -->

\`kind\` of a group says what software its nodes run. \`config\` belongs to the kind: its fields are
below, with \`*\` for any name and \`[]\` for every element of a list. A program that is given by name
is looked for on PATH; \`PEERSTORM_<NAME>\` in the environment (\`PEERSTORM_BITCOIND\`) says which one
to take instead.

${[...kinds.values()].map(renderKind).join('\n')}`;
}

function renderKind({ name, config, roles, needsRoutable, notes }: Kind): string {
  // As the user writes it: what has a default may be left out.
  const schema = shape.parse(z.toJSONSchema(config, { io: 'input' }));
  return [
    `## ${name}\n`,
    ...(schema.description === undefined ? [] : [`${schema.description}\n`]),
    `Roles: ${roles.map((role) => `\`${role}\``).join(', ')}.`,
    ...(needsRoutable
      ? ['Treats private addresses badly; give `network.addressing: { pool: public-like }`.']
      : []),
    '\n| field | what | default |\n|---|---|---|',
    ...fieldsIn(schema, '').map(row),
    ...(notes === undefined ? [] : [`\n${notes}`]),
    '',
  ].join('\n');
}

/** Of a JSON Schema, what is shown. */
type Shape = {
  readonly type?: string | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly properties?: Readonly<Record<string, Shape>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: Shape | undefined;
  readonly additionalProperties?: Shape | boolean | undefined;
};

const shape: z.ZodType<Shape> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    description: z.string().optional(),
    default: z.unknown().optional(),
    enum: z.array(z.unknown()).optional(),
    properties: z.record(z.string(), shape).optional(),
    required: z.array(z.string()).optional(),
    items: shape.optional(),
    additionalProperties: z.union([z.boolean(), shape]).optional(),
  }),
);

type Field = { readonly path: string; readonly shape: Shape; readonly required: boolean };

/** Depth first; what a list or map holds is a field only if it has fields itself. */
function fieldsIn({ properties, required, items, additionalProperties }: Shape, path: string) {
  const own = Object.entries(properties ?? {}).flatMap(([name, shape]): readonly Field[] => {
    const at = path === '' ? name : `${path}.${name}`;
    return [
      { path: at, shape, required: required?.includes(name) === true },
      ...fieldsIn(shape, at),
    ];
  });
  const each: readonly Field[] = items === undefined ? [] : fieldsIn(items, `${path}[]`);
  const any: readonly Field[] =
    typeof additionalProperties === 'object' ? fieldsIn(additionalProperties, `${path}.*`) : [];
  return [...own, ...each, ...any];
}

function row({ path, shape, required }: Field): string {
  const choices = shape.enum?.map((one) => `\`${String(one)}\``).join(', ');
  const what = [shape.description, choices === undefined ? undefined : `One of ${choices}.`]
    .filter((part) => part !== undefined)
    .join(' ');
  const fallback = shape.default === undefined ? '' : `\`${JSON.stringify(shape.default)}\``;
  return `| \`${path}\` | ${cell(what)} | ${required ? 'required' : cell(fallback)} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
