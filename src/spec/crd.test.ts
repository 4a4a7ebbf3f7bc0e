// What an API server makes of our definitions, by the interpreter in test/; the real one is asked
// the same in test/cluster/crd.test.ts.
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import {
  drawn,
  filesOnly,
  frozen,
  mistakes,
  type Spec,
  sound,
  testnet,
  thawed,
} from '../../test/fixtures/specs.ts';
import { validated } from '../../test/fixtures/validated.ts';
import { complaints } from '../../test/interpreter/api-server.ts';
import { acceptFault, acceptTestnet } from './accept.ts';
import { refusedChanges } from './changes.ts';
import { faultStructure, type SpecStructure, testnetStructure } from './crd.ts';
import { formatFinding } from './problems.ts';
import type { Structural } from './structural.ts';

const schema = objectSchema(testnetStructure());
const faultSchema = objectSchema(faultStructure());

function objectSchema({ spec, metadata, rules }: SpecStructure): Structural {
  const status: Structural = {
    type: 'object',
    properties: {
      planHash: { type: 'string', maxLength: 64 },
      start: { type: 'string', maxLength: 64 },
    },
  };
  const text: Structural = { type: 'string' };
  return {
    type: 'object',
    properties: { apiVersion: text, kind: text, metadata, spec, status },
    'x-kubernetes-validations': rules,
  };
}

function parsed(spec: Spec) {
  const result = acceptTestnet(testnet(JSON.parse(JSON.stringify(spec))));
  if ('problems' in result) throw new TypeError(result.problems.map(formatFinding).join('\n'));
  return result.accepted;
}

const running = { ...testnet(sound), status: { planHash: 'x' } };

describe('the definition of a Testnet', () => {
  test('takes a sound one', () => {
    expect(validated(sound)).toMatchObject({ warnings: [] });
    expect(complaints(schema, testnet(sound))).toEqual([]);
  });

  test.each([...mistakes, ...filesOnly])('refuses $name, as validate does', ({ spec, says }) => {
    const said = complaints(schema, testnet(spec)).join('\n');
    expect(said).toContain(says);
    expect(said).not.toBe('');
    expect(validated(spec)).toHaveProperty('problems');
  });

  test('takes whatever validate takes', { timeout: 60_000 }, () => {
    let taken = 0;
    fc.assert(
      fc.property(drawn, (spec) => {
        if ('problems' in validated(spec)) return;
        taken += 1;
        expect(complaints(schema, testnet(spec))).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(150);
  });
});

describe('a Testnet that runs', () => {
  test.each(frozen)('does not take $name', ({ spec, says }) => {
    const next = JSON.parse(JSON.stringify({ ...running, spec }));
    expect(complaints(schema, next, running).join('\n')).toContain(says);
    expect(refusedChanges(parsed(sound), parsed(spec)).map(formatFinding)).not.toEqual([]);
  });

  test.each(thawed)('can become $name', ({ spec }) => {
    expect(complaints(schema, { ...running, spec }, running)).toEqual([]);
    expect(refusedChanges(parsed(sound), parsed(spec))).toEqual([]);
  });

  test.each(frozen)('could become $name before it was accepted', ({ spec }) => {
    const next = JSON.parse(JSON.stringify(testnet(spec)));
    expect(complaints(schema, next, testnet(sound))).toEqual([]);
  });
});

describe('the definition of a Fault', () => {
  const fault = (spec: Spec) => ({ ...testnet(spec, 'cut'), kind: 'Fault' });
  const open = { testnet: 'tour', pause: { targets: {} } };

  test.each([
    { name: 'one without an end', spec: open },
    { name: 'one with a length', spec: { ...open, for: '30s' } },
    { name: 'a kill', spec: { testnet: 'tour', kill: { targets: {} } } },
  ])('takes $name', ({ spec }) => {
    expect(acceptFault(fault(spec))).toHaveProperty('accepted');
    expect(complaints(faultSchema, fault(spec))).toEqual([]);
  });

  test.each([
    { name: 'one of no testnet', spec: { pause: { targets: {} } }, says: 'testnet: required' },
    { name: 'none', spec: { testnet: 'tour' }, says: 'exactly one of' },
    {
      name: 'two in one',
      spec: { ...open, kill: { targets: {} } },
      says: 'exactly one of',
    },
    {
      name: 'a kill for a while',
      spec: { testnet: 'tour', for: '1s', kill: { targets: {} } },
      says: 'for has no meaning',
    },
  ])('refuses $name', ({ spec, says }) => {
    expect(acceptFault(fault(spec))).toHaveProperty('problems');
    expect(complaints(faultSchema, fault(spec)).join('\n')).toContain(says);
  });

  test('lets it change until its time is set', () => {
    const before = fault(open);
    const after = fault({ ...open, for: '30s' });
    const status = { start: '2026-01-01T00:00:00Z' };
    expect(complaints(faultSchema, after, before)).toEqual([]);
    expect(complaints(faultSchema, { ...after, status }, { ...before, status })).toEqual([
      ': a fault that has been accepted cannot change: delete it and create another',
    ]);
  });
});

describe('every definition', () => {
  const all = [schema, faultSchema].flatMap(parts);

  test('says what each field of a spec is', () => {
    const fields = [testnetStructure().spec, faultStructure().spec]
      .flatMap(parts)
      .flatMap(({ properties = {} }) => Object.entries(properties));
    expect(fields.filter(([, { description = '' }]) => description === '')).toEqual([]);
  });

  test('has patterns that Go understands', () => {
    const patterns = new Set(all.flatMap(({ pattern }) => pattern ?? []));
    expect(patterns.size).toBeGreaterThan(5);
    for (const pattern of patterns) expect(() => RE2JS.compile(pattern)).not.toThrow();
  });

  test('has no rule without words', () => {
    const rules = all.flatMap((part) => part['x-kubernetes-validations'] ?? []);
    expect(rules.filter(({ message, rule }) => message === '' || rule.includes('\n'))).toEqual([]);
  });
});

function parts(whole: Structural): Structural[] {
  const { properties = {}, items, additionalProperties } = whole;
  const below = [...Object.values(properties), items ?? [], additionalProperties ?? []].flat();
  return [whole, ...below.flatMap(parts)];
}
