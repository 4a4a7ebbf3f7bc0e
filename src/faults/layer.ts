// One layer of the ruleset: the effects that belong together (region links, or the faults in
// force) as nft objects whose names begin with the layer's name. A packet is marked with its class
// of senders, goes by its receiver to the chain of that class of receivers, and from there by its
// mark to the chain of the outcome: two lookups and no list of pairs, whatever the size.
import type { AddressBook } from './addresses.ts';
import { classesOf, type NodeClass } from './classes.ts';
import type { PlacedEffect } from './effect.ts';
import * as nft from './nft.ts';
import { type Outcome, Outcomes } from './outcomes.ts';
import { type ClassTable, maxClassesOnPort, needsClass } from './shaping.ts';

export type LayerInput = {
  /** First part of the names of its objects; its entry chain is called so. */
  readonly name: string;
  readonly effects: readonly PlacedEffect[];
  /** Effects of the layer below: where both shape a pair, one class does the work of both. */
  readonly beneath: readonly PlacedEffect[];
  readonly book: AddressBook;
  readonly countersOf: (fault: string) => Counters;
  readonly table: ClassTable;
};

export type Counters = { readonly matched: string; readonly dropped: string };

export type Layer = {
  readonly load: readonly nft.Statement[];
  /** Lines. */
  readonly remove: readonly string[];
  readonly problems: readonly string[];
};

/** Pairs of classes with an outcome; a network has a few dozen, thousands are a mistake. */
const maxClassPairs = 100_000;

/** In a fabric, where packets of all pairs come by. */
export function compileLayer(input: LayerInput): Layer {
  const { name, book, table } = input;
  const beneath = input.effects.some(shapes) ? input.beneath : [];
  const effects = [...input.effects, ...beneath];
  const own = input.effects.length;
  const senders = classesOf(
    book.nodes,
    effects.map(({ from }) => from),
  ).filter(hasOwn(own));
  const receivers = classesOf(
    book.nodes,
    effects.map(({ to }) => to),
  ).filter(hasOwn(own));
  if (senders.length * receivers.length > maxClassPairs * 10) return tooDifferent(senders.length);
  const outcomes = new Outcomes({ ...input, effects, own, duty: 'all', prefix: name });
  const columns = receivers.map((receiver) => columnOf(receiver, senders, { table, outcomes }));
  const pairs = columns.reduce((total, column) => total + column.length, 0);
  if (pairs > maxClassPairs || columns.some((column) => column.length > nft.chunkWeight)) {
    return tooDifferent(senders.length);
  }
  const used = new Set(columns.flatMap((column) => column.map(({ sender }) => sender)));
  const marks = [...used].toSorted((a, b) => a - b);
  const chains = chainsOf(name, columns);
  const sources = nft.addressMap(book, `${name}_src`, {
    type: 'mark',
    entries: marks.map((mark) => [senders[mark - 1]?.nodes ?? [], `${mark}`]),
  });
  const targets = nft.addressMap(book, `${name}_dst`, {
    type: 'verdict',
    entries: receivers.flatMap(({ nodes: members }, index) => {
      const chain = chains.names[index];
      return chain === undefined ? [] : [[members, `goto ${chain}`] as const];
    }),
  });
  return {
    load: [
      ...outcomes.statements(),
      ...chains.statements,
      ...nft.addMap(sources),
      ...nft.addMap(targets),
      nft.addChain(name),
      // The mark may be that of the layer below: a sender of no class has none here.
      nft.addRule(name, 'meta mark set 0'),
      ...nft
        .namesOf(sources)
        .map(([family, map]) => nft.addRule(name, `meta mark set ${family} saddr map @${map}`)),
      ...nft
        .namesOf(targets)
        .map(([family, map]) => nft.addRule(name, `${family} daddr vmap @${map}`)),
    ],
    remove: [
      nft.deleteChain(name),
      ...nft.deleteMap(sources),
      ...nft.deleteMap(targets),
      ...chains.remove,
      ...outcomes.remove(),
    ],
    problems: outcomes.problems(),
  };
}

type Cell = { readonly sender: number; readonly outcome: Outcome };

/** What packets of each class of senders meet on the way to one class of receivers. */
function columnOf(
  receiver: NodeClass,
  senders: readonly NodeClass[],
  { table, outcomes }: { readonly table: ClassTable; readonly outcomes: Outcomes },
): readonly Cell[] {
  const active = new Set(receiver.members);
  const cells: Cell[] = [];
  for (const [index, sender] of senders.entries()) {
    // No packet goes that way: what cannot be together there is no conflict.
    if (isOneNode(sender, receiver)) continue;
    const outcome = outcomes.of(sender.members.filter((effect) => active.has(effect)));
    if (outcome === undefined) continue;
    cells.push({ sender: index + 1, outcome });
    if (outcome.stateful) placeEach(table, outcome, { sender, receiver });
  }
  const shared = new Set(cells.map(({ outcome }) => outcome.lanes));
  for (const lanes of shared) {
    if (lanes !== undefined) for (const port of receiver.nodes) table.place(port, lanes);
  }
  return cells;
}

function placeEach(
  table: ClassTable,
  outcome: Outcome,
  { sender, receiver }: { readonly sender: NodeClass; readonly receiver: NodeClass },
): void {
  const first = receiver.nodes[0];
  if (first !== undefined && sender.nodes.length > maxClassesOnPort + 1) {
    table.tooMany(first);
    return;
  }
  for (const from of sender.nodes) {
    const lanes = outcome.lanesOf(from);
    for (const port of receiver.nodes) if (port !== from) table.place(port, lanes);
  }
}

/** One chain per distinct column; receivers whose columns are equal share it. */
function chainsOf(name: string, columns: readonly (readonly Cell[])[]) {
  const byText = new Map<string, string>();
  const names = columns.map((column) => {
    if (column.length === 0) return undefined;
    const text = column
      .map(({ sender, outcome }) => `${sender} : goto ${outcome.chain}`)
      .join(', ');
    const known = byText.get(text);
    if (known !== undefined) return known;
    const chain = `${name}_d${byText.size + 1}`;
    byText.set(text, chain);
    return chain;
  });
  const statements = [...byText].flatMap(([text, chain]) => [
    nft.addChain(chain),
    nft.addRule(chain, `meta mark vmap { ${text} }`, text.split(',').length),
  ]);
  return { names, statements, remove: [...byText.values()].map(nft.deleteChain) };
}

export function hasOwn(own: number): (one: NodeClass) => boolean {
  return ({ members }) => members.some((effect) => effect < own);
}

export function shapes({ impairment }: PlacedEffect): boolean {
  return impairment.kind === 'shape' && needsClass(impairment);
}

function isOneNode(sender: NodeClass, receiver: NodeClass): boolean {
  return (
    sender.nodes.length === 1 &&
    receiver.nodes.length === 1 &&
    sender.nodes[0] === receiver.nodes[0]
  );
}

function tooDifferent(classes: number): Layer {
  const problem = `the faults tell too many nodes apart (${classes} classes of senders)`;
  return { load: [], remove: [], problems: [problem] };
}
