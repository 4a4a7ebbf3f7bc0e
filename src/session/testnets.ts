// Where running testnets are found by name: on this machine, or in a namespace of a cluster. What
// a command does with the one it is about, it does through its session.
import type { Session, Status } from './session.ts';

/** One that has its name but does not answer yet is only starting. */
export type ShownStatus = Partial<Status> &
  Pick<Status, 'testnet' | 'phase'> & {
    readonly metricsUrl?: string;
    readonly pageUrl?: string;
  };

export interface Testnets {
  /** For messages, after "running": `on this machine`. */
  readonly where: string;
  /** For messages: the flags that lead here, with a blank before; empty for this machine. */
  readonly flags: string;
  /** In the order of the alphabet. */
  names(): Promise<readonly string[]>;
  open(name: string): Session;
  status(name: string): Promise<ShownStatus>;
}
