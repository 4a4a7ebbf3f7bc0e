// The parts of report.json.

export type Validity = {
  readonly guard: string;
  readonly limit: number;
  readonly worst: number;
  /** Seconds from time 0 of the worst value. */
  readonly at?: number;
  readonly result: 'ok' | 'warned' | 'void';
};

export type ReportedExpectation = {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'error';
  /** Seconds from time 0 at which it settled. */
  readonly at?: number;
  /** A sentence: what was claimed, what was seen. */
  readonly reason: string;
  /** The samples that decided it: [seconds from time 0, value], at most 120. */
  readonly evidence: readonly (readonly [number, number])[];
};

export type ObservedFault = {
  readonly name: string;
  readonly kind: string;
  /** Seconds from time 0. */
  readonly planned: { readonly start: number; readonly end?: number };
  readonly actual: { readonly start?: number; readonly end?: number };
  readonly spreadSeconds: number;
  readonly pairsProbed: number;
  readonly leaks: number;
  readonly asked: Readonly<Record<string, number>>;
  readonly measured: Readonly<Record<string, number>>;
  readonly packets: { readonly matched: number; readonly dropped: number; readonly probes: number };
  readonly proved: boolean;
  /** Why it is not, or what to know. */
  readonly notes: readonly string[];
};

/** Cleared before it began: there is nothing to prove. As `isCancelled` of decide, of a report. */
export function wasCancelled({ planned, actual }: ObservedFault): boolean {
  const { start, end } = planned;
  return actual.start === undefined && end !== undefined && end <= start;
}

export type ReportedNode = {
  readonly name: string;
  readonly group: string;
  readonly kind: string;
  readonly region: string;
  readonly address: string;
  readonly state: string;
  readonly restarts: number;
  /** Path inside the report directory. */
  readonly log: string;
};
