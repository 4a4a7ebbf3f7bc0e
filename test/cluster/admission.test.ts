// The token of an agent is of use for the report of its own host only: what the chart's
// ValidatingAdmissionPolicy refuses on a real server.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { requireTier } from '../require.ts';

const kubeconfig = process.env['PEERSTORM_TEST_KUBECONFIG'] ?? '';
const available = requireTier(
  'test/cluster/admission.test.ts',
  kubeconfig !== '',
  'PEERSTORM_TEST_KUBECONFIG is not set',
);

const pods = z.object({
  items: z
    .array(
      z.object({
        metadata: z.object({ name: z.string(), namespace: z.string() }),
        spec: z.object({ nodeName: z.string(), serviceAccountName: z.string() }),
      }),
    )
    .min(1),
});
const config = z.looseObject({
  contexts: z.array(z.looseObject({ context: z.looseObject({}) })).min(1),
  users: z.array(z.looseObject({ name: z.string() })),
});

let folder = '';
let namespace = '';
let host = '';
/** Kubeconfigs: of the agent's pod, and of its account without a pod. */
let bound = '';
let unbound = '';

describe.runIf(available)('an agent', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerstorm-admission-'));
    const selector = 'app.kubernetes.io/part-of=peerstorm,app.kubernetes.io/component=agent';
    const found = await kubectl(['get', 'pods', '-A', '-o', 'json', '--selector', selector]);
    const [agent] = pods.parse(JSON.parse(found.stdout)).items;
    if (agent === undefined) throw new TypeError('no agent is installed');
    ({ namespace } = agent.metadata);
    host = agent.spec.nodeName;
    const create = ['create', 'token', agent.spec.serviceAccountName, '--namespace', namespace];
    const toPod = ['--bound-object-kind=Pod', `--bound-object-name=${agent.metadata.name}`];
    bound = await configWith('bound', (await kubectl([...create, ...toPod])).stdout);
    unbound = await configWith('unbound', (await kubectl(create)).stdout);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('may write the report of its host', async () => {
    expect(await apply(bound, host, host)).toEqual({ exitCode: 0, refused: '' });
  });

  test('may not write that of another host', async () => {
    const { exitCode, refused } = await apply(bound, 'another', 'another');
    expect(exitCode).not.toBe(0);
    expect(refused).toContain(`the agent on ${host} may not write the report of another`);
  });

  test('may not report for another host under its own name', async () => {
    const { exitCode, refused } = await apply(bound, host, 'another');
    expect(exitCode).not.toBe(0);
    expect(refused).toContain(`the agent on ${host} may not report for another host`);
  });

  test('may write nothing with a token that names no host', async () => {
    const { exitCode, refused } = await apply(unbound, host, host);
    expect(exitCode).not.toBe(0);
    expect(refused).toContain('an agent needs a token that names its host');
  });
});

async function apply(
  as: string,
  name: string,
  of: string,
): Promise<{ readonly exitCode: number | undefined; readonly refused: string }> {
  const report = {
    apiVersion: 'peerstorm.dev/v1alpha1',
    kind: 'HostReport',
    metadata: { name, namespace },
    host: of,
    reportedAt: '2026-01-01T00:00:00Z',
    agentStartedAt: '2026-01-01T00:00:00Z',
    agentVersion: '0.0.0',
    capabilities: [],
    testnets: [],
  };
  const dry = ['apply', '--server-side', '--dry-run=server', '--force-conflicts', '-f', '-'];
  const { exitCode, stderr } = await execa('kubectl', [`--kubeconfig=${as}`, ...dry], {
    input: JSON.stringify(report),
    reject: false,
    timeout: 30_000,
  });
  return { exitCode, refused: stderr };
}

/** The kubeconfig of the suite with nothing of its user but a token. */
async function configWith(name: string, token: string): Promise<string> {
  const { stdout } = await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']);
  const parsed = config.parse(JSON.parse(stdout));
  const users = parsed.users.map((user) => ({ name: user.name, user: { token } }));
  const path = join(folder, name);
  await writeFile(path, JSON.stringify({ ...parsed, users }), { mode: 0o600 });
  return path;
}

function kubectl(args: readonly string[]) {
  return execa('kubectl', [`--kubeconfig=${kubeconfig}`, ...args], { timeout: 30_000 });
}
