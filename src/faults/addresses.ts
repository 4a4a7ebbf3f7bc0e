// The addresses of nodes as nft wants and prints them. They are the only text of others that goes
// into a ruleset, so each is parsed and written anew. An address that two nodes claim (one has just
// been given to another pod) belongs to the last of them: nft takes it once only.
import type { NodeName } from '../names.ts';

/** As nft names them. */
export type Family = 'ip' | 'ip6';

export type Addresses = ReadonlyMap<NodeName, readonly string[]>;

export type AddressBook = {
  /** Those that have an address. */
  readonly nodes: readonly NodeName[];
  /** IPv4 always, IPv6 where a node has such an address. */
  readonly families: readonly Family[];
  readonly of: (node: NodeName, family: Family) => readonly string[];
};

/** Throws a TypeError at what is no address. */
export function bookOf(addresses: Addresses): AddressBook {
  const owners = new Map<string, { readonly node: NodeName; readonly family: Family }>();
  for (const [node, list] of addresses) {
    for (const text of list) {
      const { address, family } = parsed(text);
      owners.set(address, { node, family });
    }
  }
  const lists = { ip: new Map<NodeName, string[]>(), ip6: new Map<NodeName, string[]>() };
  for (const [address, { node, family }] of owners) {
    const list = lists[family].get(node);
    if (list === undefined) lists[family].set(node, [address]);
    else list.push(address);
  }
  return {
    nodes: [...addresses.keys()].filter((node) => lists.ip.has(node) || lists.ip6.has(node)),
    families: lists.ip6.size > 0 ? ['ip', 'ip6'] : ['ip'],
    of: (node, family) => lists[family].get(node) ?? [],
  };
}

function parsed(text: string): { readonly address: string; readonly family: Family } {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (octets?.every((octet) => octet < 256)) return { address: octets.join('.'), family: 'ip' };
  const groups = groupsOf(text);
  if (groups === undefined) throw new TypeError('not an IP address');
  return { address: compressed(groups), family: 'ip6' };
}

/** The eight groups of an IPv6 address; undefined if it is none. */
function groupsOf(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = [...head, ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - groups.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const values = (list: readonly string[]) => list.map((group) => Number.parseInt(group, 16));
  return [...values(head), ...Array.from({ length: missing }, () => 0), ...values(tail)];
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zeros as `::`. */
function compressed(groups: readonly number[]): string {
  let best = { at: -1, length: 1 };
  for (let at = 0; at < groups.length; at += 1) {
    const end = groups.findIndex((group, index) => index >= at && group !== 0);
    const length = (end === -1 ? groups.length : end) - at;
    if (length > best.length) best = { at, length };
  }
  const hex = (list: readonly number[]) => list.map((group) => group.toString(16)).join(':');
  if (best.at < 0) return hex(groups);
  return `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`;
}
