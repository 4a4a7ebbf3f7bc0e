// What the server says that controller and agents may do is what can-i.yaml says, no more and no
// less. Asked as they: SelfSubjectRulesReview under impersonation, in their own namespace and in
// another one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { requireTier } from '../require.ts';

const kubeconfig = process.env['PEERSTORM_TEST_KUBECONFIG'];
const available = requireTier(
  'test/cluster/rbac.test.ts',
  kubeconfig !== undefined,
  'PEERSTORM_TEST_KUBECONFIG is not set',
);

const verbs = z.record(z.string(), z.array(z.string()));
const component = z.strictObject({ anywhere: verbs, cluster: verbs, own: verbs });
const table = z
  .strictObject({ controller: component, agent: component })
  .parse(parse(readFileSync(join(import.meta.dirname, 'can-i.yaml'), 'utf8')));

const review = z.object({
  status: z.object({
    resourceRules: z.array(
      z.object({
        apiGroups: z.array(z.string()).default([]),
        resources: z.array(z.string()).default([]),
        verbs: z.array(z.string()),
        resourceNames: z.array(z.string()).default([]),
      }),
    ),
  }),
});
const accounts = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string(), labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        template: z.object({ spec: z.object({ serviceAccountName: z.string() }) }),
      }),
    }),
  ),
});

/** What everybody may do who is known to the server: ask about themselves. */
const everybody = new Set([
  'selfsubjectaccessreviews.authorization.k8s.io create',
  'selfsubjectrulesreviews.authorization.k8s.io create',
  'selfsubjectreviews.authentication.k8s.io create',
]);

describe.runIf(available)('what the server lets them do', { timeout: 60_000 }, () => {
  test.each(['controller', 'agent'] as const)('%s', async (name) => {
    const { namespace, user } = await accountOf(name);
    const { anywhere, cluster, own } = table[name];
    expect(await allowed(user, namespace)).toEqual(lines(anywhere, cluster, own));
    expect(await allowed(user, 'default')).toEqual(lines(anywhere, cluster));
  });

  test.each([
    ['controller', 'create', 'pods/exec'],
    ['controller', 'get', 'secrets'],
    ['controller', 'escalate', 'clusterroles'],
    ['controller', 'get', 'nodes/proxy'],
    ['agent', 'patch', 'pods'],
    ['agent', 'create', 'pods/exec'],
    ['agent', 'get', 'secrets'],
    ['agent', 'get', 'nodes'],
    ['agent', 'patch', 'networkstates.peerstorm.dev'],
  ] as const)('%s may not %s %s', async (name, verb, resource) => {
    const { user } = await accountOf(name);
    const [kind = '', subresource] = resource.split('/');
    const { stdout } = await kubectl(
      ['auth', 'can-i', verb, kind, `--as=${user}`, '--namespace=default'].concat(
        subresource === undefined ? [] : [`--subresource=${subresource}`],
      ),
    );
    expect(stdout).toBe('no');
  });
});

async function accountOf(
  component: 'controller' | 'agent',
): Promise<{ readonly namespace: string; readonly user: string }> {
  const kind = component === 'controller' ? 'deployments' : 'daemonsets';
  const selector = `app.kubernetes.io/part-of=peerstorm,app.kubernetes.io/component=${component}`;
  const { stdout } = await kubectl(['get', kind, '-A', '-o', 'json', '--selector', selector]);
  const [found] = accounts.parse(JSON.parse(stdout)).items;
  if (found === undefined) throw new TypeError(`no ${component} is installed`);
  const { namespace } = found.metadata;
  const { serviceAccountName } = found.spec.template.spec;
  return { namespace, user: `system:serviceaccount:${namespace}:${serviceAccountName}` };
}

/** `pods/log get`, sorted, each once; one for certain names only says so. */
async function allowed(user: string, namespace: string): Promise<readonly string[]> {
  const asked = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  };
  const { stdout } = await kubectl(
    ['create', '--validate=false', '-f', '-', '-o', 'json', `--as=${user}`],
    JSON.stringify(asked),
  );
  const found = review.parse(JSON.parse(stdout)).status.resourceRules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) =>
        rule.verbs.map((verb) => {
          const names = rule.resourceNames.map((each) => ` only ${each}`).join('');
          return `${fullName(resource, group)} ${verb}${names}`;
        }),
      ),
    ),
  );
  return [...new Set(found)].filter((line) => !everybody.has(line)).toSorted();
}

function fullName(resource: string, group: string): string {
  const [kind = '', subresource] = resource.split('/');
  const full = group === '' ? kind : `${kind}.${group}`;
  return subresource === undefined ? full : `${full}/${subresource}`;
}

function lines(...tables: readonly Readonly<Record<string, readonly string[]>>[]): string[] {
  const all = tables.flatMap((one) =>
    Object.entries(one).flatMap(([resource, can]) => can.map((verb) => `${resource} ${verb}`)),
  );
  return [...new Set(all)].toSorted();
}

async function kubectl(args: readonly string[], input?: string): Promise<{ stdout: string }> {
  const { stdout, stderr, exitCode } = await execa(
    'kubectl',
    [`--kubeconfig=${kubeconfig ?? ''}`, ...args],
    { reject: false, timeout: 30_000, ...(input === undefined ? {} : { input }) },
  );
  // `auth can-i` exits with 1 for a no.
  if (exitCode !== 0 && stdout !== 'no')
    throw new TypeError(`kubectl ${args.join(' ')}: ${stderr}`);
  return { stdout };
}
