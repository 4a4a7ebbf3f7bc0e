// Which traffic classes a composed shape needs, and on which ports. Packets that are only delayed
// share one class of a port, whoever sent them; a rate and a burst have a state, so each peer has a
// class of its own there (senders on a fabric's ports, receivers on a pod's own). A share of late
// packets goes through a second class with more delay, never around the first one; when there is a
// rate both borrow from one parent that has it.
import type { NodeName } from '../names.ts';
import { isEmpty } from './algebra.ts';
import type { PlacedEffect, Shape } from './effect.ts';
import type { Minors, TcClass } from './ruleset.ts';
import { contentKey } from './tc.ts';

/** htb finds a class by hash, but each is a qdisc of the kernel's memory and of every read back. */
export const maxClassesOnPort = 256;

const firstMinor = 2;
const lastMinor = 65_534;

/** Where packets of one pair go: the class of most, and of the share that is late. */
export type Lanes = {
  readonly prompt?: TcClassContent;
  readonly late?: TcClassContent;
  readonly parent?: TcClassContent;
};

type TcClassContent = Omit<TcClass, 'port'>;

/** Collects the classes of a ruleset and gives contents their numbers. */
export class ClassTable {
  readonly #minors: Map<string, number>;
  readonly #ports = new Map<NodeName, Map<number, TcClass>>();
  readonly #problems = new Set<string>();
  #next: number;

  constructor(minors: Minors) {
    this.#minors = new Map(minors);
    this.#next = Math.max(firstMinor - 1, ...minors.values()) + 1;
  }

  get minors(): Minors {
    return this.#minors;
  }

  get problems(): readonly string[] {
    return [...this.#problems];
  }

  classes(): readonly TcClass[] {
    return [...this.#ports.values()].flatMap((port) => [...port.values()]);
  }

  /** The lanes of a shape; of one peer alone if it is stateful. */
  lanes(shape: Shape, peer?: NodeName): Lanes {
    const { lossRatio: _, reorder, ...prompt } = shape;
    const suffix = peer === undefined ? '' : ` of ${peer}`;
    if (reorder === undefined) return this.#lane('prompt', prompt, suffix);
    const late = { ...prompt, delayMs: (prompt.delayMs ?? 0) + reorder.byMs };
    if (prompt.rateBitsPerSecond === undefined) {
      return { ...this.#lane('prompt', prompt, suffix), ...this.#lane('late', late, suffix) };
    }
    const key = `${contentKey(prompt)} & ${contentKey(late)}${suffix}`;
    const parent = this.#content(`parent ${key}`, {
      shape: { rateBitsPerSecond: prompt.rateBitsPerSecond },
      inner: true,
    });
    const child = { parent: parent.minor };
    return {
      parent,
      prompt: this.#content(`prompt ${key}`, { shape: prompt, ...child }),
      late: this.#content(`late ${key}`, { shape: late, ...child }),
    };
  }

  /** The lanes exist on this port from now on. */
  place(port: NodeName, lanes: Lanes): void {
    let classes = this.#ports.get(port);
    if (classes === undefined) {
      classes = new Map();
      this.#ports.set(port, classes);
    }
    for (const content of [lanes.parent, lanes.prompt, lanes.late]) {
      if (content !== undefined) classes.set(content.minor, { port, ...content });
    }
    if (classes.size > maxClassesOnPort) this.tooMany(port);
  }

  tooMany(port: NodeName): void {
    if (this.#problems.size > 0) return;
    this.#problems.add(
      `more than ${maxClassesOnPort} traffic classes on the port of ${port}: rate and burst are ` +
        'per ordered pair of nodes; select fewer of them',
    );
  }

  #lane(lane: 'prompt' | 'late', shape: TcClass['shape'], suffix: string): Lanes {
    if (isEmpty(shape)) return {};
    return { [lane]: this.#content(`${contentKey(shape)}${suffix}`, { shape }) };
  }

  #content(key: string, content: Omit<TcClassContent, 'minor'>): TcClassContent {
    let minor = this.#minors.get(key);
    if (minor === undefined) {
      minor = this.#next++;
      if (minor > lastMinor) this.#problems.add('more than 65,533 different traffic classes');
      this.#minors.set(key, minor);
    }
    return { minor, ...content };
  }
}

/** A rate's bucket and a burst's chain are of one sender. */
export function isStateful(shape: Shape): boolean {
  return shape.rateBitsPerSecond !== undefined || shape.burst !== undefined;
}

/** True if nft alone cannot do it. */
export function needsClass(shape: Shape): boolean {
  const { lossRatio: _, ...rest } = shape;
  return !isEmpty(rest);
}

/** Effects on what a node sends that need a traffic class. */
export function shapesFrom(node: NodeName): (effect: PlacedEffect) => boolean {
  return ({ from, impairment }) =>
    impairment.kind === 'shape' && needsClass(impairment) && from.includes(node);
}
