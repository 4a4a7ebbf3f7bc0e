// nft text as a list of statements. The text is built from numbers, addresses that were parsed, and
// the fixed words below: no name that a user chose ever appears in it.
import type { NodeName } from '../names.ts';
import type { AddressBook, Family } from './addresses.ts';
import { tableName } from './ruleset.ts';

/** One command, and how much it adds to a transaction. */
export type Statement = { readonly text: string; readonly weight: number };

/** Rootless netlink refuses one transaction above about 15,000 elements, in some kernels fewer. */
export const chunkWeight = 1_500;

const table = `inet ${tableName}`;

/** Statements into transactions of a bounded size, in order. */
export function transactions(statements: readonly Statement[]): readonly string[] {
  const texts: string[] = [];
  let open: string[] = [];
  let weight = 0;
  for (const statement of statements) {
    if (open.length > 0 && weight + statement.weight > chunkWeight) {
      texts.push(textOf(open));
      open = [];
      weight = 0;
    }
    open.push(statement.text);
    weight += statement.weight;
  }
  if (open.length > 0) texts.push(textOf(open));
  return texts;
}

export function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

export function addCounter(name: string): Statement {
  return { text: `add counter ${table} ${name}`, weight: 1 };
}

/** A map from addresses: one for each family, with what each is to hold. */
export type AddressMap = {
  readonly name: string;
  readonly type: 'mark' | 'verdict' | 'classid';
  readonly elements: Readonly<Partial<Record<Family, readonly string[]>>>;
};

/** Its name in each of its families. */
export function namesOf({ name, elements }: AddressMap): readonly (readonly [Family, string])[] {
  const families = ['ip', 'ip6'] as const;
  return families
    .filter((family) => elements[family] !== undefined)
    .map((family) => [family, nameIn({ name }, family)]);
}

function nameIn({ name }: Pick<AddressMap, 'name'>, family: Family): string {
  return family === 'ip' ? name : `${name}6`;
}

export function addMap(map: AddressMap): readonly Statement[] {
  return namesOf(map).flatMap(([family, name]) => {
    const key = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
    const head = `add map ${table} ${name} { type ${key} : ${map.type}; }`;
    return [{ text: head, weight: 1 }, ...addElements(name, map.elements[family] ?? [])];
  });
}

export function addChain(name: string): Statement {
  return { text: `add chain ${table} ${name}`, weight: 1 };
}

export function addRule(chain: string, rule: string, weight = 1): Statement {
  return { text: `add rule ${table} ${chain} ${rule}`, weight };
}

/** Before all others of the chain. */
export function insertRule(chain: string, rule: string): string {
  return `insert rule ${table} ${chain} ${rule}`;
}

/** As many statements as keep each below the size of a transaction. */
function addElements(map: string, elements: readonly string[]): readonly Statement[] {
  const statements: Statement[] = [];
  for (let at = 0; at < elements.length; at += chunkWeight) {
    const part = elements.slice(at, at + chunkWeight);
    statements.push({
      text: `add element ${table} ${map} { ${part.join(', ')} }`,
      weight: part.length,
    });
  }
  return statements;
}

export function flushChain(name: string): string {
  return `flush chain ${table} ${name}`;
}

export function deleteChain(name: string): string {
  return `delete chain ${table} ${name}`;
}

/** Flushed first: kernels before 6.5 let go of the chains that elements name only then. */
export function deleteMap(map: AddressMap): readonly string[] {
  return namesOf(map).flatMap(([, name]) => deleteMapNamed(name));
}

export function deleteMapNamed(name: string): readonly string[] {
  return [`flush map ${table} ${name}`, `delete map ${table} ${name}`];
}

type Entries = {
  readonly type: AddressMap['type'];
  readonly entries: readonly (readonly [nodes: readonly NodeName[], value: string])[];
};

/** From all addresses of these nodes, in every family. */
export function addressMap(
  book: AddressBook,
  name: string,
  { type, entries }: Entries,
): AddressMap {
  const elementsOf = (family: Family) =>
    entries.flatMap(([nodes, value]) =>
      nodes.flatMap((node) => book.of(node, family).map((address) => `${address} : ${value}`)),
    );
  const elements = Object.fromEntries(book.families.map((one) => [one, elementsOf(one)]));
  return { name, type, elements };
}
