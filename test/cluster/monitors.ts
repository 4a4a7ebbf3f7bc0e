// What the Prometheus operator makes of the chart's monitors: the same targets, found by the same
// labels and names of ports, with the same labels put on them. They are found once, by kubectl:
// Debian's Prometheus has no discovery on Kubernetes.
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { kubectl } from './harness.ts';

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

type Target = { readonly address: string; readonly pod: string; readonly service?: string };

/** `scrape_configs` for the monitors among these manifests. */
export async function scrapeConfigs(manifests: string): Promise<readonly object[]> {
  const documents = parseAllDocuments(manifests).map((one): unknown => one.toJS());
  const monitors = documents.flatMap((document) => monitor.safeParse(document).data ?? []);
  return (await Promise.all(monitors.map(jobsOf))).flat();
}

async function jobsOf(one: Monitor): Promise<readonly object[]> {
  const { name, namespace } = one.metadata;
  const endpoints = one.kind === 'PodMonitor' ? one.spec.podMetricsEndpoints : one.spec.endpoints;
  const jobs = endpoints.map(async (each, at) => ({
    job_name: `${one.kind}/${namespace}/${name}/${at}`,
    metrics_path: each.path,
    scrape_interval: each.interval,
    scrape_timeout: each.interval,
    honor_labels: each.honorLabels,
    static_configs: (await targetsOf(one, each.port)).map(({ address, ...labels }) => ({
      targets: [address],
      labels: { namespace, ...labels },
    })),
    relabel_configs: each.relabelings.map(({ targetLabel, replacement }) => ({
      target_label: targetLabel,
      replacement,
    })),
  }));
  return await Promise.all(jobs);
}

async function targetsOf(one: Monitor, port: string): Promise<readonly Target[]> {
  const labels = Object.entries(one.spec.selector.matchLabels).map(
    ([key, value]) => `${key}=${value}`,
  );
  const { namespace } = one.metadata;
  if (one.kind === 'PodMonitor') {
    const { items } = pods.parse(await found('pods', { namespace, selector: labels.join() }));
    return items.flatMap(({ metadata: { name }, spec, status }) =>
      spec.containers
        .flatMap(({ ports }) => ports.filter((each) => each.name === port))
        .map(({ containerPort }) => ({ address: `${status.podIP}:${containerPort}`, pod: name })),
    );
  }
  const services = named.parse(await found('services', { namespace, selector: labels.join() }));
  const targets = services.items.map(async ({ metadata: { name: service } }) => {
    const selector = `kubernetes.io/service-name=${service}`;
    const { items } = slices.parse(await found('endpointslices', { namespace, selector }));
    return items
      .filter(({ addressType }) => addressType === 'IPv4')
      .flatMap((slice) => {
        const ports = slice.ports.filter(({ name }) => name === port);
        return slice.endpoints.flatMap(({ addresses: [address], targetRef }) =>
          ports.map((each) => ({
            address: `${address}:${each.port}`,
            pod: targetRef.name,
            service,
          })),
        );
      });
  });
  return (await Promise.all(targets)).flat();
}

async function found(
  kind: string,
  { namespace, selector }: { readonly namespace: string; readonly selector: string },
): Promise<unknown> {
  const where = [`--namespace=${namespace}`, `--selector=${selector}`];
  return JSON.parse(await kubectl(['get', kind, ...where, '--output=json']));
}

const name = z.object({ name: z.string() });
const named = z.object({ items: z.array(z.object({ metadata: name })) });
const containerPort = z.object({ name: z.string().optional(), containerPort: z.int() });
const pods = z.object({
  items: z.array(
    z.object({
      metadata: name,
      spec: z.object({
        containers: z.array(z.object({ ports: z.array(containerPort).default([]) })),
      }),
      status: z.object({ podIP: z.string() }),
    }),
  ),
});
const slices = z.object({
  items: z.array(
    z.object({
      addressType: z.string(),
      ports: z.array(z.object({ name: z.string(), port: z.int() })),
      endpoints: z.array(z.object({ addresses: z.array(z.string()), targetRef: name })),
    }),
  ),
});
