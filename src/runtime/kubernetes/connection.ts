// Where the API server is and as whom to speak to it: from a kubeconfig (the CLI), or from the
// files that every pod is given (controller and agent). Credentials are read anew each minute, as
// client-go does, and at once when the server refuses them; connections stay as long as the
// certificates are the same. The kubeconfig is read by @kubernetes/client-node (login programs,
// certificates, OpenID Connect), which is loaded here, when it is needed, and nowhere else.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { fail, messageOf } from '../../errors.ts';
import { type Clock, systemClock } from '../clock.ts';

export interface Connection {
  readonly server: string;
  /** The namespace to use when the user names none. */
  readonly namespace: string;
  /** For messages: `user admin of context dev`. */
  readonly who: string;
  access(): Promise<Access>;
  /** The server refused the credentials: the next access reads them anew. */
  expire(): void;
  /** Drops connections that are idle. */
  close(): void;
}

export type Access = {
  readonly agent: http.Agent;
  readonly headers: Readonly<Record<string, string>>;
};

/** What a place that credentials come from knows at one moment. */
export type Credentials = {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Tls;
  /** Instead of one of our own: the way through a proxy. */
  readonly agent?: http.Agent;
};

type Material = string | Buffer;
export type Tls = {
  readonly ca?: Material;
  readonly cert?: Material;
  readonly key?: Material;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

export type Source = {
  readonly server: string;
  readonly namespace: string;
  readonly who: string;
  /** `refused`: those before were, so nothing may come from a cache. */
  readonly load: (refused: boolean) => Promise<Credentials>;
  readonly clock?: Clock;
};

const maxAgeMs = 60_000;

/** A connection whose credentials stay fresh. */
export function connectionFrom({ load, clock = systemClock, ...fixed }: Source): Connection {
  type Loaded = { readonly access: Access; readonly key: string };
  let current: Loaded | undefined;
  let loadedAt = 0;
  let refused = false;
  let loading: Promise<Access> | undefined;
  const reload = async () => {
    try {
      const { headers, tls, agent } = await load(refused);
      refused = false;
      loadedAt = clock.now();
      const key = JSON.stringify(tls);
      const same = current?.key === key && agent === undefined ? current.access.agent : undefined;
      const access = { headers, agent: same ?? agent ?? agentFor(fixed.server, tls) };
      current = { access, key };
      return access;
    } finally {
      loading = undefined;
    }
  };
  return {
    ...fixed,
    access: async () => {
      const fresh = !refused && clock.now() - loadedAt < maxAgeMs;
      if (current !== undefined && fresh) return current.access;
      loading ??= reload();
      return await loading;
    },
    expire: () => {
      refused = true;
    },
    close: () => current?.access.agent.destroy(),
  };
}

/**
 * Idle connections are closed before the server would (90 s), so that no request is written to one
 * that is about to end. A peer that vanished is noticed after 15 s of silence and 10 probes, one a
 * second (libuv's, see uv_tcp_keepalive).
 */
function agentFor(server: string, tls: Tls): http.Agent {
  const options = { keepAlive: true, keepAliveMsecs: 15_000, timeout: 45_000, maxFreeSockets: 32 };
  return server.startsWith('https:')
    ? new https.Agent({ ...options, ...tls })
    : new http.Agent(options);
}

export type InClusterOptions = {
  /** Of the service account's files. */
  readonly folder?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
};

/** As a pod: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/. */
export async function inCluster(options: InClusterOptions = {}): Promise<Connection> {
  const { folder = '/var/run/secrets/kubernetes.io/serviceaccount', env = process.env } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === undefined) {
    throw fail('CLUSTER_UNKNOWN', 'KUBERNETES_SERVICE_HOST is not set: this is no pod');
  }
  const read = (name: string) =>
    readFile(join(folder, name), 'utf8').catch((error: unknown) => {
      const why = messageOf(error);
      throw fail('CLUSTER_UNKNOWN', `the service account of this pod: ${why}`, error);
    });
  const load = async () => {
    const [ca, token] = [await read('ca.crt'), await read('token')];
    return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
  };
  await load();
  const namespace = (await read('namespace')).trim();
  return connectionFrom({
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace,
    who: `the service account of this pod in ${namespace}`,
    load,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
}
