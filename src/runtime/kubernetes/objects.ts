// The objects of ours in the Kubernetes API: what users apply (Testnet, Fault), what the controller
// tells the agents (NetworkState), and what they answer (HostReport); and the names and labels of
// everything that belongs to a testnet. Data only: whoever reads or writes them is elsewhere.
// Users' documents are declared in spec/schema.ts; the shapes here are what machines exchange.
import type { Reason } from '../../decide/state.ts';
import type { Impairment } from '../../faults/effect.ts';
import type { NodeName } from '../../names.ts';
import type { Capability, DesiredNode, Enforcement, NodeWorld, ProbeResult } from '../runtime.ts';

export const apiGroup = 'peerstorm.dev';
export const version = 'v1alpha1';
export const apiVersion = `${apiGroup}/${version}` as const;

/** On every object of a testnet; `node` and `group` on its pods and their volumes. */
export const labels = {
  testnet: 'peerstorm.dev/testnet',
  group: 'peerstorm.dev/group',
  node: 'peerstorm.dev/node',
  region: 'peerstorm.dev/region',
} as const;

export const annotations = {
  /** On a pod: PodOrder as JSON, when it is not the default (running, its first incarnation). */
  order: 'peerstorm.dev/order',
  /** On a pod, never changed: the incarnation of its first container, when that is not 0. */
  first: 'peerstorm.dev/first-incarnation',
  /** On a pod: hash of what it was made from; with another one it is replaced if it never ran. */
  madeFrom: 'peerstorm.dev/made-from',
  /** On a pod made before its turn; that has come when a NetworkState has it not as waiting. */
  ahead: 'peerstorm.dev/ahead',
  /** On a Testnet: `true` ends the run at the first expectation that fails. */
  failFast: 'peerstorm.dev/fail-fast',
  /** On a Testnet: a StopReason as JSON; the run ends because of it, with all its evidence. */
  stop: 'peerstorm.dev/stop',
  /** On a Testnet: faults that are to end, separated by commas. */
  clear: 'peerstorm.dev/clear-faults',
} as const;

/** Faults are healed and pods gone before a Testnet goes. */
export const finalizer = 'peerstorm.dev/cleanup';
export const fieldManagers = { controller: 'peerstorm-controller', agent: 'peerstorm-agent' };

/** Names of the objects of a testnet; all are in its namespace and owned by it. */
export const names = {
  pod: (testnet: string, node: NodeName) => `${testnet}-${node}`,
  /** The headless Service: `<pod>.<testnet>.<namespace>.svc` is a node. */
  service: (testnet: string) => testnet,
  /** ConfigMap: RunState. */
  run: (testnet: string) => `${testnet}-run`,
  /** ConfigMap: the list of edges that the run has begun with (`topology.edgesFrom`). */
  edges: (testnet: string) => `${testnet}-run-edges`,
  /** ConfigMaps: files of nodes, each below 1 MiB. */
  files: (testnet: string, shard: number) => `${testnet}-files-${shard}`,
  /** ConfigMaps: timeline and network-level series for the report. */
  history: (testnet: string, chunk: number) => `${testnet}-history-${chunk}`,
  /** NetworkState: who is where. */
  nodes: (testnet: string, shard: number) => `${testnet}-nodes-${shard}`,
  /** NetworkState: what is in force when. */
  faults: (testnet: string) => `${testnet}-faults`,
  claim: (testnet: string, node: NodeName) => `${testnet}-${node}`,
  /** The container of a pod that is the node. */
  container: 'node',
  /** Of its init container: bin/gate. */
  gate: 'gate',
};

export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
};

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

export type ConditionType =
  | 'Accepted'
  | 'Ready'
  | 'Reconciling'
  | 'Stalled'
  | 'FaultsApplied'
  | 'Finished'
  | 'Succeeded';

/** KEP-1623. */
export type Condition = {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** One CamelCase word; of Finished: Passed, Failed or Error. */
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
};

/** Reason of a Testnet's Accepted: the ConfigMap of its edges is not there (yet). */
export const edgesMissing = 'EdgesMissing' as const;

/** Reason of a Fault's Accepted that has warnings; they are its message, a line each. */
export const faultWarned = 'SpecWarned';

/** Times are RFC 3339. No per-node lists: status is sent to every watcher at every change. */
export type TestnetStatus = {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly planHash?: string;
  readonly nodes: { readonly planned: number; readonly running: number; readonly ready: number };
  /** `ready/planned`, for the printer column. */
  readonly nodesReady: string;
  /** `active/known`, for the printer column. */
  readonly faultsActive?: string;
  /** Time 0. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly verdict?: 'passed' | 'failed' | 'error';
  readonly exitCode?: number;
  readonly faults?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly state: 'planned' | 'active' | 'over' | 'cleared';
    readonly start?: string;
    readonly end?: string;
    readonly enforced?: string;
    readonly healed?: string;
    readonly proof?: string;
  }[];
  readonly expectations?: readonly {
    readonly name: string;
    readonly status: 'pending' | 'passed' | 'failed' | 'error';
    readonly reason?: Reason;
    readonly message?: string;
  }[];
  /** At most 10. */
  readonly problems?: readonly string[];
};

/** `spec` is what spec/schema.ts declares, as the user wrote it: parse it before use. */
export type TestnetObject = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'Testnet';
  readonly metadata: ObjectMeta;
  readonly spec: unknown;
  readonly status?: TestnetStatus;
};

export type FaultObject = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'Fault';
  readonly metadata: ObjectMeta;
  readonly spec: { readonly testnet: string } & Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly observedGeneration: number;
    readonly conditions: readonly Condition[];
    readonly start?: string;
    readonly end?: string;
    readonly proof?: string;
  };
};

/**
 * What a node is to do, for the agent of its host. The process of a container is the incarnation
 * `first + restartCount`. The one that the order names does what `run` says (`stopped`: it gets the
 * signal, and SIGKILL after the grace); its successor, which the kubelet starts by itself, is then
 * frozen until an order asks for it.
 */
export type PodOrder = Pick<DesiredNode, 'incarnation' | 'stop'> & {
  /** A pod that is held has no order: it waits at its gate. */
  readonly run: Exclude<DesiredNode['run'], 'held'>;
};

/**
 * A shard of who is where (`nodes`, at most 2,000), or what is in force when (`schedule`); one
 * object has one of them. Agents read those of the testnets that have pods on their host.
 */
export type NetworkState = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'NetworkState';
  readonly metadata: ObjectMeta;
  /** Of the Testnet: an agent acts for pods owned by this one only. */
  readonly testnet: { readonly name: string; readonly uid: string };
  readonly nodes?: readonly NodeEntry[];
  readonly schedule?: NetworkSchedule;
};

export type NodeEntry = {
  readonly name: NodeName;
  /** Of its pod. */
  readonly uid: string;
  /** All podIPs. */
  readonly ips: readonly string[];
  /** At its gate: its turn to start has not come. */
  readonly waits?: boolean;
};

/** runtime.ts's Schedule, with each set of nodes written once. Times are epoch milliseconds. */
export type NetworkSchedule = {
  readonly generation: number;
  readonly leaseSeconds: number;
  /**
   * Sets of nodes, each as ranges: `full 0-19`, `miner 3`; independent of which pods exist, so that
   * shards and schedule may arrive in any order.
   */
  readonly sets: readonly (readonly string[])[];
  readonly base: readonly WireEffect[];
  readonly effects: readonly (WireEffect & { readonly start: number; readonly end?: number })[];
  /** Numbers of faults, the same for the whole run: counters are named by them. */
  readonly faultIds: Readonly<Record<string, number>>;
  /** The newest round of fault probes that was asked for. */
  readonly probe?: ProbeOrder;
  /** Nodes reach addresses outside the testnet; else the base rule drops them (DNS stays). */
  readonly openEgress?: boolean;
  /** What agents ask their own nodes of; absent: the controller asks all. */
  readonly observe?: ObserveOrder;
  /** `network.packets: gso`; else packets are cut to the MTU, so that each is lost alone. */
  readonly largePackets?: boolean;
};

export type WireEffect = {
  readonly fault: string;
  /** Index into `sets`. */
  readonly from: number;
  readonly to: number;
  readonly impairment: Impairment;
};

export type ObserveOrder = {
  /** Each node so often. */
  readonly everyMs: number;
  readonly groups: readonly {
    readonly name: string;
    readonly kind: string;
    /** JSON: the kind's, with its defaults. */
    readonly config: string;
  }[];
};

/** Receivers' agents open sockets before `start`, senders' agents send from then on. */
export type ProbeOrder = {
  readonly id: number;
  /** Epoch milliseconds; the first packets leave. */
  readonly start: number;
  readonly pairs: readonly (readonly [from: NodeName, to: NodeName, count: number])[];
};

/** Halves of probe results: a sender's agent knows sent, a receiver's agent the rest. */
export type ProbeHalf =
  | ({ readonly half: 'sent' } & Pick<ProbeResult, 'from' | 'to' | 'sent' | 'sentAt'>)
  | ({ readonly half: 'received' } & Pick<
      ProbeResult,
      'from' | 'to' | 'received' | 'reordered' | 'delaysMs'
    >);

/**
 * One per host, named like it, in the namespace of the agent: what its agent found and did. Written
 * at changes, at problems, and every 30 s.
 */
export type HostReport = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'HostReport';
  readonly metadata: ObjectMeta;
  readonly host: string;
  /** RFC 3339. */
  readonly reportedAt: string;
  readonly agentStartedAt: string;
  readonly agentVersion: string;
  /** `10.1.2.3:9469`, where it says what its nodes answer; absent: it does not. */
  readonly agentAddress?: string;
  readonly capabilities: readonly Omit<Capability, 'host'>[];
  readonly testnets: readonly TestnetReport[];
};

export type TestnetReport = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of all pods of it here; `faults` are the last to be enforced and the first to be healed. */
  readonly enforcement: Omit<Enforcement, 'host'>;
  /** Epoch milliseconds of the first and last pod, for the generation in force. */
  readonly appliedBetween?: readonly [number, number];
  /** Pods under the rules of that generation. */
  readonly pods: number;
  /** Nodes with an order, and those whose rules could not be made. */
  readonly nodes: Readonly<
    Record<
      NodeName,
      Partial<Pick<NodeWorld, 'incarnation' | 'phase' | 'startedAt'>> & {
        readonly problem?: string;
      }
    >
  >;
  readonly probe?: { readonly id: number; readonly results: readonly ProbeHalf[] };
};
