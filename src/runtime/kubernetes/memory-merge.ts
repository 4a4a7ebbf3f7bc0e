// How documents are merged: RFC 7386, and server-side apply as far as our objects need it. Lists
// are atomic but for finalizers (a set) and conditions (by type).

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text as it is; anything else as JSON. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** RFC 7386: `null` removes. */
export function mergePatched(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const here = merged[key];
    if (value === null) delete merged[key];
    else if (isObject(value)) merged[key] = mergePatched(isObject(here) ? here : {}, value);
    else merged[key] = value;
  }
  return merged;
}

/**
 * What server-side apply makes of `current`: all that `wanted` says, minus what the same manager
 * said last time and does not say any more; what others own stays.
 */
export function applied(
  current: JsonObject,
  wanted: JsonObject,
  last: JsonObject = {},
): JsonObject {
  const merged: Record<string, Json> = { ...current };
  for (const key of Object.keys(last)) if (!Object.hasOwn(wanted, key)) delete merged[key];
  for (const [key, value] of Object.entries(wanted)) {
    merged[key] = appliedValue(key, { here: merged[key], value, before: last[key] });
  }
  return merged;
}

type Field = {
  readonly here?: Json | undefined;
  readonly value: Json;
  readonly before?: Json | undefined;
};

function appliedValue(key: string, { here, value, before }: Field): Json {
  if (isObject(value)) {
    return applied(isObject(here) ? here : {}, value, isObject(before) ? before : {});
  }
  if (!Array.isArray(value) || !Array.isArray(here)) return value;
  const old = Array.isArray(before) ? before : [];
  const keyed = { finalizers: (item: Json) => item, conditions: typeOf }[key];
  if (keyed === undefined) return value;
  const ours = new Set([...old, ...value].map(keyed));
  return [...here.filter((item) => !ours.has(keyed(item))), ...value];
}

function typeOf(condition: Json): Json {
  return isObject(condition) ? (condition['type'] ?? null) : null;
}
