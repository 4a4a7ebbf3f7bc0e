// The container of a node among the processes of its pod, and signals to it. A signal goes to a
// process only after it was seen again to be the one that was meant.
import { constants } from 'node:os';
import { systemClock } from '../runtime/clock.ts';
import type { SeenContainer } from './node-order.ts';
import type { PodProcess, ProcessTable } from './processes.ts';

export type NodeContainer = Pick<SeenContainer, 'frozen'> & {
  readonly id: string;
  /** Epoch milliseconds, of its first process. */
  readonly startedAt: number;
  /** Oldest first; the first one is the container's own. */
  readonly processes: readonly PodProcess[];
};

/** A runtime's own program, before it becomes the container's; frozen, it hangs the runtime. */
const runtimeInit = /^(?:runc|crun|youki)/;

/** Undefined while none runs. `initContainers`: ids of those that are not meant. */
export function nodeContainer(
  table: Pick<ProcessTable, 'stat' | 'startedAt'>,
  { processes, initContainers }: PodParts,
): NodeContainer | undefined {
  const sandbox = sandboxOf(processes);
  const candidates = processes.filter(
    ({ container }) =>
      container !== undefined && container !== sandbox && !initContainers.includes(container),
  );
  // While one ends, its successor may be there already: the newer one counts.
  const id = [...new Set(candidates.map(({ container }) => container))].at(-1);
  const own = candidates.filter(({ container }) => container === id);
  const states = own.flatMap((process) => table.stat(process) ?? []);
  const alive = states.filter(({ state }) => state !== 'Z' && state !== 'X');
  const [first] = own;
  if (id === undefined || first === undefined || alive.length === 0) return undefined;
  if (alive.some(({ command }) => runtimeInit.test(command))) return undefined;
  return {
    id,
    processes: own,
    frozen: alive.every(({ state }) => state === 'T' || state === 't'),
    startedAt: table.startedAt(first),
  };
}

export type PodParts = {
  /** Of one pod, oldest first. */
  readonly processes: readonly PodProcess[];
  readonly initContainers: readonly string[];
};

/** CRI-O may do without; then the first container is not called `pause`. */
function sandboxOf(processes: readonly PodProcess[]): string | undefined {
  const first = processes.find(({ container }) => container !== undefined);
  return first?.command === 'pause' ? first.container : undefined;
}

/** True if it was sent. */
export function signalProcess(
  table: ProcessTable,
  process: PodProcess,
  signal: NodeJS.Signals,
): boolean {
  if (table.stat(process) === undefined) return false;
  try {
    return globalThis.process.kill(process.pid, signal);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && error.errno === -constants.errno.ESRCH;
}

/** Signal, grace, SIGKILL; asked again for the same container, it goes on where it was. */
export type Ending = { readonly container: string; readonly killAt: number };

export function endContainer(
  table: ProcessTable,
  container: NodeContainer,
  how: {
    readonly stop: { readonly signal: NodeJS.Signals; readonly graceSeconds: number };
    readonly before: Ending | undefined;
  },
): Ending {
  const { stop, before } = how;
  const [main] = container.processes;
  const now = systemClock.now();
  const first = before?.container !== container.id;
  const killAt = first ? now + stop.graceSeconds * 1_000 : before.killAt;
  if (main === undefined) return { container: container.id, killAt };
  if (stop.signal === 'SIGKILL' || now >= killAt) signalProcess(table, main, 'SIGKILL');
  else if (first) {
    signalProcess(table, main, stop.signal);
    // A stopped process takes a signal only once it goes on.
    for (const each of container.processes) signalProcess(table, each, 'SIGCONT');
  }
  return { container: container.id, killAt };
}

/** Signals to other processes need the host's own numbers, which only `hostPID` gives. */
export function sharesProcessNumbers(status: string, pid: number): boolean {
  // One number for each process namespace from that of /proc's mount down to the process's own.
  const numbers = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
  return numbers.length === 1 && Number(numbers[0]) === pid;
}
