// The processes of pods on this host, by its /proc, which is mounted into ours. A number of a
// process may be used again, so whoever acts on one asks again first whether it is still the same.
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../runtime/clock.ts';
import { membershipOf, type ProcessStat, statOf } from './cgroup.ts';

export type PodProcess = {
  /** As the host's /proc names it. */
  readonly pid: number;
  readonly pod: string;
  readonly container?: string;
  readonly command: string;
  readonly startTicks: number;
};

export interface ProcessTable {
  /** Processes of all pods, oldest first, as they are now. */
  scan(): readonly PodProcess[];
  /** Only those that are new since the last look are read: for looking often. */
  glance(): readonly PodProcess[];
  /** Undefined if it is gone, or another has its number. */
  stat(process: Pick<PodProcess, 'pid' | 'startTicks'>): ProcessStat | undefined;
  /** A file of it, `ns/net`. */
  path(process: Pick<PodProcess, 'pid'>, file: string): string;
  /** When it started, epoch milliseconds. */
  startedAt(process: Pick<PodProcess, 'startTicks'>): number;
  /** Processes of the host that are in no pod, oldest first. */
  outsiders(): readonly number[];
}

/** A process is moved into its container's cgroup a moment after it was made. */
const settledMs = 3_000;

type Known = { readonly seenAt: number; readonly process: PodProcess | undefined };

export function openProcessTable(root: string): ProcessTable {
  const known = new Map<number, Known>();
  let booted: number | undefined;
  const read = (pid: number, file: string): string => {
    try {
      return readFileSync(`${root}/${pid}/${file}`, 'utf8');
    } catch {
      return ''; // gone, or not for our eyes
    }
  };
  const look = (pid: number, before?: PodProcess): PodProcess | undefined => {
    // Once in its container's cgroup it stays there; what it runs may still change.
    const inPlace = before?.container !== undefined;
    const membership = inPlace ? before : membershipOf(read(pid, 'cgroup'));
    if (membership === undefined) return undefined;
    const stat = statOf(read(pid, 'stat'));
    if (stat === undefined) return undefined;
    const { command, startTicks } = stat;
    if (inPlace && startTicks !== before.startTicks) return look(pid);
    return { ...membership, pid, command, startTicks };
  };
  const update = (again: boolean): readonly PodProcess[] => {
    const now = systemClock.now();
    const pids = new Set(pidsIn(root));
    for (const pid of known.keys()) if (!pids.has(pid)) known.delete(pid);
    for (const pid of pids) {
      const before = again ? undefined : known.get(pid);
      const settled = before !== undefined && now - before.seenAt > settledMs;
      if (settled) continue;
      known.set(pid, { seenAt: before?.seenAt ?? now, process: look(pid, before?.process) });
    }
    return [...known.values()]
      .flatMap(({ process }) => process ?? [])
      .toSorted((a, b) => a.startTicks - b.startTicks || a.pid - b.pid);
  };
  return {
    scan: () => update(true),
    glance: () => update(false),
    stat: ({ pid, startTicks }) => {
      const stat = statOf(read(pid, 'stat'));
      return stat?.startTicks === startTicks ? stat : undefined;
    },
    path: ({ pid }, file) => `${root}/${pid}/${file}`,
    startedAt: ({ startTicks }) => {
      // Once: each reading is a little different, and the start of a process is not.
      booted ??= bootedAt(root);
      return booted + startTicks * 10;
    },
    outsiders: () =>
      pidsIn(root)
        .flatMap((pid) => {
          const cgroup = read(pid, 'cgroup');
          if (cgroup === '' || membershipOf(cgroup) !== undefined) return [];
          const stat = statOf(read(pid, 'stat'));
          return stat === undefined ? [] : [{ pid, startTicks: stat.startTicks }];
        })
        .toSorted((a, b) => a.startTicks - b.startTicks)
        .map(({ pid }) => pid),
  };
}

function pidsIn(root: string): readonly number[] {
  return readdirSync(root).flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []));
}

/** From the time since boot, which is known to 10 ms; `btime` of /proc/stat is in whole seconds. */
function bootedAt(root: string): number {
  const [seconds] = readFileSync(`${root}/uptime`, 'utf8').split(' ');
  return systemClock.now() - Number(seconds) * 1_000;
}
