// report.json: what a run has shown. Fields may be added, not changed (schemaVersion 1).
import type { ObservedFault, ReportedExpectation, ReportedNode, Validity } from './parts.ts';

export type Report = {
  readonly schemaVersion: 1;
  readonly testnet: string;
  readonly runtime: string;
  readonly verdict: 'passed' | 'failed' | 'error';
  readonly exitCode: number;
  readonly problems: readonly string[];
  readonly validity: readonly Validity[];
  readonly randomSeed: number;
  readonly planHash: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** From the command to time 0; absent if it never came. */
  readonly readySeconds?: number;
  readonly durationSeconds: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly expectations: readonly ReportedExpectation[];
  readonly faults: readonly ObservedFault[];
  readonly nodes: readonly ReportedNode[];
};
