// The command line against a real cluster, as users have it: everything goes over the API server,
// with an administrator's rights or with those of somebody who may only edit one namespace.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/report/result.ts';
import { hasCluster, installChart, kubectl, release, Storm } from './harness.ts';

const program = join(import.meta.dirname, '../../bin/peerstorm');
const available = hasCluster('test/cluster/session.test.ts');

const specOf = (claim = '== 2') => `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: net }
spec:
  groups:
    - { name: a, count: 2, kind: reference, bootstrap: true }
    - { name: b, count: 2, kind: reference }
  topology: { model: full-mesh }
  faults:
    - { name: split, at: 3s, for: 15s, partition: { sides: [{ group: a }, { group: b }] } }
  expect:
    - { name: two halves, during: split, metric: components, is: "${claim}" }
    - { name: one again, after: split, within: 60s, metric: components, is: "== 1" }
`;
const isolate = `
apiVersion: peerstorm.dev/v1alpha1
kind: Fault
metadata: { name: alone }
spec: { testnet: net, partition: { sides: [{ node: b-1 }] } }
`;

let folder: string;
const inFolder = (name: string, text = '') => {
  const path = join(folder, name);
  if (text !== '') writeFileSync(path, text);
  return path;
};

const admin = () => process.env['PEERSTORM_TEST_KUBECONFIG'] ?? '';

function peerstorm(args: readonly string[], kubeconfig = admin()) {
  const cluster = ['--runtime', 'kubernetes', '--kubeconfig', kubeconfig];
  // Before what is for a node: `exec NODE -- COMMAND`.
  const at = args.indexOf('--') === -1 ? args.length : args.indexOf('--');
  const all = [...args.slice(0, at), ...cluster, ...args.slice(at)];
  return execa(program, all, { reject: false, timeout: 240_000 });
}

const reportOf = (name: string): Report =>
  JSON.parse(readFileSync(join(folder, name, 'report.json'), 'utf8'));
const shown = ({ verdict, exitCode, expectations, faults, nodes, problems }: Report) => ({
  verdict,
  exitCode,
  problems,
  expectations: expectations.map(({ name, status }) => `${name}: ${status}`),
  faults: faults.map(({ name, proved }) => `${name}: ${proved}`),
  nodes: nodes.map(({ name, restarts }) => `${name}: ${restarts}`),
});

/** All that a testnet makes; the namespace itself has a ConfigMap of its own. */
async function left(storm: Storm): Promise<readonly string[]> {
  const kinds = 'testnets,faults,networkstates,pods,services,configmaps,networkpolicies';
  const text = await storm.kubectl(['get', kinds, '--output=name']);
  return text.split('\n').filter((name) => name !== '' && name !== 'configmap/kube-root-ca.crt');
}

describe.runIf(available).concurrent('the command line', { timeout: 400_000 }, () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'session-'));
    await installChart();
  }, 200_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['== 2', 0],
    ['== 3', 1],
  ])('has the verdict of a local run where components are to be %s', async (claim, exit) => {
    await using storm = await Storm.create(`cli-verdict-${exit}`);
    const spec = inFolder(`spec-${exit}.yaml`, specOf(claim));
    const [far, near] = [`far-${exit}`, `near-${exit}`];
    const where = ['--namespace', storm.namespace, '--report', inFolder(far)];
    const [ran, local] = await Promise.all([
      peerstorm(['test', spec, ...where]),
      execa(program, ['test', spec, '--report', inFolder(near)], {
        reject: false,
        env: { PEERSTORM_STATE_DIR: inFolder(`state-${exit}`) },
      }),
    ]);
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(exit);
    expect(local.exitCode, local.stdout + local.stderr).toBe(exit);
    expect(shown(reportOf(far))).toEqual(shown(reportOf(near)));
    const files = (name: string, only: string) =>
      readdirSync(inFolder(name)).filter((file) => file !== only);
    expect(files(far, 'events.jsonl')).toEqual(files(near, 'supervisor.log'));
    for (const node of ['a-0', 'a-1', 'b-0', 'b-1']) {
      expect(readFileSync(join(folder, far, 'logs', `${node}.log`), 'utf8')).toContain('started');
    }
    expect(await left(storm)).toEqual([]);
  });

  test('ends in order on Ctrl-C', async () => {
    await using storm = await Storm.create('cli-signal');
    const spec = inFolder('spec.yaml', specOf());
    const report = ['--report', inFolder('signal')];
    const running = peerstorm(['test', spec, '--namespace', storm.namespace, ...report]);
    await storm.until('there is a Testnet', 60_000, async () =>
      (await left(storm)).includes('testnet.peerstorm.dev/net'),
    );
    await storm.enforced('net', 'split');
    running.kill('SIGINT');
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode, stdout + stderr).toBe(130);
    expect(reportOf('signal').problems).toEqual(['stopped by SIGINT']);
    expect(reportOf('signal').faults[0]?.actual.start).toBeGreaterThan(0);
    expect(await left(storm)).toEqual([]);
  });

  test('does what it does on one machine', async () => {
    await using storm = await Storm.create('cli-commands');
    const ask = async (...args: readonly string[]) => {
      const at = args.indexOf('--') === -1 ? args.length : args.indexOf('--');
      const where = ['--namespace', storm.namespace];
      return await peerstorm([...args.slice(0, at), ...where, ...args.slice(at)]);
    };
    const json = async (...args: readonly string[]) =>
      JSON.parse((await ask(...args, '--json')).stdout);
    const spec = inFolder('spec.yaml', specOf());
    const up = await ask('up', spec, '--detach');
    expect(up.exitCode, up.stderr).toBe(0);
    expect(await json('status', 'net')).toMatchObject({ testnet: 'net', nodes: { planned: 4 } });
    const nodes = (await json('nodes')).map(({ name, state }: Record<string, string>) => [
      name,
      state,
    ]);
    expect(nodes).toContainEqual(['a-0', 'ready']);
    expect((await json('graph')).nodes).toHaveLength(4);
    expect((await ask('logs', 'a-0')).stdout).toContain('"name":"a-0"');
    const ran = await ask('exec', 'b-1', '--', 'sh', '-c', 'hostname; exit 5');
    expect([ran.exitCode, ran.stdout]).toEqual([5, 'net-b-1']);
    const applied = await ask('fault', 'apply', inFolder('fault.yaml', isolate));
    expect(applied.exitCode, applied.stderr).toBe(0);
    await storm.enforced('net', 'alone');
    expect((await json('fault', 'list')).map(({ name }: { name: string }) => name)).toEqual([
      'split',
      'alone',
    ]);
    expect((await ask('fault', 'clear')).stderr).toMatch(/cleared .*alone/);
    await storm.until(
      'all faults are over',
      60_000,
      async () =>
        (await storm.status('net'))?.faults?.every(({ healed }) => healed !== undefined) === true,
    );
    expect((await ask('down')).exitCode).toBe(0);
    expect(await left(storm)).toEqual([]);
  });

  test('needs no more than the role `edit`, and shows more with ours', async () => {
    await using storm = await Storm.create('cli-rights');
    const { namespace } = storm;
    const spec = inFolder('spec.yaml', specOf());
    const kubeconfig = await userOf(storm, 'developer');
    const refused = await peerstorm(['status'], kubeconfig);
    expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringContaining('forbidden')]);
    const account = `--serviceaccount=${namespace}:developer`;
    await storm.kubectl(['create', 'rolebinding', 'edit', '--clusterrole=edit', account]);
    const running = peerstorm(['test', spec, '--keep', '--report', inFolder('user')], kubeconfig);
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toContain('less is shown than there is');
    expect((await peerstorm(['nodes'], kubeconfig)).exitCode).toBe(3);
    const ours = ['--namespace', release.namespace];
    const name = `user-of-${namespace}`;
    await kubectl([...ours, 'create', 'rolebinding', name, '--role=peerstorm-user', account]);
    try {
      await storm.until('the right is there', 30_000, async () =>
        (await peerstorm(['nodes'], kubeconfig)).stdout.includes('b-1'),
      );
    } finally {
      await kubectl([...ours, 'delete', 'rolebinding', name]);
    }
    expect((await peerstorm(['down'], kubeconfig)).exitCode).toBe(0);
    expect(await left(storm)).toEqual([]);
  });

  test('says what is wrong, and what to do', async () => {
    const spec = inFolder('spec.yaml', specOf());
    const nowhere = await peerstorm(['test', spec, '--namespace', 'cli-nowhere']);
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([
      2,
      expect.stringContaining('kubectl create namespace cli-nowhere'),
    ]);
    const config = JSON.parse(readFileSync(admin(), 'utf8'));
    config.clusters[0].cluster.server = 'https://127.0.0.1:1';
    const gone = await peerstorm(['status'], inFolder('gone', JSON.stringify(config)));
    expect([gone.exitCode, gone.stderr]).toEqual([3, expect.stringContaining('ECONNREFUSED')]);
  });
});

/** A kubeconfig of a service account of the namespace. */
async function userOf(storm: Storm, name: string): Promise<string> {
  await storm.kubectl(['create', 'serviceaccount', name]);
  const token = await storm.kubectl(['create', 'token', name]);
  const minify = ['config', 'view', '--minify', '--raw', '--output=json'];
  const config = JSON.parse(await storm.kubectl(minify));
  config.users = [{ name, user: { token } }];
  Object.assign(config.contexts[0].context, { user: name, namespace: storm.namespace });
  return inFolder(`${name}.json`, JSON.stringify(config));
}
