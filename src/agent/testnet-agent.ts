// All that an agent does for one testnet: which of the pods that claim to be of it are, what their
// rules are to be, its probes, and its part of the report.
import type { Addresses } from '../faults/addresses.ts';
import type { NodeName } from '../names.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Api } from '../runtime/kubernetes/api.ts';
import type { TestnetReport } from '../runtime/kubernetes/objects.ts';
import type { ObservationPage } from '../runtime/kubernetes/observations.ts';
import { askNode } from '../runtime/node-request.ts';
import type { Schedule } from '../runtime/runtime.ts';
import type { AgentMetrics, TestnetGauges } from './metrics.ts';
import {
  addressesOf,
  longestDelayMs,
  type NetworkView,
  overSince,
  turnOf,
} from './network-view.ts';
import { createObservations, type Observations } from './observations.ts';
import type { NodeState } from './orders.ts';
import { type Patience, patienceWithNews } from './patience.ts';
import { keepPod, type PodKeeper } from './pod-keeper.ts';
import { createProbeRounds, type ProbeRounds } from './probe-rounds.ts';
import type { PodProcess, ProcessTable } from './processes.ts';
import { emptyLedger, type Ledger, resumed, retire, testnetReport } from './report.ts';
import type { Claim, TestnetId } from './selection.ts';
import { TestnetWatch } from './testnet-watch.ts';

export interface TestnetAgent {
  /** Of the pods here that say they are of this testnet. */
  follow(claims: readonly Claim[]): void;
  /** Nodes of it that are its own for sure. */
  own(): readonly Claim[];
  /** UIDs of those, and of pods that may turn out to be. */
  claimed(): readonly string[];
  /** Looks whether pods still have the network that they had; of many, some each time. */
  check(): void;
  /** Undefined while no pod of it is known to be its own. */
  report(): TestnetReport | undefined;
  /** What its nodes have answered since; undefined: not of that Testnet, or nobody is asked. */
  observations(uid: string, since: string): ObservationPage | undefined;
  gauges(): TestnetGauges | undefined;
  problem(): string | undefined;
  close(how: 'heal' | 'leave'): Promise<void>;
}

export type TestnetAgentOptions = {
  readonly api: Pick<Api, 'get' | 'follow'>;
  readonly namespace: string;
  readonly name: string;
  readonly table: ProcessTable;
  readonly processes: () => readonly PodProcess[];
  readonly orderState: (uid: string) => NodeState | undefined;
  readonly metrics: AgentMetrics;
  /** What the agent before us said of it. */
  readonly before: TestnetReport | undefined;
  readonly onFailure: (message: string) => void;
  /** The API has said something new: decide anew. */
  readonly onLearnt: () => void;
  /** There may be something new to report. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
};

const checksAtOnce = 50;

/** Of one Testnet, as opposed to another of the same name before or after it. */
type Life = {
  readonly testnet: TestnetId;
  readonly faultIds: Map<string, number>;
  readonly probes: ProbeRounds;
  readonly observations: Observations;
  ledger: Ledger;
};

type State = {
  readonly options: TestnetAgentOptions;
  readonly keepers: Map<string, PodKeeper>;
  readonly watch: TestnetWatch;
  readonly closing: Set<Promise<void>>;
  /** Whose turn it is to be looked at. */
  unchecked: PodKeeper[];
  claims: readonly Claim[];
  /** UIDs of pods of which the server has not said yet whose they are. */
  unclear: ReadonlySet<string>;
  life: Life | undefined;
  view: NetworkView | undefined;
  /** As at the last turn; with many pods it is asked for often. */
  patience: Patience;
  addresses: Addresses;
  said: {
    readonly problem?: string | undefined;
    readonly drift?: string | undefined;
    readonly egress?: string | undefined;
  };
};

export function createTestnetAgent(options: TestnetAgentOptions): TestnetAgent {
  const { namespace, name, api, onLearnt } = options;
  const state: State = {
    options,
    keepers: new Map(),
    watch: new TestnetWatch({ api, namespace, name, onLearnt }),
    closing: new Set(),
    unchecked: [],
    claims: [],
    unclear: new Set(),
    life: undefined,
    view: undefined,
    patience: patience([], undefined),
    addresses: new Map(),
    said: {},
  };
  return {
    follow: (claims) => follow(state, claims),
    own: () => state.claims,
    claimed: () => [...state.claims.map(({ uid }) => uid), ...state.unclear],
    check: () => {
      if (state.unchecked.length === 0) state.unchecked = [...state.keepers.values()];
      for (const keeper of state.unchecked.splice(0, checksAtOnce)) void keeper.check();
    },
    report: () => report(state),
    observations: (uid, since) =>
      state.life?.testnet.uid === uid ? state.life.observations.page(since) : undefined,
    gauges: () => gauges(state),
    problem: () => state.watch.problem(),
    close: async (how) => {
      state.watch[Symbol.dispose]();
      for (const uid of state.keepers.keys()) drop(state, uid, how);
      await Promise.all(state.closing);
      state.life?.observations[Symbol.dispose]();
      await state.life?.probes[Symbol.asyncDispose]();
      if (state.life !== undefined) options.metrics.ended(state.life.testnet);
    },
  };
}

function follow(state: State, claims: readonly Claim[]): void {
  const { keepers, watch } = state;
  const owners = claims.map((claim) => ({ claim, owner: watch.owner(claim.testnet.uid) }));
  const mine = owners.flatMap(({ claim, owner }) => (owner === 'mine' ? [claim] : []));
  // As long as the server has not said whose it is, what is in force in it stays.
  const unclear = new Set(
    owners.flatMap(({ claim, owner }) => (owner === 'unknown' ? [claim.uid] : [])),
  );
  state.unclear = unclear;
  state.claims = mine;
  const [first] = mine;
  if (first !== undefined && state.life?.testnet.uid !== first.testnet.uid) {
    begin(state, first.testnet);
  }
  const kept = new Set(mine.map(({ uid }) => uid));
  for (const uid of keepers.keys()) {
    if (!kept.has(uid) && !unclear.has(uid)) drop(state, uid, 'heal');
  }
  const { life } = state;
  if (life === undefined) return;
  takeView(state, life);
  state.patience = patience([...keepers.values()], state.view?.schedule);
  for (const claim of mine) keep(state, life, claim);
  const started = mine.filter((claim) => turnOf(state.view, claim) !== 'later');
  life.observations.follow(state.view?.wire?.observe, started);
  probe(state, life);
}

function begin(state: State, testnet: TestnetId): void {
  const { options } = state;
  const { before, signal, metrics } = options;
  metrics.began(testnet);
  void state.life?.probes[Symbol.asyncDispose]();
  state.life?.observations[Symbol.dispose]();
  state.view = undefined;
  state.life = {
    testnet,
    faultIds: new Map(),
    ledger: before?.uid === testnet.uid ? resumed(before) : emptyLedger,
    observations: createObservations({ clock: systemClock, ask: askNode }),
    probes: createProbeRounds({
      testnet: testnet.uid,
      signal,
      refresh: async (nodes) => {
        const keepers = [...state.keepers.values()];
        const probed = keepers.filter((keeper) => nodes.has(keeper.claim().node));
        await Promise.all(probed.map((keeper) => keeper.refresh()));
      },
      onChange: options.onChange,
      onFailure: options.onFailure,
    }),
  };
}

/** Addresses stay the same object as long as they say the same. */
function takeView(state: State, { faultIds }: Life): void {
  const view = state.watch.view();
  if (view === undefined) return;
  state.view = view;
  for (const [name, id] of Object.entries(view.wire?.faultIds ?? {})) faultIds.set(name, id);
  const next = addressesOf(view, state.claims);
  const { addresses } = state;
  const same =
    next.size === addresses.size &&
    [...next].every(([node, ips]) => addresses.get(node)?.join() === ips.join());
  if (!same) state.addresses = next;
}

function keep(state: State, life: Life, claim: Claim): void {
  const { options, keepers, view, addresses } = state;
  const wish = {
    claim,
    schedule: view?.schedule,
    openEgress: view?.wire?.openEgress ?? false,
    largePackets: view?.wire?.largePackets ?? false,
    addresses,
    turn: turnOf(view, claim),
  };
  const keeper = keepers.get(claim.uid);
  if (keeper !== undefined) {
    keeper.update(wish);
    return;
  }
  const { table, processes, onChange, metrics, signal } = options;
  keepers.set(
    claim.uid,
    keepPod(wish, {
      table,
      processes,
      onChange,
      signal,
      faultIds: life.faultIds,
      applied: (seconds) => metrics.applied(life.testnet, seconds),
      patience: () => state.patience,
      onFailure: options.onFailure,
      onRelease: (netns) => life.probes.forget(netns),
    }),
  );
}

function patience(pods: readonly PodKeeper[], schedule: Schedule | undefined): Patience {
  const now = systemClock.now();
  return patienceWithNews({
    pods: pods.length,
    isUrgent: schedule?.effects.some(({ end = Infinity }) => end > now) ?? false,
    isGrowing: pods.some((pod) => pod.isAtGate()),
  });
}

function drop(state: State, uid: string, how: 'heal' | 'leave'): void {
  const keeper = state.keepers.get(uid);
  if (keeper === undefined) return;
  state.keepers.delete(uid);
  const last = keeper.enforced();
  const { life } = state;
  if (last !== undefined && life !== undefined) life.ledger = retire(life.ledger, last);
  const closing = keeper.close(how).finally(() => state.closing.delete(closing));
  state.closing.add(closing);
}

function probe({ view, keepers, addresses }: State, { probes }: Life): void {
  const { wire, schedule } = view ?? {};
  if (wire?.probe === undefined || schedule === undefined) return;
  const netnsOf = new Map(
    [...keepers.values()].flatMap((keeper) => {
      const netns = keeper.netns();
      return netns === undefined ? [] : [[keeper.claim().node, netns] as const];
    }),
  );
  probes.follow({
    order: wire.probe,
    netnsOf: (node) => netnsOf.get(node),
    addressOf: (node) => addresses.get(node)?.[0],
    longestDelayMs: longestDelayMs(schedule),
  });
}

function report(state: State): TestnetReport | undefined {
  const { life, claims, keepers, view, watch, options } = state;
  if (life === undefined || claims.length === 0) return undefined;
  const nodes: Record<NodeName, NodeState> = {};
  for (const { uid, node } of claims) {
    const [ordered, problem] = [options.orderState(uid), keepers.get(uid)?.problem()];
    if (ordered === undefined && problem === undefined) continue;
    nodes[node] = { ...ordered, ...(problem === undefined ? {} : { problem }) };
  }
  const probe = life.probes.result();
  const made = testnetReport({
    testnet: life.testnet,
    pods: claims.flatMap(({ uid }) => keepers.get(uid)?.enforced() ?? []),
    generation: view?.schedule?.generation ?? 0,
    ledger: life.ledger,
    overSince: (fault) => overSince(view?.schedule, { fault, now: systemClock.now() }),
    nodes,
    problem: watch.problem(),
    ...(probe === undefined ? {} : { probe }),
  });
  life.ledger = { ...life.ledger, faults: made.enforcement.faults };
  count(state, life, made);
  return made;
}

/** Each time that something else is wrong. */
function count(state: State, { testnet }: Life, { enforcement, nodes }: TestnetReport): void {
  const { metrics, onFailure } = state.options;
  const { drift } = enforcement;
  const all = Object.values(nodes).map((node) => node.problem);
  const problem = enforcement.problem ?? all.find((one) => one !== undefined);
  if (drift !== undefined && drift !== state.said.drift) metrics.drifted(testnet);
  if (problem !== undefined && problem !== state.said.problem) metrics.failed(testnet);
  // No fault depends on it, and a NetworkPolicy may close it: it is said, and stops nothing.
  const egress = [...state.keepers.values()]
    .find((keeper) => keeper.egressProblem())
    ?.egressProblem();
  if (egress !== undefined && egress !== state.said.egress) {
    onFailure(`egress of ${testnet.namespace}/${testnet.name} cannot be closed here: ${egress}`);
  }
  state.said = { drift, problem, egress };
}

function gauges({ life, claims, keepers, view }: State): TestnetGauges | undefined {
  if (life === undefined) return undefined;
  const all = [...keepers.values()];
  return {
    testnet: life.testnet,
    pods: {
      seen: claims.length,
      held: all.filter((keeper) => keeper.netns() !== undefined).length,
      enforced: all.filter((keeper) => keeper.enforced() !== undefined).length,
    },
    generation: view?.schedule?.generation,
  };
}
