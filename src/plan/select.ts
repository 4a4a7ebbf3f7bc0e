// Selectors -> names of nodes, in the order of the plan. Fields of one selector are ANDed, a list
// ORs its members, `not` takes away, `sample` comes last and keeps the k smallest hashes of
// (randomSeed, what it is for, node): a node more changes at most one of them. Equal selectors give
// the same array, so that the effects of a large testnet share their sets.
import type { NodeName } from '../names.ts';
import { quantity } from '../quantities/quantities.ts';
import { hashNumber } from '../random.ts';
import { error, type Path } from '../spec/problems.ts';
import type { FlatSelector, Role, Selector } from '../spec/schema.ts';
import { type Report, unknownName } from './problem.ts';

export type Member = {
  readonly name: NodeName;
  readonly group: string;
  readonly index: number;
  /** '' without regions. */
  readonly region: string;
  readonly role: Role;
};

/** All nodes of a testnet, as selectors see them. */
export type Roster = {
  readonly randomSeed: number;
  readonly members: readonly Member[];
  /** Names of the members. */
  readonly everybody: readonly NodeName[];
  readonly groups: ReadonlySet<string>;
  readonly regions: ReadonlySet<string>;
};

export type SelectPlace = {
  /** Of the selector, from the document's root. */
  readonly path: Path;
  /** What a sample is for: the fault or expectation, and which of its selectors. */
  readonly draw: readonly string[];
};

/** The nodes, or [] with a problem reported. */
export type Select = (
  selector: Selector,
  place: SelectPlace,
  report: Report,
) => readonly NodeName[];

/** Selects from a roster; arrays are remembered by the text of the selector. */
export function selectFrom(roster: Roster): Select {
  const remembered = new Map<string, readonly NodeName[]>();
  const names = new Set<string>(roster.everybody);
  return (selector, place, report) => {
    let sound = true;
    const note: Report = (problem) => {
      sound = false;
      report(problem);
    };
    checkNames(selector, { ...roster, names }, (path, message) =>
      note(error([...place.path, ...path], message)),
    );
    if (!sound) return [];
    const drawn = selector.sample !== undefined || selector.not?.sample !== undefined;
    const key = JSON.stringify([selector, drawn ? place.draw : []]);
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const selected = evaluate(roster, selector, { place, report: note });
    if (selected.length === 0 && sound) note(error(place.path, 'selects no node'));
    const shared = selected.length === roster.everybody.length ? roster.everybody : selected;
    if (sound) remembered.set(key, shared);
    return sound ? shared : [];
  };
}

type Where = { readonly place: SelectPlace; readonly report: Report };

function evaluate(roster: Roster, selector: Selector, where: Where): readonly NodeName[] {
  const { not, ...own } = selector;
  const matching = roster.members.filter(matches(own));
  const { path, draw } = where.place;
  const without =
    not === undefined
      ? new Set<NodeName>()
      : new Set(
          sampled(roster, roster.members.filter(matches(not)), {
            selector: not,
            where: { ...where, place: { path: [...path, 'not'], draw: [...draw, 'not'] } },
          }),
        );
  const left = matching.filter(({ name }) => !without.has(name));
  return sampled(roster, left, { selector: own, where });
}

function matches(selector: FlatSelector): (member: Member) => boolean {
  const group = wanted(selector.group, selector.groups);
  const node = wanted(selector.node, selector.nodes);
  const region = wanted(selector.region, selector.regions);
  const role = wanted(selector.role, selector.roles);
  return (member) =>
    group(member.group) && node(member.name) && region(member.region) && role(member.role);
}

function wanted(
  one: string | undefined,
  several: readonly string[] | undefined,
): (value: string) => boolean {
  if (one === undefined && several === undefined) return () => true;
  const values = new Set([...(one === undefined ? [] : [one]), ...(several ?? [])]);
  return (value) => values.has(value);
}

function sampled(
  roster: Roster,
  members: readonly Member[],
  { selector, where }: { readonly selector: FlatSelector; readonly where: Where },
): readonly NodeName[] {
  const names = members.map(({ name }) => name);
  const { sample } = selector;
  if (sample === undefined || names.length === 0) return names;
  const count = typeof sample === 'number' ? sample : shareOf(sample, names.length);
  const { path, draw } = where.place;
  const problem = (message: string) => where.report(error([...path, 'sample'], message));
  if (count === 0) problem(`${sample} of ${nodes(names.length)} rounds to zero`);
  if (count > names.length) problem(`asks for ${count} of ${nodes(names.length)}`);
  return smallest(names, count, (name) => hashNumber(roster.randomSeed, 'sample', ...draw, name));
}

/** Rounded to the nearest number of nodes. */
function shareOf(share: string, count: number): number {
  // 12 digits: half of a node is not lost to 0.145 x 100 = 14.499999999999998.
  return Math.round(Number((quantity('ratio', share) * count).toPrecision(12)));
}

/** The `count` names with the smallest ranks, in the order in which they came. */
function smallest(
  names: readonly NodeName[],
  count: number,
  rankOf: (name: NodeName) => number,
): readonly NodeName[] {
  const chosen = new Set(
    names
      .map((name) => ({ name, rank: rankOf(name) }))
      .sort((a, b) => a.rank - b.rank)
      .slice(0, count)
      .map(({ name }) => name),
  );
  return names.filter((name) => chosen.has(name));
}

function nodes(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`;
}

type Known = Pick<Roster, 'groups' | 'regions'> & { readonly names: ReadonlySet<string> };

function checkNames(
  selector: Selector,
  known: Known,
  problem: (path: Path, message: string) => void,
): void {
  const check = (field: 'group' | 'node' | 'region', names: ReadonlySet<string>) => {
    const one = selector[field];
    if (one !== undefined && !names.has(one)) problem([field], unknownName(field, one, names));
    for (const [at, name] of (selector[`${field}s`] ?? []).entries()) {
      if (!names.has(name)) problem([`${field}s`, at], unknownName(field, name, names));
    }
  };
  check('group', known.groups);
  check('node', known.names);
  check('region', known.regions);
  const { not } = selector;
  if (not !== undefined) {
    checkNames(not, known, (path, message) => problem(['not', ...path], message));
  }
}
