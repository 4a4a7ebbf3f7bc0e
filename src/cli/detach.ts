// `up --detach`: the same command again, on its own; returns when the testnet is ready.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fail } from '../errors.ts';
import { openSession } from '../session/socket-session.ts';
import { holderOf, runDirectory, socketPath, stateDirectory } from '../session/state-directory.ts';
import type { RunRequest } from './run-testnet.ts';

/** Tells the command that it is the one in the background. */
const mark = 'PEERSTORM_DETACHED';

/** What it says meanwhile; one that has ended in order has nothing to add. */
const logOf = (testnet: string) => join(stateDirectory(), `${testnet}.log`);

export function removeLog(testnet: string): void {
  rmSync(logOf(testnet), { force: true });
}

export function isDetached(): boolean {
  return process.env[mark] === '1';
}

export async function detach({ plan, specFile, terminal }: RunRequest): Promise<number> {
  if (specFile === '-') throw fail('USAGE', '--detach needs a file, not standard input');
  const name = plan.testnet;
  if ((await holderOf(name)) !== undefined) {
    throw fail('NAME_TAKEN', `a testnet called "${name}" is running`);
  }
  mkdirSync(stateDirectory(), { recursive: true, mode: 0o700 });
  await using log = await open(logOf(name), 'w+');
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, [mark]: '1' },
  });
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? 3));
    child.once('error', () => resolve(3));
  });
  const stop = new AbortController();
  const ready = isReady(name, child.pid, stop.signal);
  const code = await Promise.race([ended, ready]);
  stop.abort();
  if (code === undefined) {
    child.unref();
    terminal.note(
      `${name} is ready; see \`peerstorm status\`, end it with \`peerstorm down ${name}\``,
    );
    return 0;
  }
  // It may have been removed.
  terminal.note(await textIn(log));
  return code === 0 ? 3 : code;
}

async function textIn(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  return (await file.read(Buffer.alloc(size), 0, size, 0)).buffer.toString('utf8');
}

/** Resolves when time 0 of the testnet of that process has come. */
async function isReady(name: string, pid: number | undefined, signal: AbortSignal) {
  const session = openSession(socketPath(runDirectory(name)));
  while (!signal.aborted) {
    // Until it has the name, another may answer.
    const isOurs = (await holderOf(name)) === pid;
    const status = isOurs ? await session.status().catch(() => undefined) : undefined;
    if (status?.elapsed !== undefined) return undefined;
    await wait(200);
  }
  return undefined;
}
