// The cases on one machine; test/cluster has them on Kubernetes.
import { spawnSync } from 'node:child_process';
import { requireTier } from '../require.ts';
import { declare } from './cases.ts';
import { runCase } from './harness.ts';

declare('memory', 1, (wanted) => runCase('memory', wanted));
if (hasLocal()) declare('local', 3, (wanted) => runCase('local', wanted));

function hasLocal(): boolean {
  const user = process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const probe = ['--net', '--mount', '--pid', '--fork', 'nft', 'list', 'ruleset'];
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  process.env['PATH'] = path;
  const { status } = spawnSync('unshare', [...user, ...probe]);
  return requireTier('compliance on local', status === 0, 'needs nft and network namespaces');
}
