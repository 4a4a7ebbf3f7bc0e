// One number of a benchmark.

export type BenchResult = {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** The target: at most, or at least, so much. */
  readonly most?: number;
  readonly least?: number;
};
