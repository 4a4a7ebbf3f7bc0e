// The world as the caches show it: a testnet's nodes from its pods and what their agents say of
// them, and the enforcement of each host that has some. It remembers what no object in the cluster
// says any more: which nodes were taken away on purpose, and which lost their pod to something else
// (those come back one incarnation later). After a restart that memory is empty, and nothing that
// must be right depends on it.
import type { NodeName } from '../../names.ts';
import type { Clock } from '../clock.ts';
import type { Enforcement, NodeWorld, Schedule, World } from '../runtime.ts';
import type { Cache } from './api.ts';
import { type HostSeen, hostEnforcement } from './host-enforcement.ts';
import type { TestnetId } from './manifest.ts';
import { type HostReport, labels, names, type TestnetReport } from './objects.ts';
import { isOwnedBy, nodeOf, type Pod } from './pod.ts';
import { hasStarted, lossOf, newestIncarnation, podWorld } from './pod-world.ts';

export interface ClusterView {
  /** Ours; also one that is about to go. */
  pod(node: NodeName): Pod | undefined;
  pods(): ReadonlyMap<NodeName, Pod>;
  node(node: NodeName): NodeWorld;
  world(): World;
  /** The least incarnation of the node's next pod. */
  floor(node: NodeName): number;
  /** We ask for the end of this pod. */
  removing(node: NodeName, pod: Pod): void;
  /** What is to be in force: a fault is so when all hosts with nodes of it say so. */
  schedule: Schedule | undefined;
  reports(): readonly HostReport[];
  onChange(listener: () => void): void;
}

export type ViewDependencies = {
  readonly testnet: TestnetId;
  readonly pods: Cache<Pod>;
  readonly hostReports: Cache<HostReport>;
  readonly clock: Clock;
  /** Is a node of that name started again by the kubelet when it exits? */
  readonly startsAgain: (node: NodeName) => boolean;
};

type Viewing = ViewDependencies & {
  readonly known: Map<NodeName, Pod>;
  readonly worlds: Map<NodeName, NodeWorld>;
  readonly floors: Map<NodeName, number>;
  readonly replaced: Map<NodeName, NonNullable<NodeWorld['replaced']>>;
  /** Pods by uid whose end we have asked for. */
  readonly leaving: Set<string>;
  readonly hosts: Map<string, HostSeen>;
  readonly listeners: Set<() => void>;
};

const absent: NodeWorld = { incarnation: 0, phase: 'absent', addresses: [] };

export function openClusterView(deps: ViewDependencies, signal: AbortSignal): ClusterView {
  const viewing: Viewing = {
    ...deps,
    known: new Map(),
    worlds: new Map(),
    floors: new Map(),
    replaced: new Map(),
    leaving: new Set(),
    hosts: new Map(),
    listeners: new Set(),
  };
  follow(viewing, signal);
  const view: ClusterView = {
    pod: (node) => viewing.known.get(node),
    pods: () => viewing.known,
    node: (node) => viewing.worlds.get(node) ?? absent,
    world: () => ({
      nodes: new Map(viewing.worlds),
      enforcement: enforcementOf(viewing, view.schedule),
    }),
    floor: (node) => viewing.floors.get(node) ?? 0,
    removing: (node, pod) => {
      viewing.leaving.add(pod.metadata.uid ?? '');
      refresh(viewing, node);
    },
    schedule: undefined,
    reports: () => deps.hostReports.values(),
    onChange: (listener) => void viewing.listeners.add(listener),
  };
  return view;
}

function follow(viewing: Viewing, signal: AbortSignal): void {
  const { testnet, pods, hostReports } = viewing;
  const prefix = `${testnet.namespace}/${names.pod(testnet.name, '' as NodeName)}`;
  pods.onChange((key, pod) => {
    if (signal.aborted || !key.startsWith(prefix)) return;
    if (podChanged(viewing, key, pod)) tell(viewing);
  });
  hostReports.onChange((_, report) => {
    if (!signal.aborted && report !== undefined && reportChanged(viewing, report)) tell(viewing);
  });
  for (const report of hostReports.values()) reportChanged(viewing, report);
  for (const pod of pods.values()) {
    const { namespace = '', name } = pod.metadata;
    podChanged(viewing, `${namespace}/${name}`, pod);
  }
}

function tell({ listeners }: Viewing): void {
  for (const listener of listeners) listener();
}

function podChanged(viewing: Viewing, key: string, pod: Pod | undefined): boolean {
  const { testnet, known } = viewing;
  if (pod === undefined) {
    const name = key.slice(testnet.namespace.length + 1);
    const gone = [...known].find(([, one]) => one.metadata.name === name);
    if (gone === undefined) return false;
    podGone(viewing, ...gone);
    return true;
  }
  const { metadata } = pod;
  const ours = metadata.namespace === testnet.namespace && isOwnedBy(pod, testnet.uid);
  const node = nodeOf(pod);
  if (!ours || node === undefined) return false;
  if (metadata.labels?.[labels.testnet] !== testnet.name) return false;
  const before = known.get(node);
  // Between two lists one may have gone and another come.
  if (before !== undefined && before.metadata.uid !== metadata.uid) podGone(viewing, node, before);
  known.set(node, pod);
  refresh(viewing, node);
  return true;
}

function podGone(viewing: Viewing, node: NodeName, pod: Pod): void {
  const { known, worlds, leaving, clock } = viewing;
  const last = worlds.get(node) ?? absent;
  known.delete(node);
  if (leaving.delete(pod.metadata.uid ?? '')) {
    // As if it had not been: it may be to be made anew.
    if (!hasStarted(pod)) {
      worlds.delete(node);
      return;
    }
    const { incarnation, startedAt, exit } = last;
    const nothing = { code: null, signal: null };
    worlds.set(node, {
      incarnation,
      phase: 'exited',
      addresses: [],
      ...(startedAt === undefined ? {} : { startedAt }),
      exit: exit ?? { at: clock.now(), ...nothing, asked: true },
    });
    return;
  }
  lost(viewing, node, { incarnation: newestIncarnation(pod), reason: 'the pod was deleted' });
}

/** What comes after it is another incarnation, and nobody's fault. */
function lost(
  viewing: Viewing,
  node: NodeName,
  { incarnation, reason }: { readonly incarnation: number; readonly reason: string },
): void {
  const { floors, worlds, clock } = viewing;
  // A pod that was evicted is lost then, and not once more when what is left of it goes.
  if ((floors.get(node) ?? 0) > incarnation) return;
  const replaced = { at: clock.now(), reason };
  const next = incarnation + 1;
  viewing.replaced.set(node, replaced);
  floors.set(node, next);
  worlds.set(node, { incarnation: next, phase: 'starting', addresses: [], replaced });
}

function refresh(viewing: Viewing, node: NodeName): void {
  const { known, worlds, floors, replaced, leaving, clock, startsAgain } = viewing;
  const pod = known.get(node);
  if (pod === undefined) return;
  const removing = leaving.has(pod.metadata.uid ?? '');
  const world = podWorld({
    pod,
    reported: reportOf(viewing, pod)?.nodes[node],
    startsAgain: startsAgain(node),
    removing,
    now: clock.now(),
  });
  const loss = removing ? undefined : lossOf(pod);
  // The wish to have it away is also fulfilled by who took it away.
  if (loss !== undefined && world.exit?.asked !== true) {
    lost(viewing, node, { incarnation: newestIncarnation(pod), reason: loss });
    return;
  }
  const said = floors.get(node) === world.incarnation ? replaced.get(node) : undefined;
  worlds.set(node, said === undefined ? world : { ...world, replaced: said });
}

function reportOf({ hosts, testnet }: Viewing, { spec }: Pod): TestnetReport | undefined {
  const seen = spec.nodeName === undefined ? undefined : hosts.get(spec.nodeName);
  return seen?.report?.testnets.find(({ uid }) => uid === testnet.uid);
}

function reportChanged(viewing: Viewing, report: HostReport): boolean {
  const { hosts, clock, testnet, known } = viewing;
  const find = (one: HostReport | undefined) =>
    one?.testnets.find(({ uid }) => uid === testnet.uid);
  const before = hosts.get(report.host);
  hosts.set(report.host, { report, heardAt: clock.now() });
  const now = find(report);
  if (JSON.stringify(find(before?.report)) === JSON.stringify(now)) return false;
  for (const [node, { spec }] of known) if (spec.nodeName === report.host) refresh(viewing, node);
  return true;
}

function enforcementOf(
  { hosts, known, testnet, clock }: Viewing,
  schedule: Schedule | undefined,
): readonly Enforcement[] {
  const nodesOn = new Map<string, NodeName[]>();
  for (const [node, { spec }] of known) {
    if (spec.nodeName === undefined) continue;
    const list = nodesOn.get(spec.nodeName);
    if (list === undefined) nodesOn.set(spec.nodeName, [node]);
    else list.push(node);
  }
  const now = clock.now();
  for (const host of nodesOn.keys()) if (!hosts.has(host)) hosts.set(host, { heardAt: now });
  return hostEnforcement({ hosts, nodesOn, schedule, uid: testnet.uid, now });
}
