// The CustomResourceDefinitions of our objects. What users write comes from the schema of the spec,
// what machines write from wire-schema.ts; here are names, columns and what ties them together.
// They are files of the chart (`npm run generate`), and installed by it.
import type { z } from 'zod';
import { faultStructure, type SpecStructure, testnetStructure } from '../../spec/crd.ts';
import { jsonSchema } from '../../spec/json-schema.ts';
import { type Structural, structural } from '../../spec/structural.ts';
import { apiGroup, version } from './objects.ts';
import { faultObjectStatus, hostReport, networkState, testnetStatus } from './wire-schema.ts';

type Column = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
};

type Names = {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  /** `kubectl get peerstorm` lists what users write. */
  readonly categories?: readonly string[];
};

type Definition = {
  readonly names: Names;
  readonly schema: Structural;
  readonly columns: readonly Column[];
  readonly selectable?: readonly string[];
  readonly status: boolean;
};

/** By file name; each is a whole object for `kubectl apply`. */
export function definitions(): ReadonlyMap<string, unknown> {
  const all = [testnets(), faults(), networkStates(), hostReports()];
  return new Map(all.map((one) => [`${one.names.plural}.yaml`, definition(one)]));
}

function definition({ names, schema, columns, selectable, status }: Definition) {
  const { kind, plural } = names;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${apiGroup}`,
      labels: { 'app.kubernetes.io/name': 'peerstorm', 'app.kubernetes.io/part-of': 'peerstorm' },
    },
    spec: {
      group: apiGroup,
      scope: 'Namespaced',
      names: { ...names, listKind: `${kind}List`, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(status ? { subresources: { status: {} } } : {}),
          ...(selectable === undefined
            ? {}
            : { selectableFields: selectable.map((jsonPath) => ({ jsonPath })) }),
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
}

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Since when it is there.',
};
const ofCondition = (type: string, field: string) =>
  `.status.conditions[?(@.type=="${type}")].${field}`;

function testnets(): Definition {
  return {
    names: {
      kind: 'Testnet',
      plural: 'testnets',
      shortNames: ['tn'],
      categories: ['peerstorm'],
    },
    status: true,
    schema: written(testnetStructure(), {
      description: 'A network of nodes, the faults it goes through, and what must be true of it.',
      status: testnetStatus,
    }),
    columns: [
      text('Ready', ofCondition('Ready', 'status'), 'Are all nodes ready?'),
      text('Nodes', '.status.nodesReady', 'Ready, of those that are planned.'),
      text('Faults', '.status.faultsActive', 'In force, of all that are known.'),
      text('Verdict', '.status.verdict', 'How the run ended.'),
      text('Reason', ofCondition('Ready', 'reason'), 'Why it is, or is not, ready.'),
      age,
      { ...text('Accepted', ofCondition('Accepted', 'status'), 'Is the spec sound?'), priority: 1 },
      {
        name: 'Seed',
        type: 'integer',
        jsonPath: '.spec.randomSeed',
        description: 'randomSeed, if it is not the default.',
        priority: 1,
      },
      {
        ...text('Started', '.status.startedAt', 'Time 0.'),
        type: 'date',
        priority: 1,
      },
      {
        ...text('Message', ofCondition('Ready', 'message'), 'In words.'),
        priority: 1,
      },
    ],
  };
}

function faults(): Definition {
  return {
    names: {
      kind: 'Fault',
      plural: 'faults',
      shortNames: ['tnf'],
      categories: ['peerstorm'],
    },
    status: true,
    selectable: ['.spec.testnet'],
    schema: written(faultStructure(), {
      description: 'A fault on a running testnet. Deleting it heals the fault.',
      status: faultObjectStatus,
    }),
    columns: [
      text('Testnet', '.spec.testnet', 'The running testnet.'),
      text('Accepted', ofCondition('Accepted', 'status'), 'Is it sound?'),
      text('Start', '.status.start', 'Absolute.'),
      text('End', '.status.end', 'Absolute.'),
      text('Proof', '.status.proof', 'What counters and probes say.'),
      age,
      {
        ...text('Message', ofCondition('Accepted', 'message'), 'In words.'),
        priority: 1,
      },
    ],
  };
}

function networkStates(): Definition {
  return {
    names: { kind: 'NetworkState', plural: 'networkstates' },
    status: false,
    schema: exchanged(
      networkState,
      'Written by the controller for its agents: who is where, and what is in force when.',
    ),
    columns: [
      text('Testnet', '.testnet.name', 'The Testnet that this is about.'),
      {
        ...text('Generation', '.schedule.generation', 'Of the schedule.'),
        type: 'integer',
      },
      age,
    ],
  };
}

function hostReports(): Definition {
  return {
    names: { kind: 'HostReport', plural: 'hostreports' },
    status: false,
    schema: exchanged(hostReport, 'Written by the agent of a host: what it found and did there.'),
    columns: [
      { ...text('Reported', '.reportedAt', 'Newest word of the agent.'), type: 'date' },
      text('Version', '.agentVersion', 'Of the agent.'),
      age,
    ],
  };
}

function text(name: string, jsonPath: string, description: string): Column {
  return { name, type: 'string', jsonPath, description };
}

type Written = { readonly description: string; readonly status: z.ZodType };

/** What users write: `spec`, and the controller's `status`. */
function written({ spec, metadata, rules }: SpecStructure, more: Written): Structural {
  return {
    description: more.description,
    type: 'object',
    required: ['spec'],
    properties: { ...typeMeta, metadata, spec, status: structureOf(more.status) },
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
  };
}

/** What machines write: all of it beside `metadata`. */
function exchanged(schema: z.ZodType, description: string): Structural {
  const { properties = {}, required = [] } = structureOf(schema);
  return {
    description,
    type: 'object',
    required,
    properties: { ...typeMeta, metadata: { type: 'object' }, ...properties },
  };
}

/** The server puts its own words to these. */
const typeMeta = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
} as const satisfies Record<string, Structural>;

const byType: Structural = {
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
};

/**
 * With lists that are replaced as a whole: each has one writer, two testnets may have one name, the
 * server keeps no record of who wrote which of 2,000 entries, and an empty list stays a list.
 */
function structureOf(schema: z.ZodType): Structural {
  const root = jsonSchema(schema);
  return structural(root, root, { at: '', more: { conditions: byType }, keyed: false });
}
