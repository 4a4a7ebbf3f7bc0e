// Asks a node by its own address: no redirects, at most 1 MiB, at most 2 s (port `request`).
import http from 'node:http';
import net from 'node:net';
import { fail } from '../errors.ts';
import type { NodeReply, NodeRequest } from '../kinds/kind.ts';

const limitBytes = 2 ** 20;
const limitMs = 2_000;
// Connections are kept: an observed node should not have to accept a new one each second.
const agent = new http.Agent({ keepAlive: true, maxSockets: 2, maxFreeSockets: 1 });

export async function askNode(
  address: string,
  request: NodeRequest,
  signal: AbortSignal,
): Promise<NodeReply> {
  signal.throwIfAborted();
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  return request.type === 'tcp'
    ? await connects(address, request.port, bounded)
    : await askHttp(address, request, bounded);
}

function connects(address: string, port: number, signal: AbortSignal): Promise<NodeReply> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: address, port });
    const stop = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    signal.addEventListener('abort', () => stop(fail('TIMEOUT', `${address}:${port}: no answer`)), {
      once: true,
    });
    socket.once('error', stop);
    socket.once('connect', () => {
      socket.destroy();
      resolve({ status: 200, body: '' });
    });
  });
}

function askHttp(
  host: string,
  request: Extract<NodeRequest, { type: 'http' }>,
  signal: AbortSignal,
): Promise<NodeReply> {
  const { port, path, method = 'GET', headers = {}, body } = request;
  return new Promise((resolve, reject) => {
    const outgoing = http.request(
      { host, port, path, method, headers, signal, agent },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > limitBytes) {
            outgoing.destroy(fail('COMMAND_FAILED', `${host}:${port}${path}: answer over 1 MiB`));
          }
          chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
