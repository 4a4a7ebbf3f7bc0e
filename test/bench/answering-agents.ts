// The agents of all simulated hosts on one port, each at an address of its own: twice a second they
// are asked what their nodes have answered, and every other time there is something new.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { resources } from '../../src/runtime/kubernetes/api.ts';
import type { memoryServer } from '../../src/runtime/kubernetes/memory-api.ts';
import type { ObservationPage } from '../../src/runtime/kubernetes/observations.ts';
import { ipsOf, nodeOf, type Pod } from '../../src/runtime/kubernetes/pod.ts';
import { observationAt } from './answering-nodes.ts';

const port = 9469;

export function agentAddress(host: number): string {
  return `127.63.0.${host + 1}:${port}`;
}

export async function serveAgents(
  cluster: Pick<ReturnType<typeof memoryServer>, 'all'>,
  count: number,
): Promise<Server> {
  const pods = podsByHost(cluster);
  const server = createServer((request, response) => {
    const host = Number((request.socket.localAddress ?? '').split('.').at(-1)) - 1;
    const since = new URL(request.url ?? '', 'http://agent').searchParams.get('since');
    const next = `${Math.floor(Date.now() / 1_000)}`;
    const heard = (since === next ? [] : pods(`host-${host}`)).flatMap((pod) => {
      const [node, [ip = '']] = [nodeOf(pod), ipsOf(pod)];
      if (node === undefined) return [];
      return [{ node, ageMs: 300, observation: observationAt(ip, count), seconds: 0.01 }];
    });
    const page: ObservationPage = { next, more: false, heard };
    response.end(JSON.stringify(page));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(port, '0.0.0.0', 4_096);
  await once(server, 'listening');
  return server;
}

function podsByHost({ all }: Parameters<typeof serveAgents>[0]) {
  let at = 0;
  let hosts = new Map<string | undefined, readonly Pod[]>();
  return (host: string): readonly Pod[] => {
    if (Date.now() - at > 1_000) {
      at = Date.now();
      hosts = Map.groupBy(all<Pod>(resources.pods), ({ spec }) => spec.nodeName);
    }
    return hosts.get(host) ?? [];
  };
}
