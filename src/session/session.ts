// What a user holds of a running testnet; CLI, live view and page use only this. Over
// the supervisor's unix socket locally, over the API server on Kubernetes.
import type { RunState } from '../decide/state.ts';
import type { PlannedFault } from '../plan/plan.ts';
import type { ExecResult, LogLine } from '../runtime/runtime.ts';
import type { FaultDocument } from '../spec/schema.ts';

export type Phase = 'starting' | 'running' | 'ended' | 'stopping';

export type NodeStatus = {
  readonly name: string;
  readonly group: string;
  readonly kind: string;
  readonly role: string;
  readonly region: string;
  readonly address: string;
  /** absent, starting, running, ready, paused, exited. */
  readonly state: string;
  readonly restarts: number;
  readonly peers?: number;
  readonly height?: number;
  readonly tip?: string;
  /** Of the newest sample, by the names that expectations use. */
  readonly metrics?: Readonly<Record<string, number>>;
};

export type FaultStatus = {
  readonly name: string;
  readonly kind: string;
  readonly state: 'planned' | 'active' | 'over' | 'cleared';
  /** Seconds from time 0. */
  readonly startsAt: number;
  readonly endsAt?: number;
  readonly proof?: string;
  /** Of an eclipse. */
  readonly attackers?: readonly string[];
  readonly victims?: readonly string[];
};

/** What the live view and `status` show; sent whole, at most once a second. */
export type Status = {
  readonly testnet: string;
  readonly runtime: string;
  readonly phase: Phase;
  readonly startedAt: string;
  /** Seconds from time 0. */
  readonly elapsed?: number;
  readonly nodes: { readonly planned: number; readonly running: number; readonly ready: number };
  readonly wave?: { readonly index: number; readonly of: number };
  /** Network-wide metrics of the newest sample. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly faults: readonly FaultStatus[];
  readonly expectations: readonly {
    readonly name: string;
    readonly status: string;
    readonly last?: number;
    /** What is claimed and, once settled, what was seen. */
    readonly reason?: string;
  }[];
  readonly problems: readonly string[];
  readonly exitCode?: number;
};

/** One line of timeline.jsonl; `t` is seconds from time 0, or absent before it. */
export type TimelineEvent = {
  readonly at: string;
  readonly t?: number;
  readonly event: string;
  readonly message: string;
  readonly [detail: string]: unknown;
};

export type GraphView = {
  readonly nodes: readonly {
    readonly name: string;
    readonly group: string;
    readonly region: string;
    readonly tip?: string;
  }[];
  readonly edges: readonly (readonly [string, string])[];
};

/** Why a run is stopped before its end; decides the exit code. */
export type StopReason = {
  readonly code: string;
  readonly exit: number;
  readonly message: string;
};

/** `warnings`: what may be otherwise than meant, a line each. */
export type AcceptedFault = Pick<PlannedFault, 'name' | 'kind'> & {
  readonly warnings: readonly string[];
};

export interface Session {
  status(): Promise<Status>;
  watch(
    signal: AbortSignal,
  ): AsyncIterable<{ readonly status?: Status; readonly event?: TimelineEvent }>;
  nodes(): Promise<readonly NodeStatus[]>;
  graph(): Promise<GraphView>;
  logs(
    node: string,
    options: { readonly follow: boolean },
    signal: AbortSignal,
  ): AsyncIterable<LogLine>;
  exec(node: string, argv: readonly string[]): Promise<ExecResult>;
  applyFault(document: FaultDocument): Promise<AcceptedFault>;
  faults(): Promise<readonly FaultStatus[]>;
  /** All of them without a name. */
  clearFaults(name?: string): Promise<readonly string[]>;
  state(): Promise<RunState>;
  metrics(): Promise<string>;
  /** Stops the testnet; `reason` when that is not what was asked for (a signal). */
  down(reason?: StopReason): Promise<void>;
}
