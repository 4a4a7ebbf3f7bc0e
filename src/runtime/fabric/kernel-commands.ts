// The programs through which the fabric talks to the kernel. Arguments are arrays, text goes over
// stdin, nothing passes through a shell, and every call has a limit in time.
import { delimiter } from 'node:path';
import { execa } from 'execa';
import { fail } from '../../errors.ts';

export type Program = 'ip' | 'tc' | 'nft' | 'mount' | 'nsenter' | 'unshare' | 'xargs';

export type RunOptions = {
  readonly input?: string;
  readonly signal?: AbortSignal;
};

export type Outcome = { readonly ok: boolean; readonly stdout: string; readonly message: string };

const limitMs = 60_000;

/**
 * The user's PATH with the sbin folders behind it: a login PATH may lack them, and nft is there.
 */
export function systemPath(path = process.env['PATH'] ?? ''): string {
  return [path, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
    .filter((part) => part !== '')
    .join(delimiter);
}

/** What the program wrote; throws COMMAND_FAILED with the program's own message. */
export async function run(
  program: Program,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const outcome = await attempt(program, args, options);
  if (!outcome.ok) throw fail('COMMAND_FAILED', outcome.message);
  return outcome.stdout;
}

/** Same, with the failure as a value: for probing what a machine can do. */
export async function attempt(
  program: Program,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const child = start(program, args, { input: '', ...options });
  return await outcomeOf(child, [program, ...args]);
}

/** A program that was started ahead of its time and waits for its input. */
export type Waiting = {
  /** False: it is over without having been asked anything. */
  readonly isThere: () => boolean;
  readonly run: (input: string) => Promise<Outcome>;
  readonly stop: () => void;
};

/** Of a program that does nothing before it has all of its input. */
export function startAhead(program: Program, args: readonly string[]): Waiting {
  const child = start(program, args, {});
  let over = false;
  const outcome = outcomeOf(child, [program, ...args]).finally(() => {
    over = true;
  });
  // One that has ended by itself is said to be so by its outcome.
  child.stdin.on('error', () => undefined);
  return {
    isThere: () => !over,
    run: async (input) => {
      child.stdin.end(input);
      return await outcome;
    },
    stop: () => void child.kill(),
  };
}

/** Without `input` its standard input stays open. */
function start(program: Program, args: readonly string[], { input, signal }: RunOptions) {
  return execa(program, args, {
    reject: false,
    timeout: limitMs,
    env: { PATH: systemPath(), LC_ALL: 'C' },
    stripFinalNewline: true,
    maxBuffer: 256 * 2 ** 20,
    ...(input === undefined ? {} : { input }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
}

async function outcomeOf(
  child: ReturnType<typeof start>,
  argv: readonly string[],
): Promise<Outcome> {
  const result = await child;
  if (!result.failed) return { ok: true, stdout: result.stdout, message: '' };
  const said = result.stderr.trim() === '' ? result.shortMessage : firstLines(result.stderr);
  return { ok: false, stdout: result.stdout, message: `${argv.slice(0, 7).join(' ')}: ${said}` };
}

function firstLines(text: string): string {
  const lines = text.trim().split('\n');
  return lines.length <= 6 ? lines.join('\n') : `${lines.slice(0, 6).join('\n')}\n...`;
}

/** Runs tasks one after the other, in the order in which they were handed in. */
export type Queue = <T>(task: () => Promise<T>) => Promise<T>;

export function createQueue(): Queue {
  let tail: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = tail.then(task);
    // The caller gets the failure; the next task must not.
    tail = result.catch(() => undefined);
    return result;
  };
}
