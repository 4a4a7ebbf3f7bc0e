// Testnets whose edges are elsewhere, on a real cluster: in a ConfigMap of the user, and in a file
// of the command line that is too long for a Testnet.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Plan } from '../../src/plan/plan.ts';
import { hasCluster, installChart, Storm } from './harness.ts';

const program = join(import.meta.dirname, '../../bin/peerstorm');
const available = hasCluster('test/cluster/edges.test.ts');

/** A path of four: nobody has three peers. */
const path = 'row-1 row-0\nrow-2 row-1\nrow-3 row-2\n';
const specOf = (edgesFrom: string) => `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: net }
spec:
  groups: [{ name: row, count: 4, kind: reference }]
  topology: { model: edges, edgesFrom: ${edgesFrom} }
  expect:
    - { name: in a row, at: 5s, metric: node_peers, aggregate: max, is: "== 2" }
    - { name: one network, at: 5s, metric: components, is: "== 1" }
`;
const inConfigMap = specOf('{ configMap: { name: graph, key: edges.txt } }');

describe.runIf(available).concurrent('edges', { timeout: 300_000 }, () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'edges-'));
    await installChart();
  }, 200_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const bring = async (storm: Storm, name: string, list: string) => {
    const file = join(folder, name);
    writeFileSync(file, list);
    const from = [`--from-file=edges.txt=${file}`, '--dry-run=client', '--output=yaml'];
    await storm.apply(await storm.kubectl(['create', 'configmap', 'graph', ...from]));
  };
  const accepted = async (storm: Storm) =>
    (await storm.status('net'))?.conditions.find(({ type }) => type === 'Accepted');
  const untilAccepted = (storm: Storm, reason: string) =>
    storm.until(reason, 60_000, async () => (await accepted(storm))?.reason === reason);

  test('of a ConfigMap are waited for, checked, and kept by the run', async () => {
    await using storm = await Storm.create('edges-map');
    await storm.apply(inConfigMap);
    await untilAccepted(storm, 'EdgesMissing');
    await bring(storm, 'wrong.txt', `# ours\n${path.replace('row-2 row-1', 'row-2 raw-1')}`);
    await untilAccepted(storm, 'SpecInvalid');
    expect((await accepted(storm))?.message).toBe(
      'configmap/graph/edges.txt:3:7: no node is named "raw-1", did you mean row-1?',
    );
    await bring(storm, 'right.txt', path);
    await untilAccepted(storm, 'SpecValid');
    const kept = ['get', 'configmap', 'net-run-edges', '--output=jsonpath={.immutable}'];
    await storm.until(
      'it is kept',
      60_000,
      async () => (await storm.kubectl(kept).catch(String)) === 'true',
    );
    await storm.kubectl(['delete', 'configmap', 'graph']);
    expect(await storm.finished('net'), await storm.explain()).toMatchObject({
      verdict: 'passed',
    });
  });

  test('of a file too long for a Testnet come with the command line, and go with it', async () => {
    await using storm = await Storm.create('edges-file');
    writeFileSync(join(folder, 'edges.txt'), path.repeat(1_700));
    const spec = join(folder, 'net.yaml');
    writeFileSync(spec, specOf('{ file: edges.txt }'));
    const report = join(folder, 'report');
    const cluster = ['--runtime=kubernetes', `--kubeconfig=${storm.kubeconfig}`];
    const where = [...cluster, `--namespace=${storm.namespace}`, `--report=${report}`];
    const ran = await execa(program, ['test', spec, ...where], { reject: false });
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    const plan: Plan = JSON.parse(readFileSync(join(report, 'plan.json'), 'utf8'));
    expect(plan.nodes.map(({ dials }) => dials)).toEqual([[], ['row-0'], ['row-1'], ['row-2']]);
    const left = await storm.list<{ metadata: { name: string } }>('configmaps,testnets');
    expect(left.map(({ metadata }) => metadata.name)).toEqual(['kube-root-ca.crt']);
  });
});
