// The front process of a local testnet: starts the supervisor in fresh namespaces, shows what it
// does, stops it on a signal, and writes the report. It is outside the namespaces, so that it can
// serve /metrics on localhost; when it goes, the supervisor sees its standard input end and stops.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Plan } from '../plan/plan.ts';
import type { Session, StopReason } from '../session/session.ts';
import { openSession } from '../session/socket-session.ts';
import { claimRunDirectory, socketPath } from '../session/state-directory.ts';
import type { RunOptions } from '../supervisor/options.ts';
import { isDetached } from './detach.ts';
import type { Problem } from './report-directory.ts';

export type Front = {
  readonly directory: string;
  readonly session: Session;
  /** Waits until the supervisor answers; gives the reason if it never does. */
  readonly contact: () => Promise<Problem | undefined>;
  /** Waits for the supervisor's end; gives what it could not write down itself. */
  readonly verdict: () => Promise<Problem | undefined>;
  /** Ends everything at once. */
  readonly kill: () => void;
  /** The same; resolves when nothing of it is left. */
  readonly close: () => Promise<void>;
};

type Ended = { readonly code: number | null; readonly signal: string | null };

const startLimitMs = 60_000;
const pollMs = 30;
/** As this process began. */
const parent = process.ppid;

export async function startSupervisor(
  plan: Plan,
  options: RunOptions,
  specText: string,
): Promise<Front> {
  const directory = await claimRunDirectory(plan.testnet);
  await mkdir(join(directory, 'logs'), { recursive: true });
  await writeFile(join(directory, 'plan.json'), JSON.stringify(plan));
  await writeFile(join(directory, 'options.json'), JSON.stringify(options));
  await writeFile(join(directory, 'spec.yaml'), specText);
  const log = openSync(join(directory, 'supervisor.log'), 'a');
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const main = fileURLToPath(new URL(`../supervisor/main.${extension}`, import.meta.url));
  const child = spawn('unshare', [...namespaces(), process.execPath, main, directory], {
    // Its own session: Ctrl-C reaches only this process, which then stops the run in order.
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  // Written to by nobody; that it ends says that this process is gone.
  child.stdin?.on('error', () => undefined);
  return frontOf(directory, child);
}

function frontOf(directory: string, child: ChildProcess): Front {
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const supervisor = watchChild(child.pid);
  const kill = () => {
    const pid = supervisor();
    // unshare waits for it, and it is not gone before all of its process namespace is.
    if (!isOver() && pid !== undefined) signalOnce(pid);
    else child.kill('SIGKILL');
  };
  const session = openSession(socketPath(directory));
  return {
    directory,
    session,
    contact: async () => {
      for (const limit = Date.now() + startLimitMs; Date.now() < limit && !isOver(); ) {
        supervisor();
        if (await session.status().catch(() => undefined)) return undefined;
        await wait(pollMs);
      }
      kill();
      const { code } = await ended;
      const told = await readFile(join(directory, 'problem.json'), 'utf8').catch(() => undefined);
      if (told !== undefined) return JSON.parse(told) as Problem;
      const message = `the supervisor did not start${await lastWords(directory)}`;
      return { code: 'START_FAILED', exit: code === 70 ? 70 : 3, message };
    },
    verdict: async () => {
      const { code, signal } = await ended;
      if (code === 0) return undefined;
      const how = signal === null ? `with exit status ${code}` : `by ${signal}`;
      const message = `the supervisor ended ${how}${await lastWords(directory)}`;
      return { code: 'CONTACT_LOST', exit: code === 70 ? 70 : 3, message };
    },
    kill,
    close: async () => {
      const pid = supervisor();
      kill();
      await ended;
      // Where unshare was killed, its child dies with it, but a little later.
      for (; isAlive(pid); await wait(pollMs));
    },
  };
}

async function lastWords(directory: string): Promise<string> {
  const text = await readFile(join(directory, 'supervisor.log'), 'utf8').catch(() => '');
  const words = text.trimEnd().split('\n').slice(-15).join('\n');
  return words === '' ? '' : `: ${words}`;
}

/** Rootless where the user is not root; --kill-child: no supervisor without its parent. */
function namespaces(): readonly string[] {
  const user = process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const own = ['--net', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc', '--'];
  return [...user, ...own];
}

/** The only child of a process, once it has been seen. */
function watchChild(parent: number | undefined): () => number | undefined {
  let found: number | undefined;
  return () => {
    found ??= readdirSync('/proc')
      .map(Number)
      .find((pid) => pid > 0 && statOf(pid)?.parent === parent);
    return found;
  };
}

/**
 * The first thread of a process may be done while the last one still ends the process namespace:
 * the process is gone when it has no other threads (or is not there at all).
 */
function isAlive(pid: number | undefined): boolean {
  const stat = pid === undefined ? undefined : statOf(pid);
  return stat !== undefined && !(stat.state === 'Z' && stat.threads <= 1);
}

type Stat = { readonly state: string; readonly parent: number; readonly threads: number };

/** proc_pid_stat(5): fields 3, 4 and 20. */
function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), threads: Number(fields[17]) };
  } catch {
    return undefined;
  }
}

function signalOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

/**
 * Calls back on SIGINT, SIGTERM, SIGHUP and when the parent of this process goes; a second signal
 * calls `force`. Returns how to stop listening.
 */
export function onStopSignals(handlers: {
  readonly stop: (reason: StopReason) => void;
  readonly force: () => void;
}): () => void {
  let asked = false;
  const listen = (signal: NodeJS.Signals, number: number) => {
    const listener = () => {
      if (asked) handlers.force();
      else handlers.stop({ code: 'SIGNAL', exit: 128 + number, message: `stopped by ${signal}` });
      asked = true;
    };
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  };
  const off = [listen('SIGINT', 2), listen('SIGTERM', 15), listen('SIGHUP', 1)];
  // npm answers SIGTERM itself and leaves its child running: whoever started us is gone then.
  const orphan = setInterval(() => {
    if (!isDetached() && process.ppid !== parent && !asked) process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
  return () => {
    clearInterval(orphan);
    for (const stop of off) stop();
  };
}
