// Who is measured by controller.ts, alone in a process: all of the controller but leader election,
// as its main.ts puts it together, but for TLS. It says what it has used when it is asked.
import { Registry } from 'prom-client';
import { agentReader } from '../../src/controller/agent-answers.ts';
import { startController } from '../../src/controller/controller.ts';
import { secretsIn } from '../../src/controller/passwords.ts';
import { messageOf } from '../../src/errors.ts';
import { kinds } from '../../src/kinds/index.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { resources } from '../../src/runtime/kubernetes/api.ts';
import { openApi } from '../../src/runtime/kubernetes/client.ts';
import { connectionFrom } from '../../src/runtime/kubernetes/connection.ts';
import { openKubernetes } from '../../src/runtime/kubernetes/kubernetes.ts';
import { podDataDirectory } from '../../src/runtime/kubernetes/manifest.ts';
import { kubernetesMetrics } from '../../src/runtime/kubernetes/metrics.ts';
import {
  fieldManagers,
  type HostReport,
  labels,
  names,
} from '../../src/runtime/kubernetes/objects.ts';
import { observeOrder } from '../../src/runtime/kubernetes/observe-order.ts';
import { essenceOf, type Pod } from '../../src/runtime/kubernetes/pod.ts';
import { bindToPods } from '../../src/runtime/kubernetes/surroundings.ts';

export type Usage = { readonly cpu: NodeJS.CpuUsage; readonly memory: NodeJS.MemoryUsage };

const [, , server = '', most = ''] = process.argv;
const above = Number(most);
const { signal } = new AbortController();
const load = async () => ({ headers: {}, tls: {} });
const log = (_level: string, message: string) => void process.stderr.write(`  ${message}\n`);
const metrics = kubernetesMetrics(new Registry());
const api = openApi(connectionFrom({ server, namespace: 'system', who: 'the bench', load }), {
  userAgent: 'peerstorm-bench',
  fieldManager: fieldManagers.controller,
  metrics,
  onProblem: (text, error) => log('error', `${text}: ${messageOf(error)}`),
});
const ours = { labelSelector: labels.testnet, keep: essenceOf };
const pods = api.follow<Pod>(resources.pods, ours, signal);
const hostReports = api.follow<HostReport>(resources.hostReports, { namespace: 'system' }, signal);

startController(
  {
    api,
    clock: systemClock,
    kinds,
    version: 'bench',
    versions: {},
    namespaces: undefined,
    instance: 'controller-0',
    log,
    metrics,
    bind: bindToPods,
    dataDirectory: () => podDataDirectory,
    secretsOf: secretsIn(api, 'system'),
    agents: {
      above,
      // Whoever asks the agents of the bench may: any file is a token.
      read: agentReader({ hostReports, namespace: 'system', tokenFile: '/etc/hostname' }),
      hostOf: (testnet, node) =>
        pods.get(`${testnet.namespace}/${names.pod(testnet.name, node)}`)?.spec.nodeName,
    },
    openRuntime: ({ owner, testnet: { spec }, plan }, stop) => {
      const { name, namespace = '', uid = '' } = owner.metadata;
      return openKubernetes(
        {
          api,
          testnet: { namespace, name, uid },
          spec,
          plan,
          kinds,
          pods,
          hostReports,
          images: { reference: 'peerstorm-node:1' },
          gate: { image: 'peerstorm:1' },
          clock: systemClock,
          observe: observeOrder(plan(), kinds, above),
          onFailure: (error) => log('error', String(error)),
        },
        stop,
      );
    },
  },
  signal,
);

process.on('message', () => {
  const usage: Usage = { cpu: process.cpuUsage(), memory: process.memoryUsage() };
  process.send?.(usage);
});
process.on('disconnect', () => process.exit(0));
