// Finds the network namespace of a pod through the host's /proc, and holds it open: from then on
// it is reached by our own descriptor, so that a number of a process that is used again, or a
// sandbox that is made anew, cannot lead us elsewhere. The host's own namespace is never taken:
// the namespace must have the address that the API gives for the pod (a pod on the host's network
// has been refused before), and it must not be our own nor that of the host's own processes, where
// those can be read. What cannot be read is refused.
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { attempt } from '../runtime/fabric/kernel-commands.ts';
import type { PodProcess, ProcessTable } from './processes.ts';

export type PodNamespace = AsyncDisposable & {
  /** For `nsenter --net=`, as long as this process has it open. */
  readonly path: string;
  /** Of the namespace. */
  readonly inode: bigint;
  /** The interface with the pod's address. */
  readonly device: string;
  /** Its alias when it was found. */
  readonly alias: string;
  /** The process by which it was found. */
  readonly process: PodProcess;
};

export type Found =
  | { readonly ok: true; readonly namespace: PodNamespace }
  | { readonly ok: false; readonly reason: string };

export type Wanted = {
  /** UID of the pod. */
  readonly uid: string;
  readonly ips: readonly string[];
  /** From a scan that was made just now. */
  readonly processes: readonly PodProcess[];
};

/** Namespaces of hosts with other processes than the sandbox's in a pod's cgroup. */
const mostCandidates = 4;

export async function openPodNamespace(table: ProcessTable, wanted: Wanted): Promise<Found> {
  const { uid, ips, processes } = wanted;
  const seen = new Set<bigint>();
  // The oldest is the sandbox; later ones may be anything that got into the cgroup.
  const own = processes.filter(({ pod }) => pod === uid);
  let reason = 'no process of it in /proc';
  for (const process of own) {
    const opened = await openOf(table, process).catch(() => undefined);
    if (opened === undefined) {
      reason = `the network namespace of process ${process.pid} cannot be read`;
      continue;
    }
    const { handle, inode, path } = opened;
    const refusal = seen.has(inode)
      ? reason
      : await refusalOf(table, { inode, path, ips }).catch(messageOf);
    if (typeof refusal !== 'string') {
      const end = async () => {
        await handle.close();
      };
      const { name: device, alias } = refusal;
      const namespace = { path, inode, device, alias, process, [Symbol.asyncDispose]: end };
      return { ok: true, namespace };
    }
    await handle.close();
    reason = refusal;
    seen.add(inode);
    if (seen.size >= mostCandidates) break;
  }
  return { ok: false, reason };
}

/** Is the process by which it was found still there, and still in it? */
export async function isCurrent(
  table: ProcessTable,
  { process, inode }: Pick<PodNamespace, 'process' | 'inode'>,
): Promise<boolean> {
  if (table.stat(process) === undefined) return false;
  const now = await stat(table.path(process, 'ns/net'), { bigint: true }).catch(() => undefined);
  return now?.ino === inode;
}

type Opened = {
  readonly handle: FileHandle;
  readonly inode: bigint;
  readonly path: string;
};

async function openOf(table: ProcessTable, process: PodProcess): Promise<Opened | undefined> {
  const handle = await open(table.path(process, 'ns/net'), constants.O_RDONLY);
  try {
    const { ino } = await handle.stat({ bigint: true });
    // Another may have had its number when we opened it.
    if (table.stat(process) !== undefined) {
      return { handle, inode: ino, path: `/proc/${globalThis.process.pid}/fd/${handle.fd}` };
    }
  } catch {
    // Nothing to be read there.
  }
  await handle.close();
  return undefined;
}

async function refusalOf(
  table: ProcessTable,
  { inode, path, ips }: { inode: bigint; path: string; ips: readonly string[] },
): Promise<string | Link> {
  if (inode === (await hostNamespace(table))) return "it is in the host's network namespace";
  const own = await stat('/proc/self/ns/net', { bigint: true });
  if (inode === own.ino) return 'it is in the network namespace of the agent';
  const links = await linksIn(path);
  if (typeof links === 'string') return links;
  const link = links.find(({ addresses }) => addresses.some((each) => ips.includes(each)));
  if (link === undefined) return `its namespace has none of the addresses ${ips.join(', ')}`;
  return link;
}

const hostNamespaces = new WeakMap<
  ProcessTable,
  { at: number; inode: Promise<bigint | undefined> }
>();

/** Looked for once a minute at most: it takes a look at all processes, and stays the same. */
function hostNamespace(table: ProcessTable): Promise<bigint | undefined> {
  const known = hostNamespaces.get(table);
  const now = systemClock.now();
  if (known !== undefined && now - known.at < 60_000) return known.inode;
  const inode = findHostNamespace(table);
  hostNamespaces.set(table, { at: now, inode });
  return inode;
}

/** That of the oldest process outside of pods that lets us read it; often none does. */
async function findHostNamespace(table: ProcessTable): Promise<bigint | undefined> {
  for (const pid of table.outsiders()) {
    const found = await stat(table.path({ pid }, 'ns/net'), { bigint: true }).catch(
      () => undefined,
    );
    if (found !== undefined) return found.ino;
  }
  return undefined;
}

export type Link = {
  readonly name: string;
  readonly alias: string;
  readonly addresses: readonly string[];
};

const addressList = z.array(
  z.object({
    ifname: z.string().optional(),
    ifalias: z.string().optional(),
    addr_info: z.array(z.object({ local: z.string().optional() })).optional(),
  }),
);

/** The interfaces in the namespace, or why they cannot be read. */
export async function linksIn(path: string): Promise<readonly Link[] | string> {
  // Without `-details` there is no alias.
  const argv = ['ip', '-json', '-details', 'address', 'show'];
  const outcome = await attempt('nsenter', [`--net=${path}`, ...argv]);
  if (!outcome.ok) return outcome.message;
  return addressList.parse(JSON.parse(outcome.stdout)).flatMap((link) =>
    link.ifname === undefined || link.ifname === 'lo'
      ? []
      : {
          name: link.ifname,
          alias: link.ifalias ?? '',
          addresses: (link.addr_info ?? []).flatMap(({ local }) => local ?? []),
        },
  );
}

/**
 * Undefined when it is so. `cutPackets`: TCP would cross the pod's interface as packets of 61 KB,
 * and a loss of 1 % take 61 KB at a time. Connections from before keep their size. (What comes from
 * another host may have been joined there by its network card: a loss takes all of it.)
 */
export async function setAlias(
  { path, device }: Pick<PodNamespace, 'path' | 'device'>,
  alias: string,
  { cutPackets = false } = {},
): Promise<string | undefined> {
  const segments = cutPackets ? ['gso_max_segs', '1'] : [];
  const argv = ['ip', 'link', 'set', 'dev', device, ...segments, 'alias', alias];
  const outcome = await attempt('nsenter', [`--net=${path}`, ...argv]);
  return outcome.ok ? undefined : outcome.message;
}
