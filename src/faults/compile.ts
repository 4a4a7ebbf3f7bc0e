// Effects -> ruleset: the nft text and the traffic classes that make the algebra true in a router
// namespace through which every packet between nodes goes, or in the pods that they come from and
// go to. A ruleset is a whole state, not a change: it is loaded beside the one in force, one small
// transaction points the `active` chains at it, and the old one is deleted; so a packet sees either
// all of a change or nothing. The base layer (region links) comes first; then the lease gate, which
// lets everything pass once the lease has run out; then the faults. Names of nodes and faults never
// reach the text, only numbers do.
import { fail } from '../errors.ts';
import { type Addresses, bookOf } from './addresses.ts';
import { conflictsOf } from './classes.ts';
import type { PlacedEffect } from './effect.ts';
import { type Counters, compileLayer, type LayerInput } from './layer.ts';
import * as nft from './nft.ts';
import { hooksOf, type Place } from './place.ts';
import { compilePodLayer } from './pod-layer.ts';
import { type Loaded, type Minors, type Ruleset, tableName } from './ruleset.ts';
import { ClassTable } from './shaping.ts';

export type CompileInput = {
  /** Default: a fabric. */
  readonly place?: Place;
  readonly generation: number;
  /** The one in force, if any: its layers are kept if they say the same, or else retired. */
  readonly previous?: Ruleset;
  /** Nothing is kept: the kernel does not hold what it was given. */
  readonly afresh?: boolean;
  readonly base: readonly PlacedEffect[];
  /** Those in force from now on. */
  readonly effects: readonly PlacedEffect[];
  /** Of the nodes that exist; effects on others have nothing to hit yet. */
  readonly addresses: Addresses;
  /** Of the ruleset before, so that a class never changes its meaning. */
  readonly minors: Minors;
  /** A number for each fault, the same for the whole run: its counters are named by it. */
  readonly faultIds: ReadonlyMap<string, number>;
};

/** Throws ENFORCE_FAILED where the effects have no ruleset; the message says why. */
export function compile(input: CompileInput): Ruleset {
  const { place = { kind: 'fabric' }, generation, previous, effects } = input;
  const table = new ClassTable(input.minors);
  const [base, faults] = layersOf(input, { place, table });
  const leads = [base, faults].flatMap(({ kept, entry, layer: { number }, prefix }) =>
    (kept ? [] : hooksOf(place)).map(({ suffix }) => ({
      chain: `${entry}${suffix}`,
      verdict: `goto ${prefix}${number}${suffix}`,
    })),
  );
  const news = [base, faults].filter(({ kept }) => !kept);
  return {
    generation,
    load: news.flatMap(({ layer }) => layer.load),
    flip: nft.textOf(
      leads.flatMap(({ chain, verdict }) => [nft.flushChain(chain), rule(chain, verdict)]),
    ),
    overlay: nft.textOf(leads.map(({ chain, verdict }) => nft.insertRule(chain, verdict))),
    retire:
      previous === undefined
        ? ''
        : `${faults.kept ? '' : previous.faults.remove}${base.kept ? '' : previous.base.remove}`,
    classes: table.classes(),
    minors: table.minors,
    counters: Object.fromEntries(
      effects.map(({ fault }) => [fault, countersNamed(fault, input.faultIds)]),
    ),
    base: base.layer,
    faults: faults.layer,
  };
}

/** The transaction that makes our table, once; everything else hangs below its chains. */
export function skeleton(place: Place = { kind: 'fabric' }): string {
  return nft.textOf([
    `add table inet ${tableName}`,
    `add set inet ${tableName} lease { typeof meta nfproto; flags timeout; }`,
    nft.addCounter('lapsed').text,
    ...hooksOf(place).flatMap(({ chain, at, suffix, exempt, duty }) => [
      nft.addChain(`base${suffix}`).text,
      nft.addChain(`active${suffix}`).text,
      `add chain inet ${tableName} ${chain} { type filter hook ${at}; policy accept; }`,
      ...exempt.map((text) => rule(chain, text)),
      rule(chain, `jump base${suffix}`),
      // Each packet that is let through counts once, where it arrives.
      duty === 'all' || duty === 'receive'
        ? rule(chain, 'meta nfproto != @lease counter name lapsed accept')
        : rule(chain, 'meta nfproto != @lease accept'),
      rule(chain, `goto active${suffix}`),
    ]),
  ]);
}

/**
 * The transaction that lets faults go on for so long from now. Adding an element again does not
 * start its clock anew, so the set is emptied first; nobody sees it empty.
 */
export function renewLease(seconds: number): string {
  const timeout = `timeout ${Math.max(1, Math.round(seconds * 1_000))}ms`;
  return nft.textOf([
    `flush set inet ${tableName} lease`,
    `add element inet ${tableName} lease { ipv4 ${timeout}, ipv6 ${timeout} }`,
  ]);
}

type Compiled = {
  readonly prefix: 'b' | 'g';
  /** The chains that lead to it. */
  readonly entry: 'base' | 'active';
  /** It says the same as the one in force. */
  readonly kept: boolean;
  readonly layer: Loaded;
};

function layersOf(
  input: CompileInput,
  { place, table }: { readonly place: Place; readonly table: ClassTable },
): readonly [base: Compiled, faults: Compiled] {
  const { generation, base, effects, previous, faultIds, afresh = false } = input;
  const countersOf = (fault: string) => countersNamed(fault, faultIds);
  const shared = { book: bookOf(input.addresses), countersOf, table };
  const problems: string[] = [...conflictsOf(effects)];
  const layerOf = (prefix: 'b' | 'g', parts: Pick<LayerInput, 'effects' | 'beneath'>): Compiled => {
    const layerInput = { ...shared, ...parts, name: `${prefix}${generation}` };
    const layer =
      place.kind === 'pod' ? compilePodLayer(layerInput, place.node) : compileLayer(layerInput);
    problems.push(...layer.problems);
    const load = nft.transactions(layer.load);
    const before = prefix === 'b' ? previous?.base : previous?.faults;
    const kept = before !== undefined && !afresh && sameLayer(prefix, before, { generation, load });
    const loaded = { number: generation, load, remove: nft.textOf(layer.remove) };
    const entry = prefix === 'b' ? 'base' : 'active';
    return { prefix, entry, kept, layer: kept ? before : loaded };
  };
  const layers = [
    layerOf('b', { effects: base, beneath: [] }),
    layerOf('g', { effects, beneath: base }),
  ] as const;
  if (problems.length > 0) throw fail('ENFORCE_FAILED', [...new Set(problems)].join('; '));
  return layers;
}

/** True if but for the number in its names a layer is the one before. */
function sameLayer(
  prefix: string,
  before: Loaded,
  { generation, load }: { readonly generation: number; readonly load: readonly string[] },
): boolean {
  if (before.load.length !== load.length) return false;
  // A group of an IPv6 address may look like a name, but for the colon beside it.
  const name = new RegExp(`(?<![:\\w])${prefix}${generation}(?=[_\\s])`, 'g');
  const old = `${prefix}${before.number}`;
  return load.every((text, at) => text.replace(name, old) === before.load[at]);
}

function countersNamed(fault: string, faultIds: ReadonlyMap<string, number>): Counters {
  if (fault === '') return { matched: 'base_matched', dropped: 'base_dropped' };
  const id = faultIds.get(fault);
  if (id === undefined || !Number.isSafeInteger(id)) throw new TypeError('a fault has no number');
  return { matched: `f${id}_matched`, dropped: `f${id}_dropped` };
}

function rule(chain: string, text: string): string {
  return nft.addRule(chain, text).text;
}
