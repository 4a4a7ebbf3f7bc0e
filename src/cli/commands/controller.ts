// `peerstorm controller`: what the chart's Deployment runs.
import { hostname } from 'node:os';
import { type ControllerSettings, type PullPolicy, runController } from '../../controller/main.ts';
import { fail } from '../../errors.ts';
import { type Command, type Invocation, textOf } from '../command.ts';
import { version } from '../version.ts';

export const controller: Command = {
  name: 'controller',
  summary: 'Run the Kubernetes controller (what the chart does, in the cluster)',
  options: [
    {
      flags: '--namespace <names>',
      description: 'watch only these, separated by commas, or `all`; default: $WATCH_NAMESPACES',
    },
    {
      flags: '--own-namespace <name>',
      description: 'of agents and Lease; default: $POD_NAMESPACE',
    },
    {
      flags: '--kubeconfig <file>',
      description: 'outside of a pod; default: $PEERSTORM_KUBECONFIG',
    },
    { flags: '--port <port>', description: 'of metrics, health and views', default: '9468' },
  ],
  examples: [
    'controller',
    'controller --kubeconfig ~/.kube/config --own-namespace peerstorm-system',
  ],
  run: async (invocation) => {
    const stop = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
    const code = await runController(settingsOf(invocation, process.env), stop.signal);
    // At once: what is still under way belongs to whoever leads now.
    process.exit(code);
  },
};

const pullPolicies: readonly PullPolicy[] = ['Always', 'IfNotPresent', 'Never'];

function settingsOf(invocation: Invocation, env: NodeJS.ProcessEnv): ControllerSettings {
  const { terminal } = invocation;
  const names = textOf(invocation, 'namespace') ?? env['WATCH_NAMESPACES'] ?? '';
  const namespaces = names === 'all' ? [] : names.split(',').filter((name) => name !== '');
  const referencePullPolicy = pullPolicyIn(env, 'NODE_IMAGE_PULL_POLICY');
  const gatePullPolicy = pullPolicyIn(env, 'GATE_IMAGE_PULL_POLICY');
  const quiet = env['LOG_LEVEL'] === 'error';
  return {
    kubeconfig: textOf(invocation, 'kubeconfig') ?? env['PEERSTORM_KUBECONFIG'],
    namespaces: namespaces.length === 0 ? undefined : namespaces,
    ownNamespace: textOf(invocation, 'ownNamespace') ?? env['POD_NAMESPACE'] ?? 'peerstorm-system',
    instance: env['POD_NAME'] ?? `${hostname()}-${process.pid}`,
    listen: { host: '::', port: portOf(textOf(invocation, 'port') ?? '') },
    images: {
      reference: env['NODE_IMAGE'] ?? `peerstorm-node:${version}`,
      ...(referencePullPolicy === undefined ? {} : { referencePullPolicy }),
      gate: {
        image: env['GATE_IMAGE'] ?? `peerstorm:${version}`,
        ...(gatePullPolicy === undefined ? {} : { imagePullPolicy: gatePullPolicy }),
      },
    },
    observeByAgents: observeByAgentsIn(env),
    version,
    versions: { peerstorm: version, node: process.versions.node },
    log: (level, message) => {
      if (level === 'info' && quiet) return;
      terminal.note(`${new Date().toISOString()} ${level} ${message}`);
    },
  };
}

/** The chart gives both, where agents may ask the API server whose a token is. */
function observeByAgentsIn(env: NodeJS.ProcessEnv): ControllerSettings['observeByAgents'] {
  const { OBSERVE_BY_AGENTS_ABOVE: above = '', AGENT_TOKEN_FILE: tokenFile = '' } = env;
  if (above === '' || tokenFile === '') return undefined;
  if (/^\d+$/.test(above)) return { above: Number(above), tokenFile };
  throw fail('USAGE', `OBSERVE_BY_AGENTS_ABOVE must be a number of nodes, not "${above}"`);
}

function pullPolicyIn(env: NodeJS.ProcessEnv, name: string): PullPolicy | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  const known = pullPolicies.find((policy) => policy === value);
  if (known === undefined) throw fail('USAGE', `${name} must be ${pullPolicies.join(', ')}`);
  return known;
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw fail('USAGE', `"${text}" is no port`);
}
