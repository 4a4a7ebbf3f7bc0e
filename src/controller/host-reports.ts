// Takes away the HostReports of hosts that are not there any more: an agent writes its own and
// cannot say when its host goes, and a cluster that grows and shrinks has ever new names of hosts.
import { messageOf } from '../errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Api, type Cache, resources } from '../runtime/kubernetes/api.ts';
import type { HostReport } from '../runtime/kubernetes/objects.ts';

export type SweepDependencies = {
  readonly api: Pick<Api, 'list' | 'delete'>;
  readonly clock: Clock;
  readonly hostReports: Pick<Cache<HostReport>, 'values'>;
  readonly log: (level: 'info' | 'error', message: string) => void;
};

const everyMs = 600_000;
/** Twenty times as long as an agent that lives is silent. */
const staleMs = 600_000;

/** Until the signal is aborted. Needs the right to list hosts; what fails is tried again. */
export async function sweepHostReports(
  deps: SweepDependencies,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await deps.clock.sleep(everyMs, signal);
    if (signal.aborted) return;
    await sweep(deps).catch((error: unknown) => complain(deps, error));
  }
}

async function sweep(deps: SweepDependencies): Promise<void> {
  const { api, clock, hostReports, log } = deps;
  const silent = [...hostReports.values()].filter(
    ({ reportedAt }) => clock.now() - Date.parse(reportedAt) > staleMs,
  );
  if (silent.length === 0) return;
  const hosts = await api.list(resources.hosts, {});
  const there = new Set(hosts.map(({ metadata }) => metadata.name));
  for (const { host, metadata } of silent) {
    if (there.has(host)) continue;
    const { name, namespace = '', uid = '' } = metadata;
    try {
      await api.delete(resources.hostReports, { name, namespace, uid });
      log('info', `host ${host} is gone: its HostReport is deleted`);
    } catch (error) {
      complain(deps, error);
    }
  }
}

function complain({ log }: SweepDependencies, error: unknown): void {
  log('error', `HostReports: ${messageOf(error)}`);
}
