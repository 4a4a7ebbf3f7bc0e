// All nodes of a simulated testnet in one process: each has an address of its own, at which it
// answers with its neighbours on a ring.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Observation } from '../../src/network/observation.ts';

export const httpPort = 9401;

/** All of 127.0.0.0/8 is this machine. */
export function addressOf(pod: number): string {
  return `127.${64 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;
}

const tip = '0'.repeat(64);

/** What the node at an address says, of so many. */
export function observationAt(address: string, count: number): Observation {
  const [, a = 0, b = 0, c = 0] = address.split('.').map(Number);
  const pod = ((a - 64) << 16) + (b << 8) + c;
  const peers = [
    { address: addressOf((pod % count) + 1), direction: 'outbound' },
    { address: addressOf(((pod + count - 2) % count) + 1), direction: 'inbound' },
  ] as const;
  const chain = { height: 0, tip, ancestors: [], reorgs: { count: 0, depths: [] } };
  const rest = { cursor: 0, propagationSeconds: [], propagatedBlocks: [], metrics: {} };
  return { peers, ...chain, ...rest };
}

async function serve(count: number): Promise<void> {
  const server = createServer((request, response) => {
    response.end(JSON.stringify(observationAt(request.socket.localAddress ?? '', count)));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(httpPort, '0.0.0.0', 4_096);
  await once(server, 'listening');
  process.send?.('listening');
  process.on('disconnect', () => process.exit(0));
}

if (import.meta.main) await serve(Number(process.argv[2]));
