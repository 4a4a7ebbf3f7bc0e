// UDP sockets inside the nodes' namespaces, held by this process. A socket stays in the network
// namespace in which it was made, and Node can hand sockets from process to process: a child is
// started in the namespace, binds, passes its socket on, and is gone. The node's own process is
// not touched. At most 64 are kept; the one that was not used for longest goes first.
import { spawn } from 'node:child_process';
import { Socket } from 'node:dgram';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { fail } from '../../errors.ts';
import { systemPath } from './kernel-commands.ts';

/** Of every probe, at both ends. */
export const probePort = 55_053;
export const maxSockets = 64;

export type SocketPlace = { readonly netns: string; readonly address: string };

export type ProbeSockets = AsyncDisposable & {
  /** One for each place, in order. */
  open(places: readonly SocketPlace[], signal: AbortSignal): Promise<readonly Socket[]>;
  /** Of that namespace, if there is one. */
  close(netns: string): void;
};

export function createProbeSockets(onOpen: (socket: Socket) => void): ProbeSockets {
  const kept = new Map<string, Socket>();

  const openOne = async (place: SocketPlace, signal: AbortSignal): Promise<Socket> => {
    const socket = kept.get(place.netns) ?? (await passedSocket(place, signal));
    if (!kept.has(place.netns)) onOpen(socket);
    // Last in the map is last used.
    kept.delete(place.netns);
    kept.set(place.netns, socket);
    return socket;
  };
  return {
    async open(places, signal) {
      const sockets: Socket[] = [];
      const waiting = [...places.entries()];
      const work = async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          sockets[next[0]] = await openOne(next[1], signal);
        }
      };
      await Promise.all(Array.from({ length: 2 * availableParallelism() }, work));
      for (const [netns, socket] of [...kept].slice(0, Math.max(0, kept.size - maxSockets))) {
        kept.delete(netns);
        socket.close();
      }
      return sockets;
    },
    close(netns) {
      kept.get(netns)?.close();
      kept.delete(netns);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of kept.values()) socket.close();
      kept.clear();
    },
  };
}

// Given as text and not as a file: it starts faster, and is at hand in every packaging.
const childProgram = `
  const [port, address] = process.argv.slice(1);
  const type = address.includes(':') ? 'udp6' : 'udp4';
  const socket = require('node:dgram').createSocket({ type, recvBufferSize: 4194304 });
  socket.bind(Number(port), address, () => {
    process.send('bound', socket, () => process.disconnect());
    process.on('disconnect', () => process.exit(0));
  });
`;

async function passedSocket(place: SocketPlace, signal: AbortSignal): Promise<Socket> {
  const program = [process.execPath, '-e', childProgram, `${probePort}`, place.address];
  const child = spawn(
    // In the background: nodes and faults have their times to keep.
    'nice',
    ['-n', '19', 'nsenter', `--net=${place.netns}`, ...program],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: systemPath() },
      signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
    },
  );
  const said = child.stderr === null ? Promise.resolve('') : text(child.stderr);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  child.on('message', (_, handle) => {
    if (handle instanceof Socket) resolve(handle);
  });
  child.on('error', reject);
  child.on('exit', (code) => {
    // Too late to matter when the socket has come.
    said.then((words) => reject(noSocket(place, `exit ${code}: ${words}`)), reject);
  });
  return await promise;
}

function noSocket({ address }: SocketPlace, reason: string): Error {
  return fail('COMMAND_FAILED', `no probe socket at ${address}: ${reason}`);
}
