// The user's kubeconfig, as kubectl reads it: --kubeconfig, else the files of $KUBECONFIG (the
// first to name something wins), else ~/.kube/config; a process in a pod without any of them is
// that pod. Clusters, users, login programs and certificates are client-node's matter; what is
// missing is said here, before anything is sent.
import { existsSync } from 'node:fs';
import type { Agent } from 'node:http';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { fail, messageOf } from '../../errors.ts';
import {
  type Connection,
  type Credentials,
  connectionFrom,
  inCluster,
  type Tls,
} from './connection.ts';

export type KubeconfigOptions = {
  /** A file; default: $KUBECONFIG, then ~/.kube/config. */
  readonly kubeconfig?: string;
  /** Default: the current one. */
  readonly context?: string;
  /** Default: the context's. */
  readonly namespace?: string;
  readonly env?: NodeJS.ProcessEnv;
};

/** As a user; nothing is sent yet. */
export async function fromKubeconfig(options: KubeconfigOptions = {}): Promise<Connection> {
  const { env = process.env } = options;
  const files = filesOf(options, env);
  if (files.length === 0) {
    if (env['KUBERNETES_SERVICE_HOST'] === undefined || options.context !== undefined) {
      throw fail('CLUSTER_UNKNOWN', noneThere(options, env));
    }
    const pod = await inCluster({ env });
    return options.namespace === undefined ? pod : { ...pod, namespace: options.namespace };
  }
  let config = await read(files, options.context);
  const context = config.getContextObject(config.currentContext);
  const cluster = config.getCurrentCluster();
  const name = config.currentContext;
  if (context === null || cluster === null) {
    throw fail('CLUSTER_UNKNOWN', `context ${name} names a cluster that ${files.join(', ')} lacks`);
  }
  return connectionFrom({
    server: cluster.server,
    namespace: options.namespace ?? context.namespace ?? 'default',
    who: `user ${context.user} of context ${name}`,
    load: async (refused) => {
      if (refused) config = await read(files, name);
      return await credentials(config).catch((error: unknown) => {
        const why = messageOf(error);
        throw fail('CLUSTER_UNKNOWN', `credentials of user ${context.user}: ${why}`, error);
      });
    },
  });
}

function homeFile(env: NodeJS.ProcessEnv): string {
  return join(env['HOME'] ?? homedir(), '.kube', 'config');
}

/** Files of $KUBECONFIG that are not there are passed over, as kubectl does. */
function filesOf({ kubeconfig }: KubeconfigOptions, env: NodeJS.ProcessEnv): readonly string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  const listed = env['KUBECONFIG'];
  const files = listed ? listed.split(delimiter).filter(Boolean) : [homeFile(env)];
  return files.filter((file) => existsSync(file));
}

function noneThere({ context }: KubeconfigOptions, env: NodeJS.ProcessEnv): string {
  const listed = env['KUBECONFIG'];
  const where = listed ? `none of KUBECONFIG=${listed}` : `no ${homeFile(env)}`;
  const wanted = context === undefined ? '' : `, so no context ${context}`;
  return `there is no kubeconfig: ${where} is there${wanted}`;
}

async function read(files: readonly string[], wanted: string | undefined): Promise<KubeConfig> {
  // Half a second and 80 MB: only when it is needed.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const [config, ...others] = files.map((file) => {
    const one = new KubeConfig();
    try {
      one.loadFromFile(file);
    } catch (error) {
      throw fail('CLUSTER_UNKNOWN', `${file} is no kubeconfig: ${messageOf(error)}`, error);
    }
    return one;
  });
  if (config === undefined) throw new TypeError('no file');
  for (const other of others) merge(config, other);
  const contexts = config.getContexts().map(({ name }) => name);
  const name = wanted ?? config.currentContext;
  if (name === undefined || name === '' || !contexts.includes(name)) {
    const what = name ? `there is no context ${name}` : 'no context is chosen';
    const have = contexts.length === 0 ? 'none at all' : [...new Set(contexts)].join(', ');
    throw fail('CLUSTER_UNKNOWN', `${what} in ${files.join(', ')}; there are: ${have}`);
  }
  config.setCurrentContext(name);
  return config;
}

/** client-node's own merging refuses what both name. Lookups find the first, as kubectl's do. */
function merge(into: KubeConfig, from: KubeConfig): void {
  into.clusters = [...into.clusters, ...from.clusters];
  into.users = [...into.users, ...from.users];
  into.contexts = [...into.contexts, ...from.contexts];
  if (!into.currentContext) into.currentContext = from.currentContext;
}

/** What client-node fills in; its own type is wider, and leaves some of it out. */
type Filled = Tls & {
  headers?: Record<string, string>;
  agent?: Agent;
  /** `user:password` */
  auth?: string;
};

async function credentials(config: KubeConfig): Promise<Credentials> {
  const cluster = config.getCurrentCluster();
  // client-node refuses plain http otherwise; there is no TLS to skip (`kubectl proxy`).
  if (cluster?.server.startsWith('http:') === true) Object.assign(cluster, { skipTLSVerify: true });
  tellLoginProgram(config);
  const filled: Filled = {};
  await config.applyToHTTPSOptions(filled);
  const { headers = {}, agent, auth, ...tls } = filled;
  const basic = auth === undefined ? {} : { authorization: `Basic ${btoa(auth)}` };
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()]);
  return {
    headers: { ...basic, ...Object.fromEntries(named) },
    tls,
    ...(cluster?.proxyUrl && agent !== undefined ? { agent } : {}),
  };
}

/** KEP-541: login programs expect KUBERNETES_EXEC_INFO, which client-node does not set. */
function tellLoginProgram(config: KubeConfig): void {
  const exec = config.getCurrentUser()?.exec as LoginProgram | undefined;
  if (exec === undefined) return;
  const name = 'KUBERNETES_EXEC_INFO';
  if (exec.env?.some((one) => one.name === name) === true) return;
  const { apiVersion = 'client.authentication.k8s.io/v1' } = exec;
  const value = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  exec.env = [...(exec.env ?? []), { name, value: JSON.stringify(value) }];
}

type LoginProgram = {
  readonly apiVersion?: string;
  env?: readonly { readonly name: string; readonly value: string }[];
};
