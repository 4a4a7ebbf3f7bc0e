// What the controller remembers of a Testnet, and what it acts with. All of it can be lost.
import type { Plan } from '../plan/plan.ts';
import type { Cache } from '../runtime/kubernetes/api.ts';
import type { edgesMissing, FaultObject, TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { EdgeList } from '../spec/edge-list.ts';
import { type Finding, formatFinding } from '../spec/problems.ts';
import type { Testnet } from '../spec/schema.ts';
import type { Notices } from './notices.ts';
import type { StatusWriter } from './status-writer.ts';
import type { PastRun, RunWorld, TestnetRun } from './testnet-run.ts';

export type Acceptance =
  | { readonly testnet: Testnet; readonly plan: Plan; readonly edges?: EdgeList }
  /** Everything that is wrong, a line each, as `validate` says it. */
  | { readonly problem: string };

/** `again`: it depends on more than the spec, and that may change by itself. */
export type Looked = {
  readonly generation: number;
  readonly result: Acceptance;
  readonly reason?: typeof edgesMissing;
  readonly again: boolean;
};

export type ReconcilerDependencies = RunWorld & {
  readonly testnets: Pick<Cache<TestnetObject>, 'get'>;
  readonly faults: Pick<Cache<FaultObject>, 'values'>;
  readonly accept: (object: TestnetObject, edges?: EdgeList) => Acceptance;
  readonly notices: Notices;
  /** Asks to reconcile a key soon. */
  readonly ask: (key: string) => void;
};

export type Known = {
  readonly key: string;
  readonly uid: string;
  /** What takes long and goes on by itself. */
  task: Promise<void> | undefined;
  run: TestnetRun | undefined;
  past: PastRun | undefined;
  /** What the run is of. */
  testnet: Testnet | undefined;
  edges: EdgeList | undefined;
  /** Of the spec that the run follows. */
  generation: number | undefined;
  accepted: Looked | undefined;
  /** Why it has not begun, and when it is tried again. */
  obstacle:
    | { readonly reason?: string; readonly message: string; readonly until: number }
    | undefined;
  tries: number;
  /** What of the spec could not be taken over. */
  refused: string | undefined;
};

/** With what it needs to act on one Testnet. */
export type Reconciling = ReconcilerDependencies & {
  readonly known: Map<string, Known>;
  readonly status: StatusWriter;
};

/** Milliseconds; before it -1. */
export function sinceTimeZero({ running }: TestnetRun, now: number): number {
  const { t0 } = running.state;
  return t0 === undefined ? -1 : Math.round(now - t0);
}

/** Problems of a spec, a line each. */
export function linesOf(problems: readonly Finding[]): string {
  return problems.map(formatFinding).join('\n');
}
