// How the controller reaches the agents for what they have heard of their nodes: where each is says
// its HostReport, and that it is the controller who asks shows a token that is made for agents and
// good for nothing else.
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { fail } from '../errors.ts';
import type { Cache } from '../runtime/kubernetes/api.ts';
import type { HostReport } from '../runtime/kubernetes/objects.ts';
import {
  type ObservationPage,
  pathOfObservations,
  readPage,
} from '../runtime/kubernetes/observations.ts';
import { askNode } from '../runtime/node-request.ts';

export type AgentsDependencies = {
  readonly hostReports: Pick<Cache<HostReport>, 'get'>;
  /** Where they are. */
  readonly namespace: string;
  /** The file of the token; the kubelet replaces it in time. */
  readonly tokenFile: string;
};

/** Of the Testnet with that uid. */
export type ReadAgent = (
  host: string,
  asked: { readonly uid: string; readonly since: string },
  signal: AbortSignal,
) => Promise<ObservationPage>;

export function agentReader(deps: AgentsDependencies): ReadAgent {
  return async (host, { uid, since }, signal) => {
    const { ip, port } = addressOf(deps, host);
    const token = await readFile(deps.tokenFile, 'utf8');
    const { status, body } = await askNode(
      ip,
      {
        type: 'http',
        port,
        path: pathOfObservations(uid, since),
        headers: { authorization: `Bearer ${token.trim()}` },
      },
      signal,
    );
    if (status !== 200) throw fail('COMMAND_FAILED', `it answers ${status}: ${body.trim()}`);
    return readPage(body);
  };
}

function addressOf({ hostReports, namespace }: AgentsDependencies, host: string) {
  const address = hostReports.get(`${namespace}/${host}`)?.agentAddress ?? '';
  const [, ip = '', port = ''] = /^\[?([0-9a-f.:]+?)\]?:(\d{1,5})$/.exec(address) ?? [];
  if (isIP(ip) === 0) throw fail('NOT_FOUND', 'it does not say where it listens');
  return { ip, port: Number(port) };
}
