// Tells the agents of a testnet who is where and what is in force when, in NetworkState objects: a
// change of the schedule at once, changes of pods at most every two seconds. What is read off the
// cluster at the start goes on: numbers of faults and of rounds of probes are never used again.
import type { NodeName } from '../../names.ts';
import type { Clock } from '../clock.ts';
import type { Schedule } from '../runtime.ts';
import { type Api, type Resource, resources } from './api.ts';
import { labelsOf, ownerOf, type TestnetId } from './manifest.ts';
import {
  annotations,
  apiVersion,
  type NetworkSchedule,
  type NetworkState,
  type NodeEntry,
  names,
  type ObserveOrder,
  type ProbeOrder,
} from './objects.ts';
import { ipsOf, isOwnedBy, type Pod } from './pod.ts';
import { numberFaults, wireSchedule } from './wire-schedule.ts';

export interface Publisher {
  /** Resolves when it is written. */
  publish(schedule: Schedule): Promise<void>;
  /** Resolves with the number of the round when the agents can read it. */
  order(order: Omit<ProbeOrder, 'id'>): Promise<number>;
  /**
   * These may start, too; of the others, pods made ahead wait. Before it is called no pod is told
   * of.
   */
  admit(nodes: ReadonlySet<NodeName>): void;
  /** Pods have changed. */
  podsChanged(): void;
  /** The schedule as written, of now or of whoever was here before. */
  written(): NetworkSchedule | undefined;
  remove(): Promise<void>;
}

export type PublisherDependencies = {
  readonly api: Pick<Api, 'get' | 'list' | 'apply' | 'delete'>;
  readonly testnet: TestnetId;
  readonly clock: Clock;
  /** In the order in which they are dealt out to shards. */
  readonly nodes: () => readonly NodeName[];
  readonly pods: () => ReadonlyMap<NodeName, Pod>;
  /** Faults of the plan, which are numbered first. */
  readonly faults: () => readonly string[];
  readonly openEgress: boolean;
  readonly largePackets: boolean;
  /** What agents ask their nodes. */
  readonly observe?: ObserveOrder | undefined;
  readonly onFailure: (error: unknown) => void;
};

const shardSize = 2_000;
const everyMs = 2_000;
/** An agent that is away for less has missed nothing (DESIGN: dead man). */
const leaseSeconds = 60;
const resource: Resource = resources.networkStates;

export async function openPublisher(
  deps: PublisherDependencies,
  signal: AbortSignal,
): Promise<Publisher> {
  const { api, testnet, clock } = deps;
  const { namespace } = testnet;
  const found = await api.get<NetworkState>(resource, {
    namespace,
    name: names.faults(testnet.name),
  });
  const ours = found !== undefined && isOwnedBy(found, testnet.uid) ? found.schedule : undefined;
  let written = ours;
  let probe: ProbeOrder | undefined = ours?.probe;
  let latest: Schedule | undefined;
  const shards = createShards(deps);
  const write = async () => {
    if (latest === undefined) return;
    // The base layer is no fault and has no counters.
    const mentioned = latest.effects.map(({ fault }) => fault);
    const ids = numberFaults([...deps.faults(), ...mentioned], written?.faultIds ?? {});
    const schedule: NetworkSchedule = {
      ...wireSchedule({ ...latest, leaseSeconds }, ids),
      ...(probe === undefined ? {} : { probe }),
      ...(deps.openEgress ? { openEgress: true } : {}),
      ...(deps.largePackets ? { largePackets: true } : {}),
      ...(deps.observe === undefined ? {} : { observe: deps.observe }),
    };
    written = schedule;
    await api.apply(resource, stateOf(testnet, names.faults(testnet.name), { schedule }));
  };
  const nodes = throttle(() => shards.write(), { clock, onFailure: deps.onFailure, signal });
  return {
    publish: async (schedule) => {
      latest = schedule;
      await write();
    },
    order: async (wanted) => {
      const id = (probe?.id ?? 0) + 1;
      probe = { ...wanted, id };
      await write();
      return id;
    },
    admit: (others) => {
      if (shards.admit(others)) nodes(true);
    },
    podsChanged: () => nodes(),
    written: () => written,
    remove: async () => {
      const labelSelector = selectorOf(testnet);
      for (const state of await api.list<NetworkState>(resource, { namespace, labelSelector })) {
        if (!isOwnedBy(state, testnet.uid)) continue;
        await api.delete(resource, { namespace, name: state.metadata.name });
      }
    },
  };
}

export function selectorOf(testnet: TestnetId): string {
  const pairs = Object.entries(labelsOf(testnet));
  return pairs.map(([key, value]) => `${key}=${value}`).join();
}

function stateOf(
  testnet: TestnetId,
  name: string,
  content: Pick<NetworkState, 'nodes'> | Pick<NetworkState, 'schedule'>,
): NetworkState {
  return {
    apiVersion,
    kind: 'NetworkState',
    metadata: {
      name,
      namespace: testnet.namespace,
      labels: labelsOf(testnet),
      ownerReferences: [ownerOf(testnet)],
    },
    testnet: { name: testnet.name, uid: testnet.uid },
    ...content,
  };
}

function createShards({ api, testnet, nodes, pods }: PublisherDependencies) {
  const written = new Map<number, string>();
  let admitted: ReadonlySet<NodeName> | undefined;
  return {
    /** True if that is new. */
    admit: (others: ReadonlySet<NodeName>) => {
      if (admitted !== undefined && others.isSubsetOf(admitted)) return false;
      admitted = others.union(admitted ?? new Set());
      return true;
    },
    write: async () => {
      if (admitted === undefined) return;
      const entries = entriesOf(nodes(), { pods: pods(), admitted });
      const count = Math.max(1, Math.ceil(entries.length / shardSize));
      for (let shard = 0; shard < Math.max(count, written.size); shard += 1) {
        const own = entries.slice(shard * shardSize, (shard + 1) * shardSize).flat();
        const text = JSON.stringify(own);
        if (written.get(shard) === text) continue;
        const state = stateOf(testnet, names.nodes(testnet.name, shard), { nodes: own });
        await api.apply(resource, state);
        written.set(shard, text);
      }
    },
  };
}

/** One place for each node, so that a pod that comes or goes moves nobody to another shard. */
function entriesOf(
  nodes: readonly NodeName[],
  {
    pods,
    admitted,
  }: {
    readonly pods: ReadonlyMap<NodeName, Pod>;
    readonly admitted: ReadonlySet<NodeName>;
  },
): readonly (readonly NodeEntry[])[] {
  return nodes.map((name) => {
    const pod = pods.get(name);
    const { uid, annotations: said } = pod?.metadata ?? {};
    const ips = pod === undefined ? [] : ipsOf(pod);
    if (uid === undefined || ips.length === 0) return [];
    const waits = said?.[annotations.ahead] !== undefined && !admitted.has(name);
    return [{ name, uid, ips, ...(waits ? { waits } : {}) }];
  });
}

type Throttling = {
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
  readonly signal: AbortSignal;
};

/**
 * At once, then no more than every two seconds but for what is urgent, and never two at a time;
 * tried until it works.
 */
function throttle(
  write: () => Promise<void>,
  { clock, onFailure, signal }: Throttling,
): (isUrgent?: boolean) => void {
  let wanted = false;
  let urgent = false;
  let busy = false;
  let pause = new AbortController();
  const work = async () => {
    busy = true;
    while (wanted && !signal.aborted) {
      wanted = false;
      urgent = false;
      try {
        await write();
      } catch (error) {
        wanted = true;
        onFailure(error);
      }
      pause = new AbortController();
      if (!urgent) await clock.sleep(everyMs, AbortSignal.any([signal, pause.signal]));
    }
    busy = false;
  };
  return (isUrgent = false) => {
    wanted = true;
    urgent ||= isUrgent;
    if (urgent) pause.abort();
    if (!busy) void work();
  };
}
