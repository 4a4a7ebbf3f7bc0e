// What may change on a running testnet: groups are scaled, faults come and go. All else was drawn
// or started by the plan. Said once, as data: the API server is told by rules (crd-rules.ts), the
// controller asks here, because the server cannot know what runs already while the controller has
// not said so.
import { valueAt } from './issues.ts';
import { error, type Finding, listed, type Path } from './problems.ts';
import type { Testnet } from './schema.ts';

/** Fields of `spec` that may differ, wholly or as the rest of this file says. */
export const changeable = {
  spec: ['groups', 'faults', 'afterRun'],
  group: ['count'],
  /** Items come and go, but none changes while it keeps its name. */
  lists: ['faults'],
} as const;

export const groupsStay = 'groups cannot be added, removed or moved while the testnet runs';
export const cannotChange = (what: string) => `${what} cannot change while the testnet runs`;
export const itemStays = (list: string) =>
  `an entry of ${list} cannot change while the testnet runs, give the changed one a new name`;

/** Why the second may not take the place of the first, which runs; empty if it may. */
export function refusedChanges(before: Testnet, after: Testnet): Finding[] {
  const [was, is] = [before.spec, after.spec];
  return [
    ...differing(was, is, changeable.spec).map((key) => error(['spec', key], cannotChange(key))),
    ...groupChanges(was.groups, is.groups),
    ...changeable.lists.flatMap((list) => itemChanges(['spec', list], was[list], is[list])),
  ];
}

type Named = { readonly name: string };

function groupChanges(was: readonly Named[], is: readonly Named[]): Finding[] {
  const [old, now] = [was.map(({ name }) => name), is.map(({ name }) => name)];
  if (!same(old, now)) {
    return [error(['spec', 'groups'], `${groupsStay}, they are ${listed(old)}`)];
  }
  return is.flatMap((group, index) =>
    differing(was[index] ?? group, group, changeable.group).map((key) =>
      error(['spec', 'groups', index, key], cannotChange(key)),
    ),
  );
}

function itemChanges(path: Path, was: readonly Named[], is: readonly Named[]): Finding[] {
  const old = new Map(was.map((item) => [item.name, item]));
  return is.flatMap((item, index) => {
    const before = old.get(item.name);
    if (before === undefined || same(before, item)) return [];
    return [error([...path, index], itemStays(String(path.at(-1))))];
  });
}

function differing(was: object, is: object, ignored: readonly string[]): string[] {
  const keys = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...keys].filter(
    (key) => !ignored.includes(key) && !same(valueAt(was, [key]), valueAt(is, [key])),
  );
}

/** Of plain values; an absent field is the same as an undefined one. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(valueAt(a, stepOf(a, key)), valueAt(b, stepOf(b, key))));
}

function stepOf(of: object, key: string): Path {
  return [Array.isArray(of) ? Number(key) : key];
}
