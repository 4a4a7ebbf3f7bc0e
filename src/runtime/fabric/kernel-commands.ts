// The programs through which the fabric talks to the kernel. Arguments are arrays, text goes over
// stdin, nothing passes through a shell, and every call has a limit in time.
import { type ExecFileException, execFile } from 'node:child_process';
import { delimiter } from 'node:path';
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
  const { child, outcome } = start(program, args, options);
  child.stdin?.end(options.input ?? '');
  return await outcome;
}

/** A program that was started ahead of its time and waits for its input. */
export type Waiting = {
  /** False: it is over without having been asked anything. */
  readonly isThere: () => boolean;
  /** The limit in time is from here on. */
  readonly run: (input: string) => Promise<Outcome>;
  readonly stop: () => void;
};

/** Of a program that does nothing before it has all of its input. */
export function startAhead(program: Program, args: readonly string[]): Waiting {
  const { child, outcome } = start(program, args, { limit: 0 });
  let over = false;
  const result = outcome.finally(() => {
    over = true;
  });
  return {
    isThere: () => !over,
    run: async (input) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
      child.stdin?.end(input);
      return await result.finally(() => clearTimeout(timer));
    },
    stop: () => void child.kill(),
  };
}

/** Its standard input stays open. Execa takes 3 ms more for each, and agents start thousands. */
function start(
  program: Program,
  args: readonly string[],
  { signal, limit = limitMs }: Pick<RunOptions, 'signal'> & { readonly limit?: number },
) {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const env = { ...process.env, PATH: systemPath(), LC_ALL: 'C' };
  const child = execFile(
    program,
    args,
    {
      timeout: limit,
      maxBuffer: 256 * 2 ** 20,
      env,
      ...(signal === undefined ? {} : { signal }),
    },
    (error, stdout, stderr) => {
      resolve(outcomeOf([program, ...args], { error, stdout: stdout.replace(/\n$/, ''), stderr }));
    },
  );
  // One that has ended without having read it all is said to be so by its outcome.
  child.stdin?.on('error', () => undefined);
  return { child, outcome: promise };
}

type Result = {
  readonly error: ExecFileException | null;
  readonly stdout: string;
  readonly stderr: string;
};

function outcomeOf(argv: readonly string[], { error, stdout, stderr }: Result): Outcome {
  if (error === null) return { ok: true, stdout, message: '' };
  const said = stderr.trim() === '' ? reasonOf(error) : firstLines(stderr);
  return { ok: false, stdout, message: `${argv.slice(0, 7).join(' ')}: ${said}` };
}

function reasonOf({ code, signal, killed, message }: ExecFileException): string {
  if (killed === true)
    return `stopped: not wanted any more, or not over after ${limitMs / 1_000} s`;
  if (typeof signal === 'string') return `ended by ${signal}`;
  return typeof code === 'number' ? `exit status ${code}` : message;
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
