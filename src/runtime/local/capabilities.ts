// What this host can do, found out by doing it.

import { supportedFeatures } from '../fabric/capabilities.ts';
import type { Capability } from '../runtime.ts';

const host = 'localhost';

export async function localCapabilities(): Promise<readonly Capability[]> {
  return [
    ...(await supportedFeatures()),
    { host, feature: 'node-faults', ok: true, reason: 'nodes are our own processes' },
    { host, feature: 'logs', ok: true, reason: 'nodes write into files of ours' },
    {
      host,
      feature: 'resources',
      ok: false,
      reason: 'limits per node would need a cgroup outside the namespaces of the testnet',
      fix: 'leave out groups[].resources, or use a container runtime',
    },
    {
      host,
      feature: 'dns',
      ok: false,
      reason: 'the local runtime has no name server',
      fix: 'use discovery.via: address',
    },
  ];
}
