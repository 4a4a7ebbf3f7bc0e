// The spec of a Testnet and of a Fault as the API server knows it: made from the same zod schema
// as everything else, with the rules of crd-rules.ts. The definitions around it (names, columns,
// status) are in runtime/kubernetes/definitions.ts. The API may accept what `validate` refuses;
// then the controller says so with `validate`'s words. It never refuses what `validate` accepts.
import {
  faultObjectAdditions,
  faultTransition,
  testnetAdditions,
  transitionRules,
} from './crd-rules.ts';
import { documentSchema } from './json-schema.ts';
import { type Rule, type Structural, structural } from './structural.ts';

export type SpecStructure = {
  readonly spec: Structural;
  /** Of `metadata`: all that a definition may say about it. */
  readonly metadata: Structural;
  /** Rules at the root of the object. */
  readonly rules: readonly Rule[];
};

export function testnetStructure(): SpecStructure {
  return structureOf('Testnet');
}

export function faultStructure(): SpecStructure {
  return structureOf('Fault');
}

function structureOf(kind: 'Testnet' | 'Fault'): SpecStructure {
  const root = documentSchema(kind);
  const { spec = {}, metadata } = root.properties ?? {};
  const more = kind === 'Testnet' ? testnetAdditions() : faultObjectAdditions();
  const { description: _, ...name } = structural(root, metadata?.properties?.['name'] ?? {}, {
    at: 'metadata.name',
  });
  return {
    spec: { description: specTexts[kind], ...structural(root, spec, { at: 'spec', more }) },
    metadata: { type: 'object', properties: { name } },
    rules: kind === 'Testnet' ? transitionRules(spec) : [faultTransition],
  };
}

const specTexts = {
  Testnet: 'The network, what is broken when, and what must be true. The same as in a file.',
  Fault: 'A fault on a running testnet; exactly one kind.',
};
