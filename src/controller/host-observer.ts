// Reads from the agents what the nodes of their hosts have answered, instead of asking each node.
// Each host is read twice an interval, so that what is read is younger than a sample lets it be. A
// host that is slow is read again only when it has answered: it delays no other, and meanwhile its
// nodes have not answered.
import { messageOf } from '../errors.ts';
import type { NodeName } from '../names.ts';
import type { ObserverDependencies } from '../observe/observer.ts';
import type { ObservationPage } from '../runtime/kubernetes/observations.ts';

export type HostObserverDependencies = Pick<
  ObserverDependencies,
  'clock' | 'intervalMs' | 'onObservation' | 'onFailure'
> & {
  /** Those that are to be read now, with the nodes there. */
  readonly hosts: () => ReadonlyMap<string, ReadonlySet<NodeName>>;
  readonly read: (host: string, since: string, signal: AbortSignal) => Promise<ObservationPage>;
};

type Reading = HostObserverDependencies & {
  readonly signal: AbortSignal;
  /** Read, and not answered yet. */
  readonly busy: Set<string>;
  /** By host, where to go on. */
  readonly next: Map<string, string>;
  /** By host, when its silence was told last. */
  readonly toldAt: Map<string, number>;
};

/** Of one reading; what is left then is read at the next one. */
const mostPages = 8;

/** Until the signal is aborted. */
export async function observeHosts(
  deps: HostObserverDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock, intervalMs } = deps;
  const reading: Reading = {
    ...deps,
    signal,
    busy: new Set(),
    next: new Map(),
    toldAt: new Map(),
  };
  while (!signal.aborted) {
    const began = clock.now();
    for (const [host, nodes] of deps.hosts()) void readHost(reading, host, nodes);
    await clock.sleep(Math.max(1, began + intervalMs / 2 - clock.now()), signal);
  }
}

async function readHost(
  reading: Reading,
  host: string,
  nodes: ReadonlySet<NodeName>,
): Promise<void> {
  const { busy, clock, next, signal } = reading;
  if (busy.has(host)) return;
  busy.add(host);
  try {
    let more = true;
    for (let pages = 0; more && pages < mostPages && !signal.aborted; pages += 1) {
      // Before it is asked: an answer may be older than it is taken for, never younger.
      const asked = clock.now();
      const page = await reading.read(host, next.get(host) ?? '', signal);
      if (signal.aborted) return;
      take(reading, page, { asked, nodes });
      next.set(host, page.next);
      more = page.more;
    }
  } catch (error) {
    if (!signal.aborted) tell(reading, host, { nodes, error });
  } finally {
    busy.delete(host);
  }
}

/** Of nodes that are elsewhere by now, or that it has no business with, nothing is believed. */
function take(
  { onObservation, onFailure }: Reading,
  { heard }: ObservationPage,
  { asked, nodes }: { readonly asked: number; readonly nodes: ReadonlySet<NodeName> },
): void {
  for (const one of heard) {
    if (!nodes.has(one.node)) continue;
    if ('failure' in one) onFailure(one.node, one.failure);
    else {
      const { observation, ageMs, seconds } = one;
      onObservation(one.node, { at: asked - ageMs, observation }, seconds);
    }
  }
}

/** Once an interval, as a node that does not answer is told of. */
function tell(
  { clock, intervalMs, toldAt, onFailure }: Reading,
  host: string,
  silent: { readonly nodes: ReadonlySet<NodeName>; readonly error: unknown },
): void {
  const now = clock.now();
  if (now - (toldAt.get(host) ?? Number.NEGATIVE_INFINITY) < intervalMs) return;
  toldAt.set(host, now);
  const message = `the agent of ${host}: ${messageOf(silent.error)}`;
  for (const node of silent.nodes) onFailure(node, message);
}
