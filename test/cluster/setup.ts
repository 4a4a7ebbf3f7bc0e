// Once for all cluster tests: a cluster with the images and the chart in it. The one that
// PEERSTORM_TEST_KUBECONFIG names is taken as it is (its images are its owner's business), else one
// is started and stopped again. KUBECONFIG is never looked at. Without what it takes to have a
// cluster nothing is done, and the tests say what is missing.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { importImages, startCluster, stopCluster } from './cluster.ts';
import { installChart } from './harness.ts';

export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['PEERSTORM_TEST_KUBECONFIG'] !== undefined) {
    await installChart();
    return undefined;
  }
  const [programs, images, helm] = await Promise.all(
    ['build-kubernetes', 'build-images', 'get-helm'].map(cached),
  );
  if (programs === undefined || images === undefined || helm === undefined) return undefined;
  if (process.geteuid?.() !== 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'ps-cluster-'));
  process.env['PEERSTORM_TEST_KUBECONFIG'] = await startCluster(folder, { owned: true });
  process.env['PEERSTORM_TEST_CLUSTER'] = folder;
  // kubectl, of the cluster's own version.
  process.env['PATH'] = `${programs}:${process.env['PATH'] ?? ''}`;
  const stop = () => stopCluster(folder);
  try {
    await importImages(folder, images);
    await installChart();
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

async function cached(script: string): Promise<string | undefined> {
  const path = join(import.meta.dirname, script);
  const { exitCode, stdout } = await execa(path, ['--cached'], { reject: false });
  return exitCode === 0 ? stdout : undefined;
}
