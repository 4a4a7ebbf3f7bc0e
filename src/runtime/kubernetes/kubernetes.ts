// The Kubernetes runtime: every node a bare pod, its rules enforced by the agent of its host. It
// writes what is wanted into the API and reads what is so from the caches; nothing is kept that
// the cluster does not say again after a restart. Whoever opened it lets go of the testnet by
// aborting the signal it was opened with; disposed of without that, it ends the faults and takes
// everything away that it has made.
import { fail } from '../../errors.ts';
import type { KindTable } from '../../kinds/kind.ts';
import type { NodeName } from '../../names.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Testnet } from '../../spec/schema.ts';
import type { Clock } from '../clock.ts';
import { askNode } from '../node-request.ts';
import type { ProbePair, ProbeResult, Runtime, World } from '../runtime.ts';
import { type Api, type Cache, resources } from './api.ts';
import { type ClusterView, openClusterView } from './cluster-view.ts';
import { type FileStore, openFileStore } from './files.ts';
import { type Host, hostCapabilities } from './host-capabilities.ts';
import type { Gate, TestnetId } from './manifest.ts';
import { type HostReport, names, type ObserveOrder } from './objects.ts';
import { indexOf } from './plan-index.ts';
import type { Pod } from './pod.ts';
import { keepPods, type PodKeeper } from './pod-keeper.ts';
import { readPodLog } from './pod-logs.ts';
import {
  aheadMs,
  areHeard,
  halvesOf,
  missingHalves,
  patienceMs,
  probeResults,
} from './probe-round.ts';
import { openPublisher, type Publisher } from './publisher.ts';
import { type ReadyCommands, readyCommandsOf } from './ready-commands.ts';
import { removeTestnet } from './removal.ts';
import { type Images, podsOfGroup } from './settings.ts';
import { applySurroundings } from './surroundings.ts';

export type KubernetesOptions = {
  readonly api: Api;
  readonly testnet: TestnetId;
  /** As it was accepted: what its groups say about pods is taken from it. */
  readonly spec: Testnet['spec'];
  /** Bound by `bindToPods`. As it is now: a running testnet grows and shrinks. */
  readonly plan: () => Plan;
  readonly kinds: KindTable;
  /** Pods with our label and reports of agents; both are shared by all testnets. */
  readonly pods: Cache<Pod>;
  readonly hostReports: Cache<HostReport>;
  readonly images: Images;
  /** Peerstorm's own image, for init containers. */
  readonly gate: Gate;
  readonly clock: Clock;
  /** What agents ask their nodes, as long as this is open. */
  readonly observe?: ObserveOrder | undefined;
  /** Something could not be done yet; it is tried again. */
  readonly onFailure: (error: unknown) => void;
};

type Opened = KubernetesOptions & {
  readonly signal: AbortSignal;
  readonly view: ClusterView;
  readonly keeper: PodKeeper;
  readonly files: FileStore;
  readonly publisher: Publisher;
  readonly commands: ReadyCommands;
};

export async function openKubernetes(
  options: KubernetesOptions,
  signal: AbortSignal,
): Promise<Runtime> {
  const { clock } = options;
  const opened = await open(options, signal);
  const { view, keeper, publisher } = opened;
  return {
    capabilities: () => capabilities(opened),
    ensure: async (nodes) => {
      publisher.admit(new Set(nodes.flatMap(({ name, run }) => (run === 'held' ? [] : name))));
      await keeper.ensure(nodes);
    },
    enforce: async (schedule) => {
      view.schedule = schedule;
      await publisher.publish(schedule);
    },
    watch: (until) => watch(opened, AbortSignal.any([signal, until])),
    probe: (pairs, until, start) => probe(opened, { pairs, start }, until),
    probeLeadMs: aheadMs,
    request: async (node, request, until) => await askNode(addressOf(opened, node), request, until),
    exec: (node, argv, until) => run(opened, { node, argv, signal: until }),
    logs: (node, how, until) =>
      readPodLog(
        node,
        { api: options.api, clock, pod: () => view.pod(node) },
        { ...how, signal: AbortSignal.any([signal, until]) },
      ),
    [Symbol.asyncDispose]: async () => {
      if (!signal.aborted) await removeTestnet(opened);
    },
  };
}

async function open(options: KubernetesOptions, signal: AbortSignal): Promise<Opened> {
  const { api, testnet, spec, plan, kinds, pods, hostReports, clock } = options;
  await Promise.all([pods.synced(), hostReports.synced()]);
  const openEgress = spec.network.egress === 'open';
  await applySurroundings(api, testnet, { openEgress });
  const planned = indexOf(plan);
  const startsAgain = (node: NodeName) => planned(node)?.startsAgain ?? false;
  const view = openClusterView({ testnet, pods, hostReports, clock, startsAgain }, signal);
  const files = await openFileStore(api, testnet);
  const publisher = await openPublisher(
    {
      ...options,
      nodes: () => plan().nodes.map(({ name }) => name),
      pods: () => view.pods(),
      faults: () => plan().faults.map(({ name }) => name),
      openEgress,
      largePackets: spec.network.packets === 'gso',
    },
    signal,
  );
  view.onChange(() => publisher.podsChanged());
  publisher.podsChanged();
  const commands = readyCommandsOf(plan, kinds);
  const keeper = keepPods(
    {
      ...options,
      planned,
      view,
      files,
      settings: (group) => podsOfGroup(spec, group, options.images),
      gate: () => (isGated(plan(), view, clock.now()) ? options.gate : undefined),
      readyCommand: (node) => commands.commandOf(node),
    },
    signal,
  );
  return { ...options, signal, view, keeper, files, publisher, commands };
}

/** Region links hold from the first packet; so does a fault that is on while a node comes back. */
function isGated({ base }: Plan, { schedule }: ClusterView, now: number): boolean {
  const due = schedule?.effects.some(({ end }) => end === undefined || end > now) ?? false;
  return base.length > 0 || due;
}

async function capabilities({ api, view, spec, images }: Opened) {
  // In a namespace of its own a controller may not list hosts.
  const hosts = await api.list<Host>(resources.hosts, {}).catch(() => undefined);
  const placements = spec.groups.map(({ name }) => podsOfGroup(spec, name, images));
  return hostCapabilities(view.reports(), hosts, placements);
}

const coalesceMs = 100;
/** Silence of a host shows by the clock, not by a change. */
const lookMs = 15_000;

async function* watch({ view, clock }: Opened, signal: AbortSignal): AsyncIterable<World> {
  let wake = () => {};
  let changed = false;
  view.onChange(() => {
    changed = true;
    wake();
  });
  while (!signal.aborted) {
    changed = false;
    yield view.world();
    await clock.sleep(coalesceMs, signal);
    if (changed || signal.aborted) continue;
    const over = new AbortController();
    const change = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const limit = clock.sleep(lookMs, AbortSignal.any([signal, over.signal]));
    await Promise.race([change, limit]);
    over.abort();
  }
}

const probePollMs = 200;

async function probe(
  { publisher, view, clock, testnet }: Opened,
  { pairs, start }: { readonly pairs: readonly ProbePair[]; readonly start: number | undefined },
  signal: AbortSignal,
): Promise<readonly ProbeResult[]> {
  if (pairs.length === 0) return [];
  const begin = Math.round(start ?? clock.now() + aheadMs);
  const until = Math.max(begin, clock.now()) + patienceMs(pairs);
  const id = await publisher.order({
    start: begin,
    pairs: pairs.map(({ from, to, count }) => [from, to, count]),
  });
  while (true) {
    const reports = view.reports();
    const halves = halvesOf(reports, { uid: testnet.uid, id });
    const results = probeResults(pairs, halves);
    if (results !== undefined) return results;
    signal.throwIfAborted();
    const all = areHeard(reports, { uid: testnet.uid, id, hosts: hostsOf(view, pairs) });
    if (all || clock.now() >= until) throw missingHalves(pairs, halves);
    await clock.sleep(probePollMs, signal);
  }
}

function hostsOf(view: ClusterView, pairs: readonly ProbePair[]): ReadonlySet<string> {
  const nodes = new Set(pairs.flatMap(({ from, to }) => [from, to]));
  return new Set([...nodes].flatMap((node) => view.pod(node)?.spec.nodeName ?? []));
}

function addressOf({ view }: Opened, node: NodeName): string {
  const [address] = view.node(node).addresses;
  if (address === undefined) throw fail('NOT_FOUND', `${node} has no address`);
  return address;
}

type Running = {
  readonly node: NodeName;
  readonly argv: readonly string[];
  readonly signal: AbortSignal;
};

/** The command of a node's readiness is run by its kubelet, so nobody else needs the right to. */
async function run({ api, view, commands, testnet }: Opened, { node, argv, signal }: Running) {
  const pod = view.pod(node);
  if (pod === undefined) throw fail('NOT_FOUND', `${node} is not running`);
  if (JSON.stringify(argv) === JSON.stringify(commands.commandOf(node))) {
    const isReady = pod.status?.conditions?.some(
      ({ type, status }) => type === 'ContainersReady' && status === 'True',
    );
    return { exitCode: isReady === true ? 0 : 1, stdout: '', stderr: '' };
  }
  const named = { namespace: testnet.namespace, name: pod.metadata.name };
  return await api.exec({ ...named, container: names.container }, argv, signal);
}
