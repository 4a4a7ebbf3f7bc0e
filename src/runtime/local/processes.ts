// Processes of nodes: started in namespaces of their own, stopped by signal and grace, paused by
// SIGSTOP. When the program ends, the kernel ends everything that it has started.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fchownSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fail } from '../../errors.ts';
import type { Launch } from '../../kinds/kind.ts';
import type { NodeName } from '../../names.ts';
import { systemClock } from '../clock.ts';
import { systemPath } from '../fabric/kernel-commands.ts';
import type { NodeWorld } from '../runtime.ts';
import { lastLines, logPath, logSize } from './log-files.ts';
import { writeFiles } from './node-files.ts';
import { type Bundles, resolveProgram } from './programs.ts';
import type { View } from './view.ts';

export type NodeProcess = {
  readonly name: NodeName;
  readonly incarnation: number;
  readonly world: () => Omit<NodeWorld, 'addresses'>;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Of the program, as this process sees it. */
  readonly pid: number;
  /** Size of its log before it started. */
  readonly logBytes: number;
  /**
   * Signal, grace, SIGKILL, by default the launch's; resolves when it is gone. Asked again, it
   * only waits, except for SIGKILL, which is sent at once.
   */
  readonly stop: (how?: Launch['stop']) => Promise<void>;
};

export type StartOptions = {
  readonly name: NodeName;
  readonly incarnation: number;
  readonly launch: Launch;
  /** Path of the bound network namespace. */
  readonly netns: string;
  /** Run directory: `nodes/<name>` and `logs/<name>.log` are inside. */
  readonly directory: string;
  readonly bundles: Bundles;
  readonly view: View;
  readonly onChange: () => void;
};

/** They go into the state of the run, which is small. */
const longestWords = 360;

export function dataDirectory(directory: string, node: string): string {
  return join(directory, 'nodes', node);
}

export async function startProcess(options: StartOptions): Promise<NodeProcess> {
  const { name, incarnation, launch, view, onChange } = options;
  const cwd = dataDirectory(options.directory, name);
  const program = await resolveProgram(launch.argv, options.bundles);
  await writeFiles(cwd, launch.files, view.uid);
  const logBytes = await logSize(logPath(options.directory, name));
  const argv = await view.start({ netns: options.netns, dataDirectory: cwd }, program);
  const child = spawnLogged(argv, { ...options, cwd });
  const startedAt = systemClock.now();
  let asked = false;
  let paused = false;
  let exit: NodeWorld['exit'];
  const gone = new Promise<void>((done) => {
    const over = async (code: number | null, signal: string | null) => {
      const end = { at: systemClock.now(), ...endOf(code, signal), asked };
      const words = asked ? '' : await lastWords(options);
      exit ??= words === '' ? end : { ...end, words };
      done();
      onChange();
    };
    child.once('exit', (code, signal) => void over(code, signal));
    child.once('error', () => void over(127, null));
  });
  const pid = await startedPid(child, options);
  return {
    name,
    incarnation,
    pid,
    logBytes,
    world: () => ({
      incarnation,
      phase: exit === undefined ? (paused ? 'paused' : 'running') : 'exited',
      startedAt,
      ...(exit === undefined ? {} : { exit }),
    }),
    pause: () => {
      paused = signalGroup(pid, 'SIGSTOP') || paused;
      onChange();
    },
    resume: () => {
      signalGroup(pid, 'SIGCONT');
      paused = false;
      onChange();
    },
    stop: async (how = launch.stop) => {
      if (exit !== undefined) return;
      const first = !asked;
      asked = true;
      // A fault that kills does not wait for the end of somebody else's grace.
      if (how.signal === 'SIGKILL') signalGroup(child.pid, 'SIGKILL');
      else if (first) endGently({ pid, first: child.pid }, how, gone);
      await gone;
    },
  };
}

/** `first`: of its process namespace, with which all of it ends. */
function endGently(
  { pid, first }: { readonly pid: number; readonly first: number | undefined },
  how: Launch['stop'],
  gone: Promise<void>,
): void {
  signalGroup(pid, how.signal);
  // A stopped process takes a signal only once it goes on.
  signalGroup(pid, 'SIGCONT');
  const limit = setTimeout(() => signalGroup(first, 'SIGKILL'), how.graceSeconds * 1000);
  void gone.then(() => clearTimeout(limit));
}

async function startedPid(child: ChildProcess, { name, directory }: StartOptions): Promise<number> {
  const pid = await pidFrom(child).catch(() => undefined);
  if (pid !== undefined) return pid;
  const words = await lastWords({ name, directory });
  throw fail('START_FAILED', `${name} could not be put into its namespaces: ${words}`);
}

async function lastWords({
  name,
  directory,
}: Pick<StartOptions, 'name' | 'directory'>): Promise<string> {
  const lines = await lastLines(logPath(directory, name), 3).catch(() => []);
  return lines.join('\n').trim().slice(-longestWords);
}

function spawnLogged(
  [program = '', ...rest]: readonly string[],
  { name, directory, launch, view, cwd }: StartOptions & { readonly cwd: string },
): ChildProcess {
  const log = openSync(logPath(directory, name), 'a');
  try {
    // So that a program may open /dev/stderr.
    if (view.uid !== undefined) fchownSync(log, view.uid, view.uid);
    return spawn(program, rest, {
      cwd: '/',
      env: { PATH: systemPath(), HOME: cwd, TMPDIR: '/tmp', LANG: 'C.UTF-8', ...launch.env },
      stdio: ['ignore', log, log, 'pipe'],
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

/** The process id that the start script tells; undefined if it ends without a word. */
async function pidFrom(child: ChildProcess): Promise<number | undefined> {
  const pipe = child.stdio[3];
  if (!(pipe instanceof Readable)) return undefined;
  let text = '';
  // One line; the pipe stays open on the other side. Leaving the loop closes it on ours.
  for await (const chunk of pipe) {
    text += String(chunk);
    if (text.endsWith('\n')) return Number(text);
  }
  return undefined;
}

/** The first process of the namespace ends as a shell does: with 128 and the number of a signal. */
function endOf(
  code: number | null,
  signal: string | null,
): Pick<NonNullable<NodeWorld['exit']>, 'code' | 'signal'> {
  const found = Object.entries(constants.signals).find(([, number]) => code === 128 + number);
  return found === undefined ? { code, signal } : { code: null, signal: found[0] };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false; // gone already
  }
}
