// What can happen to a packet in one layer: each distinct composition of effects is one chain that
// counts for every fault that has a part in it, loses, drops or rejects, and chooses the traffic
// class. Loss is one draw per fault, one after the other: they compose as 1 - prod(1 - p) by
// themselves, and each fault's counter shows what it alone has taken.
import type { NodeName } from '../names.ts';
import { combine, distinctEffects, impairmentKey, shapeKey } from './algebra.ts';
import type { PlacedEffect, Shape } from './effect.ts';
import type { Counters, LayerInput } from './layer.ts';
import * as nft from './nft.ts';
import type { Duty } from './place.ts';
import { rootHandle } from './ruleset.ts';
import { isStateful, type Lanes, needsClass } from './shaping.ts';

export type Outcome = {
  readonly chain: string;
  /** The classes, the same for all peers; none if stateful or not shaped. */
  readonly lanes?: Lanes;
  /** Each peer (whoever does not own the port) has classes of its own. */
  readonly stateful: boolean;
  /** Those of one peer, remembered for the map that sends its packets there. */
  lanesOf(peer: NodeName): Lanes;
};

type Kind = 'drop' | 'reject' | 'shape';
type Draft = Outcome & {
  readonly kind: Kind;
  readonly effects: readonly PlacedEffect[];
  readonly shape: Shape;
  readonly byPeer: Map<NodeName, Lanes>;
};

type OutcomesInput = LayerInput & {
  /** How many of the effects are the layer's own; the rest are beneath. */
  readonly own: number;
  readonly duty: Duty;
  /** Chains are called so, and numbered. */
  readonly prefix: string;
};

export class Outcomes {
  readonly #input: OutcomesInput;
  readonly #bySet = new Map<string, Draft | undefined>();
  readonly #byContent = new Map<string, Draft>();
  readonly #problems = new Set<string>();

  constructor(input: OutcomesInput) {
    this.#input = input;
  }

  /** Of the pairs that are under exactly these effects; undefined if the layer leaves them be. */
  of(indexes: readonly number[]): Outcome | undefined {
    const key = indexes.join(',');
    if (!this.#bySet.has(key)) this.#bySet.set(key, this.#compose(indexes));
    return this.#bySet.get(key);
  }

  problems(): readonly string[] {
    return [...this.#problems, ...this.#input.table.problems];
  }

  /** Chains of all outcomes that were asked for. */
  statements(): readonly nft.Statement[] {
    const drafts = [...this.#byContent.values()];
    const { countersOf, duty } = this.#input;
    const counting = duty === 'shape' ? [] : drafts;
    const names = counting.flatMap(({ effects }) =>
      faultsOf(effects).flatMap((fault) => Object.values(countersOf(fault))),
    );
    return [
      ...[...new Set(names)].map(nft.addCounter),
      ...drafts.flatMap((draft) => this.#chain(draft)),
    ];
  }

  remove(): readonly string[] {
    return [...this.#byContent.values()].flatMap((draft) => [
      nft.deleteChain(draft.chain),
      ...this.#mapsOf(draft).flatMap(({ map }) => nft.deleteMap(map)),
    ]);
  }

  #compose(indexes: readonly number[]): Draft | undefined {
    const { effects: all, own, prefix, table, duty } = this.#input;
    const pick = (wanted: readonly number[]) =>
      distinctEffects(wanted.flatMap((index) => all[index] ?? []));
    const effects = pick(indexes.filter((index) => index < own));
    if (effects.length === 0) return undefined;
    const alone = combine(effects.map(({ impairment }) => impairment));
    // The class does the work of both layers; drops and losses of the one below are its own.
    const whole =
      alone.kind === 'shape' && needsClass(alone)
        ? combine(pick(indexes).map(({ impairment }) => impairment))
        : alone;
    if (whole.kind === 'conflict' || alone.kind === 'conflict') {
      if (whole.kind === 'conflict') this.#problems.add(whole.reason);
      return undefined;
    }
    const shapes = duty === 'all' || duty === 'shape';
    const shape = shapes && whole.kind === 'shape' && needsClass(whole) ? shapeOf(whole) : {};
    const kind = alone.kind === 'clear' ? 'shape' : alone.kind;
    if (duty === 'shape' && !needsClass(shape)) return undefined;
    if (duty === 'refuse' && kind !== 'reject') return undefined;
    const key = contentOf(effects, shape);
    const known = this.#byContent.get(key);
    if (known !== undefined) return known;
    const draft = draftOf({
      chain: `${prefix}_o${this.#byContent.size + 1}`,
      kind,
      effects,
      shape,
    });
    this.#byContent.set(key, draft);
    return draft;

    function draftOf(content: Pick<Draft, 'chain' | 'kind' | 'effects' | 'shape'>): Draft {
      const byPeer = new Map<NodeName, Lanes>();
      const stateful = isStateful(shape);
      return {
        ...content,
        byPeer,
        stateful,
        ...(stateful || !needsClass(shape) ? {} : { lanes: table.lanes(shape) }),
        lanesOf(peer) {
          const lanes = byPeer.get(peer) ?? table.lanes(shape, peer);
          byPeer.set(peer, lanes);
          return lanes;
        },
      };
    }
  }

  #chain(draft: Draft): readonly nft.Statement[] {
    const { chain, kind } = draft;
    const { duty } = this.#input;
    const rules = duty === 'shape' ? [] : this.#verdicts(draft);
    const maps = kind === 'shape' ? this.#mapsOf(draft) : [];
    return [
      nft.addChain(chain),
      ...rules.map((rule) => nft.addRule(chain, rule)),
      ...maps.flatMap(({ map }) => nft.addMap(map)),
      ...(kind === 'shape' ? this.#priorityRules(draft) : []).map((rule) =>
        nft.addRule(chain, rule),
      ),
    ];
  }

  #verdicts({ effects, kind }: Draft): readonly string[] {
    const { countersOf, duty } = this.#input;
    const matched = countAll(faultsOf(effects).map((fault) => countersOf(fault).matched));
    const biting = effects.filter(({ impairment }) => impairment.kind === kind);
    const dropped = countAll(faultsOf(biting).map((fault) => countersOf(fault).dropped));
    // What a pod rejects on its way out comes to the other one only before the rules are there.
    if (kind === 'drop' || (kind === 'reject' && duty === 'receive')) {
      return [`${matched} ${dropped} drop`];
    }
    if (kind === 'reject') {
      return [
        `${matched} ${dropped}`,
        'meta l4proto tcp reject with tcp reset',
        'reject with icmpx admin-prohibited',
      ];
    }
    return [
      matched,
      ...effects.flatMap(({ fault, impairment }) => {
        const loss = impairment.kind === 'shape' ? (impairment.lossRatio ?? 0) : 0;
        return lossRules(loss, countersOf(fault));
      }),
    ];
  }

  /** The choice of class: that of most packets, then a share of them is moved to the late one. */
  #priorityRules(draft: Draft): readonly string[] {
    const { lanes, shape } = draft;
    const late = shape.reorder === undefined ? '' : draw(shape.reorder.shareRatio);
    if (lanes !== undefined) {
      return [
        ...(lanes.prompt === undefined ? [] : [`meta priority set ${classId(lanes.prompt.minor)}`]),
        ...(lanes.late === undefined
          ? []
          : [`${late} meta priority set ${classId(lanes.late.minor)}`]),
      ];
    }
    const field = this.#input.duty === 'all' ? 'saddr' : 'daddr';
    return this.#mapsOf(draft).flatMap(({ map, lane }) =>
      nft.namesOf(map).map(([family, name]) => {
        const set = `meta priority set ${family} ${field} map @${name}`;
        return lane === 'late' ? `${late} ${set}`.trim() : set;
      }),
    );
  }

  /** From each peer to its own class. */
  #mapsOf({ chain, stateful, shape, byPeer }: Draft) {
    if (!stateful) return [];
    const { book } = this.#input;
    const of = (name: string, lane: 'prompt' | 'late') => {
      const entries = [...byPeer].flatMap(([peer, { [lane]: found }]) =>
        found === undefined ? [] : [[[peer], classId(found.minor)] as const],
      );
      return { lane, map: nft.addressMap(book, name, { type: 'classid', entries }) };
    };
    const prompt = of(`${chain}_p`, 'prompt');
    return shape.reorder === undefined ? [prompt] : [prompt, of(`${chain}_l`, 'late')];
  }
}

function countAll(names: readonly string[]): string {
  return names.map((one) => `counter name ${one}`).join(' ');
}

function lossRules(ratio: number, { dropped }: Counters): readonly string[] {
  if (ratio <= 0) return [];
  if (ratio >= 1) return [`counter name ${dropped} drop`];
  return [`${draw(ratio)} counter name ${dropped} drop`];
}

function draw(ratio: number): string {
  if (ratio >= 1) return '';
  return `numgen random mod 1000000 < ${Math.max(1, Math.round(ratio * 1e6))}`;
}

function classId(minor: number): string {
  return `${rootHandle}:${minor.toString(16)}`;
}

function shapeOf(impairment: { readonly kind: 'shape' } & Shape): Shape {
  const { kind: _, ...shape } = impairment;
  return shape;
}

function contentOf(effects: readonly PlacedEffect[], shape: Shape): string {
  const parts = effects.map((one) => `${one.fault} ${impairmentKey(one.impairment)}`);
  return JSON.stringify([parts.toSorted(), shapeKey(shape)]);
}

function faultsOf(effects: readonly PlacedEffect[]): readonly string[] {
  return [...new Set(effects.map(({ fault }) => fault))];
}
