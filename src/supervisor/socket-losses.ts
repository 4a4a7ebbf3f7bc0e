// What sockets lost for want of room, in every network namespace that a process of this /proc is
// in: connections that a full accept queue refused, and datagrams that found the receive buffer
// full (snmp_counter.rst of the kernel's networking documentation). The counters are the
// namespace's and outlive the processes in it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export type SocketLosses = {
  readonly listenOverflows: number;
  readonly receiveBufferErrors: number;
};

/** Each call gives what was lost since a namespace was first seen by the function, in all. */
export function countSocketLosses(proc: string): () => SocketLosses {
  const known = new Map<string, { readonly first: SocketLosses; last: SocketLosses }>();
  return () => {
    for (const [namespace, folder] of namespaces(proc)) {
      const last = readLosses(folder);
      if (last === undefined) continue;
      const before = known.get(namespace);
      if (before === undefined) known.set(namespace, { first: last, last });
      else before.last = last;
    }
    let [listenOverflows, receiveBufferErrors] = [0, 0];
    for (const { first, last } of known.values()) {
      listenOverflows += last.listenOverflows - first.listenOverflows;
      receiveBufferErrors += last.receiveBufferErrors - first.receiveBufferErrors;
    }
    return { listenOverflows, receiveBufferErrors };
  };
}

/** One process each is enough. */
function namespaces(proc: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of entriesOf(proc)) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const namespace = readlinkSync(`${proc}/${entry}/ns/net`);
      if (!found.has(namespace)) found.set(namespace, `${proc}/${entry}/net`);
    } catch {
      // It has ended, or is somebody else's.
    }
  }
  return found;
}

function entriesOf(proc: string): readonly string[] {
  try {
    return readdirSync(proc);
  } catch {
    return [];
  }
}

function readLosses(folder: string): SocketLosses | undefined {
  try {
    return {
      listenOverflows: column(
        readFileSync(`${folder}/netstat`, 'utf8'),
        'TcpExt:',
        'ListenOverflows',
      ),
      receiveBufferErrors: column(readFileSync(`${folder}/snmp`, 'utf8'), 'Udp:', 'RcvbufErrors'),
    };
  } catch {
    return undefined;
  }
}

/** Names in one line, numbers in the next, both behind the protocol's name. */
function column(text: string, protocol: string, name: string): number {
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith(protocol));
  const at = names.split(' ').indexOf(name);
  return Number(values.split(' ')[at] ?? 0) || 0;
}
