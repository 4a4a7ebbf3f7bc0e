// Where running testnets are found by name: one folder each, with the control socket, the plan, the
// state, and the nodes' data and logs. Nothing of a testnet is outside of it.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fail } from '../errors.ts';

// sun_path of a unix socket, unix(7).
const longestSocketPath = 107;
const orphanLimitMs = 10_000;

export function stateDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { PEERSTORM_STATE_DIR: own, XDG_STATE_HOME: xdg } = environment;
  return own ?? join(xdg ?? join(homedir(), '.local', 'state'), 'peerstorm');
}

export function runDirectory(testnet: string): string {
  return join(stateDirectory(), testnet);
}

export function socketPath(directory: string): string {
  const path = join(directory, 'control.sock');
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw fail(
      'USAGE',
      `the state directory is too long for a unix socket (${path}); set PEERSTORM_STATE_DIR`,
    );
  }
  return path;
}

/** Takes the name: an empty run directory whose `lock` names this process. Fails if it is taken. */
export async function claimRunDirectory(testnet: string): Promise<string> {
  const directory = runDirectory(testnet);
  socketPath(directory);
  await mkdir(stateDirectory(), { recursive: true, mode: 0o700 });
  const lock = lockPath(testnet);
  const taken = fail('NAME_TAKEN', `a testnet called "${testnet}" is running`);
  if (!(await lockAs(lock)) && !((await dropStale(lock)) && (await lockAs(lock)))) throw taken;
  // A supervisor whose starter was killed ends by itself; until then it writes to its directory.
  for (const limit = Date.now() + orphanLimitMs; hasProcess(directory); await wait(50)) {
    if (Date.now() < limit) continue;
    await rm(lock, { force: true });
    throw taken;
  }
  // What a killed run left behind.
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700 });
  return directory;
}

/** Whole or not at all, and only if there is none. */
async function lockAs(lock: string): Promise<boolean> {
  const draft = `${lock}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ pid: process.pid, start: await startOf(process.pid) }));
  try {
    await link(draft, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Takes the lock of a dead process away, and of nobody else who may come in between. */
async function dropStale(lock: string): Promise<boolean> {
  if ((await liveHolder(lock)) !== undefined) return false;
  const aside = `${lock}.${randomUUID()}`;
  await rename(lock, aside).catch(ignoreMissing);
  const live = (await liveHolder(aside)) !== undefined;
  if (live) await link(aside, lock);
  await rm(aside, { force: true });
  return !live;
}

/** Is there one that was started with this run directory? */
function hasProcess(directory: string): boolean {
  return readdirSync('/proc').some((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return false;
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      return words.includes(directory) && words.some((word) => word.includes('/supervisor/main.'));
    } catch {
      return false; // gone in the meantime
    }
  });
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function lockPath(testnet: string): string {
  return join(stateDirectory(), `${testnet}.lock`);
}

export async function releaseRunDirectory(testnet: string): Promise<void> {
  await rm(runDirectory(testnet), { recursive: true, force: true, maxRetries: 5 });
  await rm(lockPath(testnet), { force: true });
}

/** Names of the testnets that are running. */
export async function runningTestnets(): Promise<readonly string[]> {
  const entries = await readdir(stateDirectory()).catch(() => []);
  const names: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a < b ? -1 : 1))) {
    if (!entry.endsWith('.lock')) continue;
    const name = entry.slice(0, -'.lock'.length);
    if ((await holderOf(name)) !== undefined) names.push(name);
  }
  return names;
}

/** The process that runs it. */
export async function holderOf(testnet: string): Promise<number | undefined> {
  return await liveHolder(lockPath(testnet));
}

async function liveHolder(lock: string): Promise<number | undefined> {
  const text = await readFile(lock, 'utf8').catch(() => '');
  try {
    const { pid, start } = JSON.parse(text) as { pid: number; start: string };
    return start !== '' && (await startOf(pid)) === start ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Start time of a process (proc(5) stat field 22): with the pid it names a process for good. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
