// Chart, manifests and samples say the same as the code and as each other, as far as that shows
// without Helm and without a cluster: test/cluster has the rest.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { kinds } from '../src/kinds/index.ts';
import { planTestnet } from '../src/plan/plan-testnet.ts';
import { parseSpec } from '../src/spec/parse.ts';
import type { Testnet } from '../src/spec/schema.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const chart = 'charts/peerstorm';

const texts = z.array(z.string());
const object = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  rules: z
    .array(
      z.strictObject({
        apiGroups: texts,
        resources: texts,
        resourceNames: texts.default([]),
        verbs: texts,
      }),
    )
    .optional()
    .catch(undefined),
});
type KubernetesObject = z.infer<typeof object>;

const installed: readonly KubernetesObject[] = parseAllDocuments(read('manifests/install.yaml'))
  .map((document): unknown => document.toJS())
  .filter((value) => value !== null)
  .map((value) => object.parse(value));

function rightsIn(kind: string, name: string): Record<string, string[]> {
  const found = installed.find((one) => one.kind === kind && one.metadata.name === name);
  const rights: Record<string, string[]> = {};
  for (const { apiGroups, resources, resourceNames, verbs } of found?.rules ?? []) {
    const only = resourceNames.map((name) => ` only ${name}`).join('');
    for (const group of apiGroups) {
      for (const resource of resources) {
        const [plural = '', subresource] = resource.split('/');
        const full = group === '' ? plural : `${plural}.${group}`;
        const key = subresource === undefined ? full : `${full}/${subresource}`;
        rights[key] = [...(rights[key] ?? []), ...verbs.map((verb) => `${verb}${only}`)].toSorted();
      }
    }
  }
  return rights;
}

describe('the chart', () => {
  test('has the version of the package', () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
    const text = read(`${chart}/Chart.yaml`);
    expect(parse(text)).toMatchObject({ version, appVersion: version });
    expect(text.match(/image: \S+/g)).toEqual([
      `image: peerstorm:${version}`,
      `image: peerstorm-node:${version}`,
    ]);
  });

  test('has a schema for each of its values, and no other', () => {
    const schema: unknown = JSON.parse(read(`${chart}/values.schema.json`));
    const declared = declaredKeys(schema, schema, '').filter((key) => key !== '.global');
    const given = givenKeys(parse(read(`${chart}/values.yaml`)), '', new Set(declared));
    expect(given.toSorted()).toEqual(declared.toSorted());
  });

  test('has the dashboards that there are, and no other', () => {
    const names = (path: string) =>
      readdirSync(join(root, path)).filter((name) => name.endsWith('.json'));
    expect(names(`${chart}/files/dashboards`).toSorted()).toEqual(names('dashboards').toSorted());
  });
});

describe('manifests/install.yaml', () => {
  const component = z.record(z.string(), z.record(z.string(), texts));
  const table = z.record(z.string(), component).parse(parse(read('test/cluster/can-i.yaml')));

  test.each(Object.keys(table))('gives the %s the rights of can-i.yaml', (name) => {
    const { anywhere, cluster, own } = table[name] ?? {};
    expect(rightsIn('ClusterRole', `peerstorm-${name}`)).toEqual({ ...anywhere, ...cluster });
    expect(rightsIn('Role', `peerstorm-${name}-own`)).toEqual(own);
  });

  test('gives nobody all of anything', () => {
    const wide = installed.filter(({ rules }) => JSON.stringify(rules ?? []).includes('"*"'));
    expect(wide).toEqual([]);
  });

  test('labels everything, and puts all that has a namespace into its own', () => {
    for (const { kind, metadata } of installed) {
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/part-of': 'peerstorm' });
      if (!clusterWide.has(kind)) expect(metadata.namespace).toBe('peerstorm-system');
    }
  });

  test('gives agents four capabilities, and neither privileges nor the network of the host', () => {
    const agent = installed.find(({ kind }) => kind === 'DaemonSet');
    expect(agent).toMatchObject({
      spec: {
        template: {
          spec: {
            hostPID: true,
            containers: [
              {
                securityContext: {
                  privileged: false,
                  readOnlyRootFilesystem: true,
                  capabilities: {
                    drop: ['ALL'],
                    add: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE', 'KILL'],
                  },
                },
              },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(agent)).not.toContain('hostNetwork');
    const mounts = JSON.stringify(agent).match(/"hostPath":\{[^}]*\}/g);
    expect(mounts).toEqual(['"hostPath":{"path":"/proc","type":"Directory"}']);
  });
});

const clusterWide = new Set([
  'Namespace',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
]);

describe('samples', () => {
  const samples = readdirSync(join(root, 'manifests/samples'));

  test.each(samples)('%s is valid, and the example of its name but for what pods need', (name) => {
    const testnet = testnetOf(`manifests/samples/${name}`);
    const sample = testnet.spec;
    const example = testnetOf(`examples/${name}`).spec;
    expect(
      planTestnet(testnet, kinds).problems.filter(({ severity }) => severity === 'error'),
    ).toEqual([]);
    for (const group of sample.groups) {
      expect(group.image === undefined).toBe(group.kind === 'reference');
    }
    expect(withoutPods(sample)).toEqual(withoutPods(example));
    // Sizes are what a small cluster carries.
    expect(nodesOf(sample)).toBeLessThanOrEqual(nodesOf(example));
  });
});

function testnetOf(path: string): Testnet {
  const { spec, problems } = parseSpec(read(path), path);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (spec === undefined) throw new TypeError(`${path} is no Testnet`);
  return spec;
}

/** What is the same on every runtime: `toEqual` takes what is undefined for absent. */
function withoutPods(spec: Testnet['spec']): unknown {
  const network = { ...spec.network, addressing: undefined };
  const groups = spec.groups.map((one) => ({
    ...one,
    count: undefined,
    image: undefined,
    kubernetes: undefined,
  }));
  const topology = { ...spec.topology, degree: undefined };
  const everybody = `== ${nodesOf(spec)}`;
  const expectations = spec.expect.map((one) =>
    'is' in one && one.is === everybody ? { ...one, is: 'everybody' } : one,
  );
  return { ...spec, network, groups, topology, expect: expectations };
}

function nodesOf({ groups }: Testnet['spec']): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}

const schemaNode = z.looseObject({
  $ref: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  definitions: z.record(z.string(), z.unknown()).optional(),
});

/** Paths of values: of those that have fields of their own, the fields. */
function declaredKeys(whole: unknown, part: unknown, at: string): string[] {
  const { $ref, properties } = schemaNode.parse(part);
  if ($ref !== undefined) {
    const name = $ref.replace('#/definitions/', '');
    return declaredKeys(whole, schemaNode.parse(whole).definitions?.[name], at);
  }
  if (properties === undefined) return [at];
  return Object.entries(properties).flatMap(([key, value]) =>
    declaredKeys(whole, value, `${at}.${key}`),
  );
}

/** `known` ends the descent: values below may be anything. */
function givenKeys(value: unknown, at: string, known: ReadonlySet<string>): string[] {
  const fields = z.record(z.string(), z.unknown()).safeParse(value);
  if (known.has(at) || !fields.success || Object.keys(fields.data).length === 0) return [at];
  return Object.entries(fields.data).flatMap(([key, one]) => givenKeys(one, `${at}.${key}`, known));
}
