// What the Prometheus operator makes of the chart's monitors: the same targets, found by the same
// labels and names of ports, with the same labels put on them
// (https://prometheus-operator.dev/docs/developer/scrapeconfig/).
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const endpoint = z.object({
  port: z.string(),
  path: z.string(),
  interval: z.string(),
  honorLabels: z.boolean(),
  relabelings: z.array(z.strictObject({ targetLabel: z.string(), replacement: z.string() })),
});
const metadata = z.object({ name: z.string(), namespace: z.string() });
const selector = z.strictObject({ matchLabels: z.record(z.string(), z.string()) });
const monitor = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ServiceMonitor'),
    metadata,
    spec: z.strictObject({ selector, endpoints: z.array(endpoint) }),
  }),
  z.object({
    kind: z.literal('PodMonitor'),
    metadata,
    spec: z.strictObject({ selector, podMetricsEndpoints: z.array(endpoint) }),
  }),
]);
type Monitor = z.infer<typeof monitor>;

/** `scrape_configs` for the monitors among these manifests. */
export function scrapeConfigs(manifests: string, kubeconfig: string): readonly object[] {
  const documents = parseAllDocuments(manifests).map((one): unknown => one.toJS());
  return documents.flatMap((document) => {
    const { success, data } = monitor.safeParse(document);
    return success ? jobsOf(data, kubeconfig) : [];
  });
}

function jobsOf(one: Monitor, kubeconfig: string): readonly object[] {
  const { name, namespace } = one.metadata;
  const [role, of, endpoints] =
    one.kind === 'PodMonitor'
      ? (['pod', 'pod', one.spec.podMetricsEndpoints] as const)
      : (['endpointslice', 'service', one.spec.endpoints] as const);
  const portName = role === 'pod' ? 'pod_container_port_name' : 'endpointslice_port_name';
  const keep = (source: string, value: string) => ({
    action: 'keep',
    source_labels: [`__meta_kubernetes_${source}`],
    regex: value.replaceAll('.', '\\.'),
  });
  const labels = Object.entries(one.spec.selector.matchLabels).map(([label, value]) =>
    keep(`${of}_label_${label.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`, value),
  );
  const take = (source: string, target: string) => ({
    source_labels: [`__meta_kubernetes_${source}`],
    target_label: target,
  });
  return endpoints.map(({ port, path, interval, honorLabels, relabelings }, at) => ({
    job_name: `${one.kind}/${namespace}/${name}/${at}`,
    metrics_path: path,
    scrape_interval: interval,
    scrape_timeout: interval,
    honor_labels: honorLabels,
    kubernetes_sd_configs: [
      { role, kubeconfig_file: kubeconfig, namespaces: { names: [namespace] } },
    ],
    relabel_configs: [
      ...labels,
      keep(portName, port),
      take('namespace', 'namespace'),
      take('pod_name', 'pod'),
      ...(role === 'pod' ? [] : [take('service_name', 'service')]),
      ...relabelings.map(({ targetLabel, replacement }) => ({
        target_label: targetLabel,
        replacement,
      })),
    ],
  }));
}
