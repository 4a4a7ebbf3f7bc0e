// Where the page has its run from: a session of a running testnet (live.ts), or the report of a
// finished one (replay.ts). The server (server.ts) knows only this.
import type { Frame, Recording } from './state.ts';

export type Message =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** Nothing comes any more. */
  | { readonly kind: 'end' };

export interface PageSource {
  readonly testnet: string;
  /** Everything so far; then, until the returned function is called, what comes. */
  open(listener: (message: Message) => void): {
    readonly recording: Recording;
    readonly close: () => void;
  };
  /** The newest lines of a node's log. */
  log(node: string): Promise<readonly string[]>;
  /** Absent: the page can only look on. */
  readonly control?: PageControl;
}

export interface PageControl {
  /** `text` is a `kind: Fault` document. Gives the name of the fault. */
  applyFault(text: string): Promise<string>;
  /** All of them without a name. */
  clearFaults(name?: string): Promise<readonly string[]>;
}
