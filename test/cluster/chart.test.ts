// What Helm makes of the chart with other values than the default ones, and what it refuses. Needs
// Helm and no cluster.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { requireTier } from '../require.ts';

const root = join(import.meta.dirname, '../..');
const chart = join(root, 'charts/peerstorm');
const getHelm = join(import.meta.dirname, 'get-helm');
const found = await execa(getHelm, ['--cached'], { reject: false });
const helm = found.stdout;
const available = requireTier(
  'test/cluster/chart.test.ts',
  found.exitCode === 0,
  'there is no Helm 4; test/cluster/get-helm builds one',
);

const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
});
type Rendered = z.infer<typeof object>;

async function render(args: readonly string[], from = chart): Promise<readonly Rendered[]> {
  const base = ['template', 'storm', from, '--namespace', 'here', '--kube-version', '1.36.0'];
  const { stdout } = await execa(helm, [...base, ...args]);
  return parseAllDocuments(stdout)
    .map((document): unknown => document.toJS())
    .filter((value) => value !== null)
    .map((value) => object.parse(value));
}

function the(objects: readonly Rendered[], kind: string): Rendered {
  const [first, ...others] = objects.filter((one) => one.kind === kind);
  if (first === undefined || others.length > 0) throw new TypeError(`not one ${kind}`);
  return first;
}

const named = (objects: readonly Rendered[]): string[] =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''} ${metadata.name}`);
const operator = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'];

describe.runIf(available)('the chart', { timeout: 60_000 }, () => {
  test('has nothing to be linted', async () => {
    const { stdout } = await execa(helm, ['lint', '--strict', chart]);
    expect(stdout).toContain('0 chart(s) failed');
    expect(stdout).not.toMatch(/\[(?:WARNING|ERROR)\]/);
  });

  test('is what manifests/install.yaml says', async () => {
    const { exitCode, stderr } = await execa(join(root, 'bin/manifests'), ['--check'], {
      reject: false,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test.each([
    ['controller.replicas=3', "at '/controller/replicas'"],
    ['nodefaults=false', "'nodefaults' not allowed"],
    ['watchNamespaces={Upper}', "at '/watchNamespaces/0'"],
    ['image.digest=latest', "at '/image/digest'"],
    ['image.pullPolicy=Sometimes', "at '/image/pullPolicy'"],
    ['agent.logLevel=loud', "at '/agent/logLevel'"],
    ['agent.maxUnavailable=half', "at '/agent/maxUnavailable'"],
    ['serviceMonitor.interval=often', "at '/serviceMonitor/interval'"],
    ['fullnameOverride=-x', "at '/fullnameOverride'"],
  ])('refuses %s', async (value, message) => {
    const { exitCode, stderr } = await execa(helm, ['template', 'x', chart, '--set', value], {
      reject: false,
    });
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(message);
  });

  test('in namespaced mode has rights in the given namespaces and its own only', async () => {
    const objects = await render(['--set', 'watchNamespaces={a,b},crds.install=false']);
    expect(objects.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
    const roles = objects.filter(({ kind }) => kind === 'Role');
    expect(named(roles).toSorted()).toEqual([
      'Role a storm-agent',
      'Role a storm-controller',
      'Role b storm-agent',
      'Role b storm-controller',
      'Role here storm-agent-own',
      'Role here storm-controller-own',
      'Role here storm-user',
    ]);
    const bindings = objects.filter(({ kind }) => kind === 'RoleBinding');
    for (const binding of bindings) {
      expect(binding).toMatchObject({
        roleRef: { kind: 'Role', name: binding.metadata.name },
        subjects: [{ kind: 'ServiceAccount', namespace: 'here' }],
      });
    }
    expect(bindings).toHaveLength(6);
    for (const kind of ['Deployment', 'DaemonSet']) {
      expect(environmentOf(the(objects, kind))['WATCH_NAMESPACES']).toBe('a,b');
    }
    // To review a token is a right to the cluster: here the controller asks all nodes itself.
    expect(JSON.stringify(objects)).not.toMatch(/OBSERV|peerstorm-agent\/token|tokenreviews/);
  });

  test('without nodeFaults gives agents neither the host process ids nor signals', async () => {
    const agent = the(await render(['--set', 'nodeFaults=false']), 'DaemonSet');
    const text = JSON.stringify(agent);
    expect(text).not.toContain('hostPID');
    expect(text).toContain('"add":["NET_ADMIN","SYS_ADMIN","SYS_PTRACE"]');
    expect(environmentOf(agent)['NODE_FAULTS']).toBe('false');
  });

  test('lets the controller read from agents, as their namespace and accounts are called', async () => {
    const peers = ['--set', 'networkPolicy.from[0].podSelector.matchLabels.app=prometheus'];
    const account = ['--set', 'controller.serviceAccount.name=reader'];
    const above = ['--set', 'controller.observeByAgentsAbove=7'];
    const objects = await render([...peers, ...account, ...above]);
    expect(environmentOf(the(objects, 'DaemonSet'))).toMatchObject({
      OBSERVATIONS_READER: 'system:serviceaccount:here:reader',
    });
    const deployment = the(objects, 'Deployment');
    expect(environmentOf(deployment)).toMatchObject({
      OBSERVE_BY_AGENTS_ABOVE: '7',
      AGENT_TOKEN_FILE: '/var/run/secrets/peerstorm-agent/token',
    });
    expect(JSON.stringify(deployment)).toContain('"audience":"peerstorm-agent"');
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
    const froms = policies.map((one) =>
      JSON.stringify(one['spec']).includes(
        '"from":[{"podSelector":{"matchLabels":{"app":"prometheus"}}}',
      ),
    );
    expect(froms).toEqual([true, true]);
    const ofAgent = policies.find(({ metadata }) => metadata.name.endsWith('-agent'));
    expect(JSON.stringify(ofAgent?.['spec'])).toMatch(/"from":.*component":"controller"/);
  });

  test('has a disruption budget for two controllers only', async () => {
    const two = await render(['--set', 'controller.replicas=2']);
    expect(the(two, 'PodDisruptionBudget')).toMatchObject({ spec: { minAvailable: 1 } });
    expect(JSON.stringify(the(two, 'Deployment'))).toContain('topologySpreadConstraints');
    const one = await render([]);
    expect(one.filter(({ kind }) => kind === 'PodDisruptionBudget')).toEqual([]);
  });

  test('monitors and alerts where the Prometheus operator is', async () => {
    const without = await render([]);
    expect(without.filter(({ kind }) => operator.includes(kind))).toEqual([]);
    const apis = operator.flatMap((kind) => ['--api-versions', `monitoring.coreos.com/v1/${kind}`]);
    const label = ['--set', 'serviceMonitor.labels.release=prometheus'];
    const objects = await render([...apis, ...label]);
    expect(objects.flatMap(({ kind }) => (operator.includes(kind) ? [kind] : []))).toHaveLength(3);
    const monitor = the(objects, 'ServiceMonitor');
    expect(monitor.metadata.labels).toMatchObject({ release: 'prometheus' });
    // What it selects, the Service is labelled with; the port it names, the Service has.
    const service = the(objects, 'Service');
    const selects = z
      .looseObject({
        spec: z.looseObject({ selector: z.looseObject({ matchLabels: z.unknown() }) }),
      })
      .parse(monitor).spec.selector.matchLabels;
    expect(service.metadata.labels).toMatchObject(z.record(z.string(), z.string()).parse(selects));
    expect(JSON.stringify(monitor)).toContain('"port":"http"');
    expect(JSON.stringify(service)).toContain('"name":"http","port":9468');
    expect(JSON.stringify(the(objects, 'PrometheusRule'))).toContain('"alert":');
  });

  test('keeps CRDs and their Testnets on uninstall, if it has them at all', async () => {
    const crds = (objects: readonly Rendered[]) =>
      objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    for (const crd of crds(await render([]))) {
      expect(crd.metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
    }
    for (const crd of crds(await render(['--set', 'crds.keep=false']))) {
      expect(crd.metadata.annotations).not.toHaveProperty('helm.sh/resource-policy');
    }
    expect(crds(await render(['--set', 'crds.install=false']))).toEqual([]);
  });

  test('takes images from a registry, by digest', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const set = `image.registry=registry.example.com/team,image.digest=${digest},nodeImage.tag=next`;
    const controller = the(await render(['--set', set]), 'Deployment');
    expect(JSON.stringify(controller)).toContain(
      `"image":"registry.example.com/team/peerstorm@${digest}"`,
    );
    expect(environmentOf(controller)['NODE_IMAGE']).toBe('peerstorm-node:next');
  });

  test('labels everything, without touching what selects', async () => {
    const objects = await render(['--set', 'commonLabels.team=red,commonAnnotations.by=us']);
    for (const { metadata } of objects) {
      expect(metadata.labels).toMatchObject({ team: 'red', 'app.kubernetes.io/instance': 'storm' });
      expect(metadata.annotations).toMatchObject({ by: 'us' });
    }
    for (const kind of ['Deployment', 'DaemonSet']) {
      const { spec } = z
        .looseObject({ spec: z.looseObject({ selector: z.unknown() }) })
        .parse(the(objects, kind));
      expect(JSON.stringify(spec.selector)).not.toContain('red');
    }
  });

  test('has dashboards as they are, braces and all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peerstorm-chart-'));
    try {
      await cp(chart, folder, { recursive: true });
      const dashboards = join(folder, 'files/dashboards');
      await rm(dashboards, { recursive: true, force: true });
      const none = await render([], folder);
      expect(none.filter(({ kind }) => kind === 'ConfigMap')).toEqual([]);
      const text = '{ "legendFormat": "{{testnet}}",\n  "title": "x" }\n';
      await cp(join(chart, 'values.yaml'), join(dashboards, 'x.json'), { recursive: true });
      await writeFile(join(dashboards, 'x.json'), text);
      const dashboard = the(await render([], folder), 'ConfigMap');
      expect(dashboard.metadata.labels).toMatchObject({ grafana_dashboard: '1' });
      expect(dashboard).toMatchObject({ data: { 'x.json': text.trimEnd() } });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('of an older Kubernetes has no admission policy, and the older form of AppArmor', async () => {
    const old = ['template', 'storm', chart, '--kube-version', '1.29.0'];
    const { stdout } = await execa(helm, old);
    expect(stdout).toContain('container.apparmor.security.beta.kubernetes.io/agent: unconfined');
    expect(stdout).not.toContain('appArmorProfile');
    const older = await execa(helm, ['template', 'storm', chart, '--kube-version', '1.28.0'], {
      reject: false,
    });
    expect(older.stderr).toContain('chart requires kubeVersion');
  });
});

function environmentOf(workload: Rendered): Readonly<Record<string, string | undefined>> {
  const env = z.array(z.looseObject({ name: z.string(), value: z.string().optional() }));
  const containers = z.array(z.looseObject({ env }));
  const { spec } = z
    .looseObject({
      spec: z.looseObject({ template: z.looseObject({ spec: z.looseObject({ containers }) }) }),
    })
    .parse(workload);
  const all = spec.template.spec.containers.flatMap((container) => container.env);
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}
