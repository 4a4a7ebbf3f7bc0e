import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPatch, type Json, type JsonObject, patchOf } from './patch.ts';

const { json } = fc.letrec<{ leaf: Json; json: JsonObject }>((tie) => ({
  leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.integer(), { maxLength: 3 })),
  json: fc.dictionary(
    fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__'), fc.string()),
    fc.oneof<[fc.Arbitrary<Json>, fc.Arbitrary<JsonObject>]>(tie('leaf'), tie('json')),
    { maxKeys: 6, noNullPrototype: true },
  ),
}));

describe('a patch', () => {
  test('makes the one document of the other', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const patch = patchOf(before, after);
        expect(patch === undefined ? before : applyPatch(before, patch)).toEqual(after);
      }),
    );
  });

  test('of a row of documents leads through all of them, sent as JSON', () => {
    fc.assert(
      fc.property(fc.array(json, { minLength: 2, maxLength: 6 }), (row) => {
        let sent: JsonObject = {};
        let last: JsonObject = {};
        for (const next of row) {
          const text = JSON.stringify(patchOf(last, next) ?? {});
          sent = applyPatch(sent, JSON.parse(text) as JsonObject);
          last = next;
          expect(sent).toEqual(next);
        }
      }),
    );
  });

  test('is absent where nothing has changed', () => {
    fc.assert(
      fc.property(json, (one) => {
        expect(patchOf(one, structuredClone(one))).toBeUndefined();
      }),
    );
  });

  test('names nothing but what is different', () => {
    const before = { nodes: { a: { height: 1, tip: 'x' }, b: { height: 1 } }, edges: { 'a b': 1 } };
    const after = { nodes: { a: { height: 2, tip: 'x' }, b: { height: 1 } }, edges: {} };
    expect(patchOf(before, after)).toEqual({
      nodes: { a: { height: 2 } },
      edges: { 'a b': null },
    });
  });

  test('leaves the document as it was', () => {
    const before = { nodes: { a: { height: 1 } } };
    applyPatch(before, { nodes: { a: { height: 2 } } });
    expect(before).toEqual({ nodes: { a: { height: 1 } } });
  });
});
