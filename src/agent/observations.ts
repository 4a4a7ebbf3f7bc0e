// Asks the nodes of one testnet on this host, as the controller does where it asks them itself, and
// keeps what they have answered in the newest seconds for the controller to fetch. Everything has a
// number: who says which one it has read last gets what came after it, each thing once.
import { randomBytes } from 'node:crypto';
import { fail, messageOf } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import type { Kind } from '../kinds/kind.ts';
import { groupOfNode, type NodeName } from '../names.ts';
import { type AskedNode, type Observer, startObserver } from '../observe/observer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObserveOrder } from '../runtime/kubernetes/objects.ts';
import type { Heard, ObservationPage } from '../runtime/kubernetes/observations.ts';
import type { askNode } from '../runtime/node-request.ts';
import type { Received } from './received.ts';

export interface Observations extends Disposable {
  /** What is to be asked, and of whom; those without an address yet are left out. */
  follow(order: ObserveOrder | undefined, nodes: readonly Addressed[]): void;
  /**
   * What was heard since; with what is no number of ours, all that is kept. Throws when the order
   * cannot be followed.
   */
  page(since: string): ObservationPage;
}

export type Addressed = { readonly node: NodeName; readonly ips: readonly string[] };

export type ObservationsDependencies = {
  readonly clock: Clock;
  readonly ask: typeof askNode;
};

const keptMs = 5_000;
/** Of one answer; with what is around it, below what is read of one. */
const pageBytes = 900_000;

type WithoutAge<T> = T extends unknown ? Omit<T, 'ageMs'> : never;
type Said = WithoutAge<Heard>;
type Entry = {
  readonly number: number;
  readonly at: number;
  readonly said: Said;
  readonly bytes: number;
};

export function createObservations({ clock, ask }: ObservationsDependencies): Observations {
  const targets = new Map<NodeName, AskedNode>();
  const kept = createKept(clock);
  let following: { readonly key: string; readonly stop: AbortController } | undefined;
  let observer: Observer | undefined;
  let asked: AskedGroups = { ok: true, value: new Map() };
  const begin = (order: ObserveOrder, signal: AbortSignal): Observer =>
    startObserver(
      {
        targets,
        ask: (node, request, until) =>
          ask(targets.get(node)?.context.address ?? '', request, until),
        clock,
        intervalMs: order.everyMs,
        randomSeed: 0,
        onObservation: (node, { at, observation }, seconds) =>
          kept.note(at, { node, observation, seconds }),
        onFailure: (node, error) => kept.note(clock.now(), { node, failure: messageOf(error) }),
      },
      signal,
    );
  return {
    follow: (order, nodes) => {
      const key = JSON.stringify(order);
      if (key !== following?.key) {
        following?.stop.abort();
        following = order && { key, stop: new AbortController() };
        asked = askedGroups(order);
        targets.clear();
        observer = order && following && begin(order, following.stop.signal);
      }
      if (asked.ok) takeTargets(targets, asked.value, nodes);
      observer?.follow([...targets.keys()]);
    },
    page: (since) => {
      if (!asked.ok) throw fail('CAPABILITY_MISSING', asked.reason);
      return kept.page(since);
    },
    [Symbol.dispose]: () => following?.stop.abort(),
  };
}

type AskedGroup = { readonly kind: Kind; readonly config: unknown };
type AskedGroups = Received<ReadonlyMap<string, AskedGroup>>;

/** Checked here again: what is asked of nodes is made from it. */
function askedGroups(order: ObserveOrder | undefined): AskedGroups {
  const groups = new Map<string, AskedGroup>();
  for (const { name, kind: of, config } of order?.groups ?? []) {
    const kind = kinds.get(of);
    if (kind === undefined) return { ok: false, reason: `group ${name}: no kind ${of} is known` };
    try {
      groups.set(name, { kind, config: kind.config.parse(JSON.parse(config)) });
    } catch (error) {
      return { ok: false, reason: `group ${name}: its config: ${messageOf(error)}` };
    }
  }
  return { ok: true, value: groups };
}

function takeTargets(
  targets: Map<NodeName, AskedNode>,
  groups: ReadonlyMap<string, AskedGroup>,
  nodes: readonly Addressed[],
): void {
  targets.clear();
  for (const {
    node: name,
    ips: [address],
  } of nodes) {
    const group = groups.get(groupOfNode(name));
    if (group === undefined || address === undefined) continue;
    const { kind, config } = group;
    // Of no kind without passwords does the identity matter to who asks.
    targets.set(name, { kind, context: { name, address, identity: '', config } });
  }
}

function createKept(clock: Clock) {
  /** Of this agent: numbers of another one mean nothing here. */
  const life = randomBytes(8).toString('hex');
  const entries: Entry[] = [];
  let number = 0;
  return {
    note: (at: number, said: Said) => {
      number += 1;
      const whole = { number, at, said, bytes: Buffer.byteLength(JSON.stringify(said)) };
      const failure = 'what it answers is too long to be passed on';
      const { node } = said;
      entries.push(
        whole.bytes > pageBytes ? { ...whole, said: { node, failure }, bytes: 100 } : whole,
      );
      const oldest = clock.now() - keptMs;
      while (entries[0] !== undefined && entries[0].at < oldest) entries.shift();
    },
    page: (since: string): ObservationPage => {
      const [of, last] = since.split('.');
      const after = of === life ? Number(last) : 0;
      const news = entries.filter((entry) => entry.number > after);
      let bytes = 0;
      const fitting = news.filter((entry, index) => {
        bytes += entry.bytes + 50;
        return index === 0 || bytes <= pageBytes;
      });
      const now = clock.now();
      return {
        next: `${life}.${fitting.at(-1)?.number ?? Math.max(after, 0)}`,
        more: fitting.length < news.length,
        heard: fitting.map(({ at, said }) => ({ ...said, ageMs: Math.max(0, now - at) })),
      };
    },
  };
}
