// A process of nft that was started before its transaction is due, and waits for it on its standard
// input: to start one costs more than most changes do.
import { systemClock } from '../clock.ts';
import { startAhead, type Waiting } from '../fabric/kernel-commands.ts';

export type Ahead = {
  /**
   * Tells when the next change is planned for, as Unix time in ms; `Infinity`: for never.
   * `prepare`: what else is to be done so long before it.
   */
  expect(moment: number, prepare: () => void): void;
  /** Undefined: there is none. */
  run(input: string): ReturnType<Waiting['run']> | undefined;
  stop(): void;
};

/**
 * `argv`: nft, with its standard input as its file. It is started `leadMs` before a planned change;
 * `Infinity`: one waits always, also for a change that nobody planned.
 */
export function nftAhead(
  leadMs: number,
  [program, ...args]: readonly ['nft' | 'nsenter', ...string[]],
): Ahead {
  let waiting: Waiting | undefined;
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    if (waiting?.isThere() !== true) waiting = startAhead(program, args);
  };
  return {
    expect: (moment, prepare) => {
      clearTimeout(timer);
      const both = () => {
        start();
        prepare();
      };
      if (leadMs === Infinity) start();
      else {
        const waitMs = Math.max(0, moment - leadMs - systemClock.now());
        // What is too far ahead for a timer will be said again.
        if (waitMs < 2 ** 31) timer = setTimeout(both, waitMs);
      }
    },
    run: (input) => {
      const one = waiting;
      waiting = undefined;
      return one?.isThere() === true ? one.run(input) : undefined;
    },
    stop: () => {
      clearTimeout(timer);
      waiting?.stop();
      waiting = undefined;
    },
  };
}
