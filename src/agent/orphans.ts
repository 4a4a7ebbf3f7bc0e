// Rules of ours in pods that are not ours (any more): the label was taken away, or the Testnet's
// pods were left behind, while no agent was here. A namespace is known by the alias that an agent
// gave its interface together with the pod's own UID; so the host's can never be taken for one,
// and nothing else of somebody else's is touched. An agent of some namespaces leaves the pods of
// others to the agents of those. A node that was paused when its agent died goes on, too.
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { removeOrphan } from '../runtime/kubernetes/pod-enforcer.ts';
import { podOfAlias } from './alias.ts';
import { goOn } from './orders.ts';
import { linksIn, setAlias } from './pod-namespace.ts';
import type { PodProcess, ProcessTable } from './processes.ts';

export interface OrphanSweep {
  /** `ours`: UIDs of the pods that are in somebody's hands. Gives those that were freed. */
  sweep(ours: ReadonlySet<string>): Promise<readonly string[]>;
}

export type SweepOptions = {
  /** Processes of pods can be signalled here. */
  readonly signals: boolean;
  /** Whether a pod in nobody's hands is ours to free; asked only of those with an agent's alias. */
  readonly responsible: (pod: string) => Promise<boolean>;
};

export function createOrphanSweep(table: ProcessTable, options: SweepOptions): OrphanSweep {
  const { signals, responsible } = options;
  /** Network namespaces of pods without anything of ours, or that others are responsible for. */
  let clean = new Set<string>();
  return {
    sweep: async (ours) => {
      const oldest = new Map<string, PodProcess>();
      const processes = table.scan();
      for (const process of processes) {
        if (!ours.has(process.pod) && !oldest.has(process.pod)) oldest.set(process.pod, process);
      }
      const freed: string[] = [];
      const seen = new Set<string>();
      for (const process of oldest.values()) {
        const path = table.path(process, 'ns/net');
        const found = await stat(path, { bigint: true }).catch(() => undefined);
        if (found === undefined) continue;
        const key = `${process.pod} ${found.ino}`;
        seen.add(key);
        if (clean.has(key) || !(await free(table, process, responsible))) continue;
        if (signals) goOn(table, { uid: process.pod, processes });
        freed.push(process.pod);
      }
      clean = seen;
      return freed;
    },
  };
}

/** True if there was something of ours. */
async function free(
  table: ProcessTable,
  process: PodProcess,
  responsible: SweepOptions['responsible'],
): Promise<boolean> {
  const handle = await open(table.path(process, 'ns/net'), constants.O_RDONLY).catch(
    () => undefined,
  );
  if (handle === undefined) return false;
  try {
    if (table.stat(process) === undefined) return false;
    const path = `/proc/${globalThis.process.pid}/fd/${handle.fd}`;
    const links = await linksIn(path);
    if (typeof links === 'string') return false;
    const marked = links.find(({ alias }) => podOfAlias(alias) === process.pod);
    if (marked === undefined || !(await responsible(process.pod))) return false;
    await removeOrphan(path, marked.name);
    await setAlias({ path, device: marked.name }, '');
    return true;
  } finally {
    await handle.close();
  }
}
