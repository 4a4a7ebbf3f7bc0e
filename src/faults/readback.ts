// What the kernel says it holds, beside what it was told. Pure: the texts come from
// `nft list table inet peerstorm` and `tc -s -j qdisc show`. Only our own table and our own root's
// leaves are looked at; what others keep there is none of our business.
import { z } from 'zod';
import type { NodeName } from '../names.ts';
import { skeleton } from './compile.ts';
import * as nft from './nft.ts';
import { hooksOf, type Place } from './place.ts';
import { type Ruleset, rootHandle, type TcClass } from './ruleset.ts';
import { leafLimit } from './tc.ts';

/** Differences between a ruleset in force and the table, one sentence each; empty if none. */
export function tableDifferences(
  { base, faults }: Ruleset,
  listing: string,
  place: Place = { kind: 'fabric' },
): readonly string[] {
  const wanted = stateOf([skeleton(place), ...base.load, ...faults.load]);
  for (const { suffix } of hooksOf(place)) {
    wanted.set(`base${suffix}`, [`goto b${base.number}${suffix}`]);
    wanted.set(`active${suffix}`, [`goto g${faults.number}${suffix}`]);
  }
  return differences(wanted, parseListing(listing));
}

/** True if the listed table has the chains at our hooks, as they are made today. */
export function hasSkeleton(listing: string, place: Place): boolean {
  const hooks = new Set(hooksOf(place).map(({ chain }) => chain));
  const wanted = [...stateOf([skeleton(place)])].filter(([name]) => hooks.has(name));
  return differences(new Map(wanted), parseListing(listing)).length === 0;
}

/**
 * Packets that overflowed a queue which was to delay them only. A rate fills its queue, and burst
 * loss is a drop of the same leaf: those are as asked.
 */
export function unplannedDrops(leaves: readonly Leaf[]): number {
  return leaves
    .filter(({ limit, shape }) => limit === leafLimit({}) && shape.burst === undefined)
    .reduce((sum, { drops }) => sum + drops, 0);
}

/** What earlier generations have left in a table: their numbers, and what deletes them. */
export function leftovers(listing: string): { readonly last: number; readonly remove: string } {
  const found = [...listing.matchAll(/^\t(chain|map) ([bg](\d+)(?:_\w+)?) \{$/gm)];
  const pick = (object: string) =>
    found.flatMap(([, kind, name = '']) => (kind === object ? [name] : []));
  const [chains, maps] = [pick('chain'), pick('map')];
  // Emptied before anything goes: then nothing leads anywhere any more, in whatever order.
  const lines = [
    ...chains.map(nft.flushChain),
    ...maps.flatMap(nft.deleteMapNamed),
    ...chains.map(nft.deleteChain),
  ];
  const last = Math.max(0, ...found.map(([, , , number]) => Number(number)));
  return { last, remove: nft.textOf(lines) };
}

export type Count = { readonly packets: number; readonly bytes: number };

/** The named counters of a listed table. */
export function countersIn(listing: string): ReadonlyMap<string, Count> {
  const pattern = /^\tcounter (\w+) \{\s+packets (\d+) bytes (\d+)\s+\}$/gm;
  return new Map(
    [...listing.matchAll(pattern)].map(([, name = '', packets, bytes]) => [
      name,
      { packets: Number(packets), bytes: Number(bytes) },
    ]),
  );
}

function differences(
  wanted: ReadonlyMap<string, readonly string[]>,
  found: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const problems: string[] = [];
  for (const [name, lines] of wanted) {
    const held = found.get(name);
    if (held === undefined) {
      problems.push(`${name} is not there`);
      continue;
    }
    const [lacks, has] = [surplus(lines, held), surplus(held, lines)];
    const parts = [
      ...(lacks === undefined ? [] : [`lacks '${lacks}'`]),
      ...(has === undefined ? [] : [`has '${has}'`]),
    ];
    if (parts.length > 0) problems.push(`${name} differs: ${parts.join(', ')}`);
  }
  return problems;
}

/** A leaf qdisc under our root. */
export type Leaf = {
  readonly device: string;
  readonly minor: number;
  readonly limit: number;
  readonly shape: TcClass['shape'];
  /** Packets that wait in it, and packets that it dropped because it was full. */
  readonly waiting: number;
  readonly drops: number;
};

/** Our leaves, from `tc -s -j qdisc show`. */
export function leavesOf(json: string): readonly Leaf[] {
  return qdiscs.parse(JSON.parse(json)).flatMap((one) => {
    const [major, minor] = one.parent?.split(':') ?? [];
    if (major !== rootHandle || minor === undefined) return [];
    const { delay, duplicate, corrupt, limit, 'loss-gemodel': burst } = one.options;
    return {
      device: one.dev,
      minor: Number.parseInt(minor, 16),
      limit: limit ?? 0,
      waiting: one.qlen ?? 0,
      drops: one.drops ?? 0,
      shape: {
        ...(delay !== undefined && {
          delayMs: delay.delay * 1_000,
          jitterMs: delay.jitter * 1_000,
        }),
        ...(duplicate !== undefined && { duplicateRatio: duplicate.duplicate }),
        ...(corrupt !== undefined && { corruptRatio: corrupt.corrupt }),
        ...(burst !== undefined && {
          burst: { enterRatio: burst.p, leaveRatio: burst.r, lossRatio: burst['1-h'] },
        }),
      },
    };
  });
}

/** Whose the root of a device is, from `tc -j qdisc show`: `ours`, `default`, or what it is. */
export function rootOf(json: string, device: string): string {
  const root = qdiscs
    .parse(JSON.parse(json))
    .find((one) => one.dev === device && one.root === true);
  if (root?.handle === `${rootHandle}:`) return 'ours';
  // The kernel's own (noqueue, fq_codel, mq, ...) have no number; whoever puts one there gives one.
  return root === undefined || root.handle === '0:' ? 'default' : `${root.kind} ${root.handle}`;
}

/** Our classes on a device, from the lines of `tc class show`, as they can be deleted. */
export function classesIn(text: string, port: NodeName): readonly TcClass[] {
  const pattern = new RegExp(
    `^class htb ${rootHandle}:(\\w+) (?:root|parent ${rootHandle}:(\\w+)) `,
  );
  const found = text.split('\n').flatMap((line) => {
    const [, minor, parent] = pattern.exec(line) ?? [];
    if (minor === undefined) return [];
    return [{ minor: Number.parseInt(minor, 16), parent: parent && Number.parseInt(parent, 16) }];
  });
  const parents = new Set(found.map(({ parent }) => parent));
  return found.map(({ minor, parent }) => ({
    port,
    minor,
    shape: {},
    ...(typeof parent === 'number' ? { parent } : {}),
    ...(parents.has(minor) ? { inner: true } : {}),
  }));
}

/** Differences between classes and the leaves that were found, one sentence each. */
export function classDifferences(
  wanted: readonly TcClass[],
  leaves: readonly Leaf[],
  device: (node: NodeName) => string,
): readonly string[] {
  const found = new Map(leaves.map((leaf) => [`${leaf.device} ${leaf.minor}`, leaf]));
  return wanted.flatMap((one) => {
    if (one.inner === true) return [];
    const leaf = found.get(`${device(one.port)} ${one.minor}`);
    const name = `class ${rootHandle}:${one.minor.toString(16)} on the port of ${one.port}`;
    if (leaf === undefined) return [`${name} is not there`];
    if (leaf.limit !== leafLimit(one.shape)) return [`${name} has another limit`];
    return sameShape(one.shape, leaf.shape) ? [] : [`${name} has another shape`];
  });
}

const share = z.number();
const qdiscs = z.array(
  z.object({
    kind: z.string(),
    handle: z.string(),
    root: z.boolean().optional(),
    dev: z.string(),
    parent: z.string().optional(),
    qlen: z.number().optional(),
    drops: z.number().optional(),
    options: z
      .object({
        limit: z.number().optional(),
        delay: z.object({ delay: z.number(), jitter: z.number() }).optional(),
        duplicate: z.object({ duplicate: share }).optional(),
        corrupt: z.object({ corrupt: share }).optional(),
        'loss-gemodel': z.object({ p: share, r: share, '1-h': share }).optional(),
      })
      .default({}),
  }),
);

/** Object -> its rules or elements, after all transactions; only what they add up to. */
function stateOf(transactions: readonly string[]): Map<string, readonly string[]> {
  const state = new Map<string, string[]>();
  const lines = transactions.join('').split('\n');
  for (const line of lines) {
    const match = /^(add|flush) (\w+) inet \w+ (\w+)(?: (.*))?$/.exec(line);
    const [, verb, object, name = '', rest = ''] = match ?? [];
    if (verb === 'flush') state.set(name, []);
    if (verb !== 'add' || object === 'counter' || name === 'lease') continue;
    const held = state.get(name) ?? [];
    if (object === 'rule') held.push(normal(rest));
    if (object === 'element') held.push(...elements(rest));
    state.set(name, held);
  }
  return state;
}

/** The same of `nft list table`: chains with their rules, maps with their elements. */
function parseListing(listing: string): Map<string, readonly string[]> {
  const state = new Map<string, readonly string[]>();
  for (const match of listing.matchAll(/^\t(chain|map) (\w+) \{\n([\s\S]*?)^\t\}$/gm)) {
    const [, object, name = '', body = ''] = match;
    const found = /elements = (\{[\s\S]*\})/.exec(body)?.[1] ?? '{ }';
    const rules = body
      .split('\n')
      .map(normal)
      .filter((line) => line !== '' && !line.startsWith('type '));
    state.set(name, object === 'map' ? elements(found) : rules);
  }
  return state;
}

function elements(text: string): readonly string[] {
  const items = text
    .replace(/^\{|\}$/g, '')
    .split(',')
    .map(normal);
  return items.filter((item) => item !== '').sort();
}

/**
 * nft prints marks as 0x00000001, names of counters in quotes, minors with leading zeros, and
 * protocols as numbers where there is no /etc/protocols, such as in a small image.
 */
function normal(text: string): string {
  return text
    .trim()
    .replace(/\s+/g, ' ')
    .replaceAll('"', '')
    .replace(/\bl4proto 6\b/, 'l4proto tcp')
    .replace(/\b0x([0-9a-f]+)\b/g, (_, digits: string) => `${Number.parseInt(digits, 16)}`)
    .replace(/\b([0-9a-f]+):0+(?=[0-9a-f])/g, '$1:');
}

/** The first of some that is not among others, as often as it is among them. */
function surplus(some: readonly string[], others: readonly string[]): string | undefined {
  const left = Map.groupBy(others, (line) => line);
  return some.find((line) => left.get(line)?.pop() === undefined);
}

function sameShape(wanted: TcClass['shape'], found: TcClass['shape']): boolean {
  return (
    // netem keeps times in ticks of 64 ns.
    near(wanted.delayMs, found.delayMs, 0.002) &&
    near(wanted.jitterMs, found.jitterMs, 0.002) &&
    near(wanted.duplicateRatio, found.duplicateRatio) &&
    near(wanted.corruptRatio, found.corruptRatio) &&
    near(wanted.burst?.enterRatio, found.burst?.enterRatio) &&
    near(wanted.burst?.leaveRatio, found.burst?.leaveRatio) &&
    near(wanted.burst?.lossRatio, found.burst?.lossRatio)
  );
}

function near(a = 0, b = 0, tolerance = 1e-6): boolean {
  return Math.abs(a - b) <= tolerance;
}
