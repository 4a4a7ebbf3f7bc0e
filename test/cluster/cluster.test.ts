// The test cluster itself: what other tests rely on, and that a machine is left as it was.
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { startCluster, stopCluster } from './cluster.ts';
import { eventually, hasHost } from './harness.ts';

const available = hasHost('test/cluster/cluster.test.ts');

/** What a cluster makes outside of its folder. */
async function traces() {
  const mounts = await execa('findmnt', ['--list', '--noheadings', '--output=TARGET']);
  const routes = await execa('ip', ['route', 'show']);
  const ruleset = await execa('nft', ['list', 'tables']);
  return {
    links: Object.keys(networkInterfaces()).filter((name) => name.startsWith('peerstorm-k')),
    cgroups: readdirSync('/sys/fs/cgroup').flatMap((controller) =>
      readdirSync(join('/sys/fs/cgroup', controller)).filter((name) =>
        name.startsWith('peerstorm'),
      ),
    ),
    mounts: mounts.stdout,
    tables: ruleset.stdout,
    routes: routes.stdout,
  };
}

describe.runIf(available)('a second cluster', () => {
  test('has the same addresses inside, and leaves nothing', async () => {
    const before = await traces();
    const folder = await mkdtemp(join(tmpdir(), 'ps-second-'));
    const kubeconfig = await startCluster(folder, { owned: true });
    const get = ['get', '--output=jsonpath={.spec.clusterIP}'];
    const service = ['service', 'kubernetes', '--namespace=default'];
    const argv = [`--kubeconfig=${kubeconfig}`, ...get, ...service];
    expect((await execa('kubectl', argv)).stdout).toBe('10.96.0.1');
    expect(await traces()).not.toEqual(before);
    await expect(startCluster(folder)).rejects.toThrow('has a running cluster');
    await stopCluster(folder);
    await stopCluster(folder);
    expect(await traces()).toEqual(before);
    expect(existsSync(folder)).toBe(false);
  });

  test('leaves nothing when its owner is killed', async () => {
    const before = await traces();
    const folder = await mkdtemp(join(tmpdir(), 'ps-orphan-'));
    const start = `import { startCluster } from '${join(import.meta.dirname, 'cluster.ts')}';
      console.log(await startCluster('${folder}', { owned: true })); setInterval(() => {}, 1e6);`;
    const owner = execa(process.execPath, ['--input-type=module', '--eval', start], {
      reject: false,
    });
    await once(owner.stdout, 'data');
    expect(await traces()).not.toEqual(before);
    owner.kill('SIGKILL');
    await eventually('nothing left', 60_000, async () => !existsSync(folder));
    expect(await traces()).toEqual(before);
  });

  test('is not started where there is something else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ps-other-'));
    await writeFile(join(folder, 'thesis.txt'), '');
    await expect(startCluster(folder)).rejects.toThrow('thesis.txt');
    await expect(stopCluster(folder)).rejects.toThrow('thesis.txt');
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
    await rm(folder, { recursive: true });
  });
});
