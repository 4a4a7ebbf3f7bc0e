// One layer of the ruleset of one pod: the same as in a fabric, narrowed to the pairs that its node
// is a part of. One side of each pair is the node itself, so the address of the other side leads to
// the chain of the outcome: one lookup. A packet from one node to another meets the sender's
// classes and rejects, and the receiver's counters, drops and losses: together, what the algebra
// says.
import type { NodeName } from '../names.ts';
import { classesOf } from './classes.ts';
import type { PlacedEffect } from './effect.ts';
import { hasOwn, type Layer, type LayerInput, shapes } from './layer.ts';
import * as nft from './nft.ts';
import { Outcomes } from './outcomes.ts';
import { type Hook, hooksOf } from './place.ts';

export function compilePodLayer(input: LayerInput, node: NodeName): Layer {
  const parts = hooksOf({ kind: 'pod', node }).map((hook) => partOf(hook, input, node));
  return {
    load: parts.flatMap(({ load }) => load),
    remove: parts.flatMap(({ remove }) => remove),
    problems: parts.flatMap(({ problems }) => problems),
  };
}

/** What is done at one hook: of what comes in, or of what goes out. */
function partOf({ duty, suffix }: Hook, input: LayerInput, node: NodeName): Layer {
  const { book, table } = input;
  const [here, there, field] =
    duty === 'receive' ? (['to', 'from', 'saddr'] as const) : (['from', 'to', 'daddr'] as const);
  const mine = (list: readonly PlacedEffect[]) => list.filter((one) => one[here].includes(node));
  const own = mine(input.effects);
  const beneath = own.some(shapes) ? mine(input.beneath) : [];
  const effects = [...own, ...beneath];
  const name = `${input.name}${suffix}`;
  const outcomes = new Outcomes({ ...input, effects, own: own.length, duty, prefix: name });
  const peers = classesOf(
    book.nodes.filter((one) => one !== node),
    effects.map((effect) => effect[there]),
  ).filter(hasOwn(own.length));
  const entries = peers.flatMap(({ nodes, members }) => {
    const outcome = outcomes.of(members);
    if (outcome === undefined) return [];
    if (outcome.lanes !== undefined) table.place(node, outcome.lanes);
    if (outcome.stateful) for (const peer of nodes) table.place(node, outcome.lanesOf(peer));
    return [[nodes, `goto ${outcome.chain}`] as const];
  });
  const maps = entries.length === 0 ? [] : [mapOf(input, `${name}_peers`, entries)];
  return {
    load: [
      ...outcomes.statements(),
      nft.addChain(name),
      ...maps.flatMap((map) => [
        ...nft.addMap(map),
        ...nft
          .namesOf(map)
          .map(([family, peers]) => nft.addRule(name, `${family} ${field} vmap @${peers}`)),
      ]),
    ],
    remove: [nft.deleteChain(name), ...maps.flatMap(nft.deleteMap), ...outcomes.remove()],
    problems: outcomes.problems(),
  };
}

function mapOf(
  { book }: LayerInput,
  name: string,
  entries: readonly (readonly [readonly NodeName[], string])[],
): nft.AddressMap {
  return nft.addressMap(book, name, { type: 'verdict', entries });
}
