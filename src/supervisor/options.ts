// How a run is to be done, besides its plan: handed to the supervisor as options.json.
import type { Bundles } from '../runtime/local/programs.ts';

export type RunOptions = {
  /** Stay after the end until told to stop (`up`, `test --keep`). */
  readonly keep: boolean;
  /** End as soon as something has failed. */
  readonly failFast: boolean;
  /** From the command on; exit 4 when it is over before the run is. */
  readonly timeoutMs?: number;
  readonly specFile: string;
  readonly bundles: Bundles;
  readonly versions: Readonly<Record<string, string>>;
};
