// The port: what a runtime can do. At most eight methods, no vendor type. Everything above it is
// the same for local, docker, kubernetes and memory.
import type { PlacedEffect, ScheduledEffect } from '../faults/effect.ts';
import type { Launch, NodeReply, NodeRequest } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';

/** netem stands for delay, jitter, duplicate, reorder, corrupt and burst. */
export type Feature =
  | 'namespaces'
  | 'nft'
  | 'htb'
  | 'netem'
  | 'netem-duplicate'
  | 'resources'
  | 'dns'
  | 'binary'
  /** What nodes write can be read. */
  | 'logs'
  /** Processes of nodes can be killed and paused. */
  | 'node-faults';

export type Capability = {
  readonly host: string;
  readonly feature: Feature;
  readonly ok: boolean;
  /** What was found. */
  readonly reason: string;
  /** What brings it, when it is missing. */
  readonly fix?: string;
};

export type DesiredNode = {
  readonly name: NodeName;
  /** Raised by one for each start that was asked for. From 0. */
  readonly incarnation: number;
  /** `held`: it must not run yet; what takes time before it can may be done. */
  readonly run: 'running' | 'paused' | 'stopped' | 'held';
  /** How this one is to be ended when it is not to run any more; default: the launch's. */
  readonly stop?: { readonly signal: NodeJS.Signals; readonly graceSeconds: number };
  readonly launch: Launch;
};

export type Schedule = {
  /** Raised with each change. */
  readonly generation: number;
  readonly leaseSeconds: number;
  readonly base: readonly PlacedEffect[];
  readonly effects: readonly ScheduledEffect[];
};

export type NodeWorld = {
  readonly incarnation: number;
  /** `absent`: not created; `running` says that the process is there, not that it is ready. */
  readonly phase: 'absent' | 'starting' | 'running' | 'paused' | 'exited';
  readonly addresses: readonly string[];
  /** Epoch milliseconds of the start of this incarnation. */
  readonly startedAt?: number;
  readonly exit?: {
    readonly at: number;
    readonly code: number | null;
    readonly signal: string | null;
    readonly asked: boolean;
    /** What it said last, when it was not asked to end: the last lines of its log. */
    readonly words?: string;
  };
  /** The one before was lost without fault of the node (its host, an eviction, a user's hand). */
  readonly replaced?: { readonly at: number; readonly reason: string };
  /** Why it does not start, or is not under the rules that it should be under. */
  readonly problem?: string;
};

/** By named counter: matched = seen by rules of the fault, dropped = lost by it. */
export type FaultCounters = {
  readonly matchedPackets: number;
  readonly matchedBytes: number;
  readonly droppedPackets: number;
  readonly droppedBytes: number;
};

export type Enforcement = {
  readonly host: string;
  /** Of the schedule that is in force. */
  readonly generation: number;
  readonly appliedAt: number;
  /**
   * When each fault's effects were seen in force / gone, epoch milliseconds. Until `healBeganAt`
   * they were in force for sure; between it and `healedAt` a packet may have seen either.
   */
  readonly faults: Readonly<
    Record<
      string,
      { readonly enforcedAt?: number; readonly healBeganAt?: number; readonly healedAt?: number }
    >
  >;
  readonly counters: Readonly<Record<string, FaultCounters>>;
  /** Packets that passed because the lease had run out. */
  readonly lapsedPackets: number;
  /** Packets that overflowed a queue which was to delay them only: nobody asked for that. */
  readonly queueDrops?: number;
  /** What was read back differs from what was asked: the difference. */
  readonly drift?: string;
  /** The change that could not be made. */
  readonly problem?: string;
};

export type World = {
  readonly nodes: ReadonlyMap<NodeName, NodeWorld>;
  readonly enforcement: readonly Enforcement[];
};

export type ProbePair = { readonly from: NodeName; readonly to: NodeName; readonly count: number };
export type ProbeResult = {
  readonly from: NodeName;
  readonly to: NodeName;
  readonly sent: number;
  /** Different packets; one that came twice counts once here and twice in `delaysMs`. */
  readonly received: number;
  /** Arrived after one that was sent later. */
  readonly reordered?: number;
  /** One-way, milliseconds, by arrival. */
  readonly delaysMs: readonly number[];
  /** Epoch milliseconds of the first and last packet sent. */
  readonly sentAt: readonly [number, number];
};

export type ExecResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};
export type LogLine = { readonly node: NodeName; readonly text: string };

export interface Runtime extends AsyncDisposable {
  capabilities(signal: AbortSignal): Promise<readonly Capability[]>;
  /** The whole set; a node left out is removed, its data kept. Resolves on acceptance. */
  ensure(nodes: readonly DesiredNode[], signal: AbortSignal): Promise<void>;
  /** The whole desired state, idempotent; starts and ends are kept by the enforcer itself. */
  enforce(schedule: Schedule, signal: AbortSignal): Promise<void>;
  /** The first snapshot at once, then on changes, coalesced. */
  watch(signal: AbortSignal): AsyncIterable<World>;
  /** Numbered UDP packets from inside the nodes' network, counted at the receiver. */
  probe(
    pairs: readonly ProbePair[],
    signal: AbortSignal,
    /** Epoch milliseconds: not before; for runtimes with a `probeLeadMs`. */
    start?: number,
  ): Promise<readonly ProbeResult[]>;
  /** So long before it begins a round must be asked for; absent: it begins at once. */
  readonly probeLeadMs?: number;
  /** To the node's own address only, no redirects, 1 MiB, 2 s. */
  request(node: NodeName, request: NodeRequest, signal: AbortSignal): Promise<NodeReply>;
  exec(node: NodeName, argv: readonly string[], signal: AbortSignal): Promise<ExecResult>;
  /**
   * Lines so far, then (follow) new ones until aborted. `since`: of all incarnations (the default),
   * or from the start of the present one.
   */
  logs(
    node: NodeName,
    options: { readonly follow: boolean; readonly since?: 'start' | 'incarnation' },
    signal: AbortSignal,
  ): AsyncIterable<LogLine>;
}
