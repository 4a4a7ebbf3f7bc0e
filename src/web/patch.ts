// The difference between two JSON documents, as RFC 7396 (JSON Merge Patch) has it: what the page
// is sent instead of the whole state. Objects are compared key by key, `null` takes a key away, and
// everything else is replaced whole. It guarantees that applying `patchOf(a, b)` to `a` gives `b`,
// for documents without null.
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/** Undefined: they are the same. */
export function patchOf(before: JsonObject, after: JsonObject): JsonObject | undefined {
  if (before === after) return undefined;
  const changes: [string, Json][] = [];
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) changes.push([key, null]);
  }
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isObject(value) && isObject(old)) {
      const inner = patchOf(old, value);
      if (inner !== undefined) changes.push([key, inner]);
    } else if (old === undefined || !isSame(old, value)) {
      changes.push([key, value]);
    }
  }
  // Not by assignment: a key may be `__proto__`.
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

/** What `patch` does not name is shared with `before`, which stays as it is. */
export function applyPatch(before: JsonObject, patch: JsonObject): JsonObject {
  const values = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(patch)) {
    const old = values.get(key);
    if (value === null) values.delete(key);
    else values.set(key, isObject(value) && isObject(old) ? applyPatch(old, value) : value);
  }
  return Object.fromEntries(values);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSame(a: Json, b: Json): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
}
