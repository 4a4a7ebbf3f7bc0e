// The few forms that rules over several fields take.
import { error, type Finding, listed, type Path, quote } from './problems.ts';

/** Which of these fields are given. */
export function given<K extends string>(
  object: { readonly [key in K]?: unknown },
  keys: readonly K[],
): K[] {
  return keys.filter((key) => object[key] !== undefined);
}

/** Exactly one of the fields must be there. */
export function exactlyOne<K extends string>(
  path: Path,
  object: { readonly [key in K]?: unknown },
  keys: readonly K[],
): Finding[] {
  const [first, ...more] = given(object, keys);
  const choice = `exactly one of ${listed(keys, 'or')}`;
  if (first === undefined) return [error(path, `must have ${choice}, got none`)];
  return more.map((key) => error([...path, key], `stands beside ${first}, allowed is ${choice}`));
}

/** These fields mean nothing here. */
export function noneOf<K extends string>(
  path: Path,
  object: { readonly [key in K]?: unknown },
  rule: { readonly keys: readonly K[]; readonly because: string },
): Finding[] {
  return given(object, rule.keys).map((key) =>
    error([...path, key], `has no meaning here, ${rule.because}`, 'key'),
  );
}

/** Names in one list must differ. */
export function distinct(list: Path, items: readonly { readonly name: string }[]): Finding[] {
  const first = new Map<string, number>();
  return items.flatMap(({ name }, index) => {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    if (earlier === undefined) return [];
    const taken = `the name ${quote(name)} is taken by ${list.at(-1)}[${earlier}]`;
    return [error([...list, index, 'name'], `${taken}, names must differ`)];
  });
}
