// The lines of samples.jsonl, from which plots and evidence are drawn.
import type { Metrics } from '../network/sample.ts';

export type HistoryLine = {
  /** Seconds from time 0. */
  readonly t: number;
  readonly network: Metrics;
  readonly nodes: Readonly<Record<string, Metrics>>;
  readonly tips: Readonly<Record<string, string>>;
  /** Live edges, only on lines where they differ from the line before. */
  readonly edges?: readonly (readonly [string, string])[];
};

/** run.json: what is known of the run besides plan, state and samples. */
export type RunRecord = {
  readonly runtime: string;
  readonly specFile: string;
  readonly startedAt: string;
  readonly readyAt?: string;
  readonly endedAt?: string;
  readonly versions: Readonly<Record<string, string>>;
};
