// Helm: the chart comes, is changed and goes, and leaves nothing that it does not say it leaves.
import { afterAll, describe, expect, test } from 'vitest';
import {
  chartFolder,
  eventually,
  hasCluster,
  helm,
  installChart,
  kubectl,
  release,
  Storm,
} from './harness.ts';

const available = hasCluster('test/cluster/install.test.ts');
const where = ['--namespace', release.namespace];
/** Ends then, and its nodes stay. */
const small = (seconds: number) => `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: small }
spec:
  groups: [{ name: full, count: 2, kind: reference, bootstrap: true }]
  topology: { model: full-mesh }
  duration: ${seconds}s
  afterRun: keep
  expect: [{ name: all there, always: true, metric: nodes_answering, is: "== 2" }]
`;

describe.runIf(available)('the chart', { timeout: 300_000 }, () => {
  // Others need it.
  afterAll(() => installChart(), 200_000);

  test('has pods that are ready, and a test that passes', async () => {
    await installChart();
    expect(await helm(['test', release.name, ...where, '--timeout=2m'])).toContain('Succeeded');
  });

  test('upgrades while a testnet runs, which goes on', async () => {
    await using storm = await Storm.create('install-upgrade');
    await storm.apply(small(60));
    await storm.until(
      'ready',
      90_000,
      async () => (await storm.status('small'))?.startedAt !== undefined,
    );
    const before = await storm.pods('small');
    await installChart(['--set', 'controller.logLevel=debug', '--set', 'agent.logLevel=debug']);
    expect(await storm.finished('small'), await storm.explain()).toMatchObject({
      verdict: 'passed',
    });
    const after = await storm.pods('small');
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(
      before.map(({ metadata }) => metadata.uid),
    );
  });

  test('leaves nothing but the definitions, and these when told', async () => {
    const ours = '--selector=app.kubernetes.io/name=peerstorm';
    const kinds = 'deploy,ds,pods,svc,sa,cm,secret,lease,netpol,pdb,role,rolebinding';
    await helm(['uninstall', release.name, ...where, '--wait', '--timeout=2m']);
    // Pods end after what they belong to.
    const left = () => kubectl(['get', kinds, ...where, ours, '--output=name']);
    await eventually('nothing of the release', 60_000, async () => (await left()) === '');
    const wide = 'clusterroles,clusterrolebindings,validatingadmissionpolicies';
    expect(await kubectl(['get', wide, ours, '--output=name'])).toBe('');
    const definitions = await kubectl(['get', 'crd', ours, '--output=name']);
    expect(definitions.split('\n')).toHaveLength(4);
    await kubectl(['delete', ...definitions.split('\n')]);
    await kubectl(['delete', 'namespace', release.namespace]);
    const known = ['api-resources', '--api-group=peerstorm.dev', '--output=name'];
    await eventually('nothing of the group', 30_000, async () => (await kubectl(known)) === '');
  });

  test('is found to be well formed by the server', async () => {
    const rendered = await helm(['template', release.name, chartFolder, ...where]);
    await kubectl(['create', 'namespace', release.namespace]).catch(() => undefined);
    const dryRun = ['apply', '--server-side', '--dry-run=server', '--validate=strict'];
    await kubectl([...dryRun, ...where, '--filename', '-'], rendered);
  });
});
