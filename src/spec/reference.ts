// docs/spec.md: the reference of the spec, made from the same schema that checks it. A table for
// each object in the order of the document, with prose where one field cannot say it alone.
import { allowed, documentSchema, followed, type JsonSchema } from './json-schema.ts';
import * as prose from './reference-prose.ts';
import { tour } from './tour.ts';

export function specReference(): string {
  return [
    '# The spec',
    '<!-- Generated from src/spec/ by `npm run generate`. -->',
    prose.introduction,
    `\`\`\`yaml\n${tour}\`\`\``,
    'This is the tour: it shows the syntax. The specs in [examples](../examples) are for running.',
    `## Quantities\n\n${prose.quantities}`,
    `## Names\n\n${prose.names}`,
    section({ title: 'Selectors', text: prose.selectors, path: 'Selector' }),
    `## The clock of a run\n\n${prose.clock}`,
    '## The document',
    ...documentSections(),
    faultDocument(),
  ]
    .map((part) => part.trim())
    .join('\n\n')
    .concat('\n');
}

const root = documentSchema('Testnet');

/** Prose above the table of that object. */
const texts: Readonly<Record<string, string>> = {
  'spec.network.links[]': prose.regions,
  'spec.topology.edgesFrom': prose.edges,
  'spec.faults[]': prose.faults,
  'spec.expect[]': prose.claims,
};

type Section = { readonly title: string; readonly text?: string; readonly path: string };

function section({ title, text, path }: Section): string {
  const schema = path === 'Selector' ? root.$defs?.['Selector'] : undefined;
  return `## ${title}\n\n${text ?? ''}\n${fieldTable(root, schema ?? root, path)}`;
}

type Part = { readonly schema: JsonSchema; readonly path: string };

/** Depth first, so that a part follows what it is part of. */
function documentSections(): string[] {
  const walk = ({ schema, path }: Part): string[] => {
    const title = path === '' ? 'Testnet' : `\`${path}\``;
    const about = path === '' ? '' : (schema.description ?? '');
    const text = [cell(about), texts[path] ?? ''].filter((part) => part !== '');
    const parts = Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
      const place = path === '' ? key : `${path}.${key}`;
      const part = partOf(property, place);
      return part === undefined ? [] : walk(part);
    });
    const table = fieldTable(root, schema, path);
    return [[`### ${title}`, ...text, table].map((part) => part.trim()).join('\n\n'), ...parts];
  };
  return walk({ schema: root, path: '' });
}

/** The object with fields that a property is or lists. */
function partOf(property: JsonSchema, path: string): Part | undefined {
  if (property.$ref !== undefined) return undefined;
  if (Object.keys(property.properties ?? {}).length > 0) return { schema: property, path };
  const item = property.items;
  if (item === undefined || item === false) return undefined;
  return partOf(item, `${path}[]`);
}

function fieldTable(schemaRoot: JsonSchema, schema: JsonSchema, path: string): string {
  const rows = Object.entries(schema.properties ?? {}).map(([key, property]) => {
    const required = schema.required?.includes(key) ?? false;
    const isDefault = property.default !== undefined;
    const value = required && !isDefault ? 'required' : code(property.default);
    const description = followed(schemaRoot, { ...property }).description ?? '';
    const type = cell(typeText(schemaRoot, property));
    return `| \`${key}\` | ${type} | ${value} | ${cell(description)} |`;
  });
  const flat = path === 'Selector' ? '\n\n`not` has the same fields but for `not` itself.' : '';
  return `| field | type | default | description |\n|---|---|---|---|\n${rows.join('\n')}${flat}\n`;
}

function typeText(schemaRoot: JsonSchema, schema: JsonSchema): string {
  const name = schema.$ref?.split('/').at(-1);
  if (name !== undefined) return name === 'Selector' ? '[Selector](#selectors)' : name;
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((option) => typeText(schemaRoot, option)).join(' or ');
  }
  if (schema.enum !== undefined) return schema.enum.map(code).join(' ');
  if (schema.const !== undefined) return code(schema.const);
  if (schema.prefixItems !== undefined) {
    return `[${schema.prefixItems.map((item) => typeText(schemaRoot, item)).join(', ')}]`;
  }
  if (schema.type === 'array' && schema.items !== undefined && schema.items !== false) {
    return `list of ${typeText(schemaRoot, schema.items)}`;
  }
  const { additionalProperties: others, propertyNames } = schema;
  if (typeof others === 'object' && Object.keys(others).length > 0) {
    return `map of ${typeText(schemaRoot, propertyNames ?? {})} to ${typeText(schemaRoot, others)}`;
  }
  return allowed(schemaRoot, schema).replace(/^an? /, '');
}

function faultDocument(): string {
  const schema = documentSchema('Fault');
  const spec = schema.properties?.['spec'] ?? {};
  const table = fieldTable(schema, { ...spec, properties: spec.properties ?? {} }, 'spec');
  return `## The Fault document

A fault for a testnet that is running already: \`peerstorm fault apply FILE\`. Its name is
\`metadata.name\`. Without \`for\` it lasts until \`peerstorm fault clear NAME\`.

\`\`\`yaml
apiVersion: peerstorm.dev/v1alpha1
kind: Fault
metadata: { name: cable-cut }
spec: { testnet: tour, partition: { sides: [{ region: eu }] } }
\`\`\`

${table}`;
}

function code(value: unknown): string {
  if (value === undefined) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('<', '&lt;');
}
