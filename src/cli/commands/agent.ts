// `peerstorm agent`: what the chart's DaemonSet runs.
import { hostname } from 'node:os';
import { type AgentSettings, runAgent } from '../../agent/main.ts';
import { fail } from '../../errors.ts';
import { type Command, type Invocation, textOf } from '../command.ts';
import { version } from '../version.ts';

export const agent: Command = {
  name: 'agent',
  summary: 'Run the agent of one Kubernetes host (what the chart does, in the cluster)',
  options: [
    {
      flags: '--host <name>',
      description: 'as Kubernetes names it; default: $HOST_NAME, or the name of this machine',
    },
    {
      flags: '--namespace <names>',
      description: 'watch only these, separated by commas, or `all`; default: $WATCH_NAMESPACES',
    },
    {
      flags: '--own-namespace <name>',
      description: 'of its HostReport; default: $POD_NAMESPACE',
    },
    { flags: '--proc <folder>', description: "the host's /proc", default: '/host/proc' },
    {
      flags: '--kubeconfig <file>',
      description: 'outside of a pod; default: $PEERSTORM_KUBECONFIG',
    },
    { flags: '--port <port>', description: 'of metrics and health', default: '9469' },
  ],
  examples: ['agent', 'agent --kubeconfig ~/.kube/config --host worker-1 --proc /proc'],
  run: async (invocation) => {
    const stop = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
    await runAgent(settingsOf(invocation, process.env), stop.signal);
    // At once: what is still under way is the next agent's.
    process.exit(0);
  },
};

function settingsOf(invocation: Invocation, env: NodeJS.ProcessEnv): AgentSettings {
  const { terminal } = invocation;
  const names = textOf(invocation, 'namespace') ?? env['WATCH_NAMESPACES'] ?? '';
  const quiet = env['LOG_LEVEL'] === 'error';
  return {
    kubeconfig: textOf(invocation, 'kubeconfig') ?? env['PEERSTORM_KUBECONFIG'],
    host: textOf(invocation, 'host') ?? env['HOST_NAME'] ?? hostname(),
    namespace: textOf(invocation, 'ownNamespace') ?? env['POD_NAMESPACE'] ?? 'peerstorm-system',
    watchNamespaces: names === 'all' ? [] : names.split(',').filter((name) => name !== ''),
    proc: textOf(invocation, 'proc') ?? '/host/proc',
    nodeFaults: env['NODE_FAULTS'] !== 'false',
    observations: observationsIn(env),
    listen: { host: '::', port: portOf(textOf(invocation, 'port') ?? '') },
    version,
    log: (level, message) => {
      if (level === 'info' && quiet) return;
      terminal.note(`${new Date().toISOString()} ${level} ${message}`);
    },
  };
}

/** The chart gives both, where agents may ask the API server whose a token is. */
function observationsIn(env: NodeJS.ProcessEnv): AgentSettings['observations'] {
  const { OBSERVATIONS_READER: reader = '', POD_IP: ip = '' } = env;
  return reader === '' || ip === '' ? undefined : { reader, ip };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw fail('USAGE', `"${text}" is no port`);
}
