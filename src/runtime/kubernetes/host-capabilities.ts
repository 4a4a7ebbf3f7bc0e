// What the hosts of a cluster can do, as their agents found it: of every host where a node of the
// testnet may be put, for nobody can say where the scheduler puts it.
import type { PodSettings } from '../../spec/pod-schema.ts';
import type { Capability } from '../runtime.ts';
import type { KubernetesObject } from './api.ts';
import type { HostReport } from './objects.ts';

/** The parts of core/v1 Node that matter here. */
export type Host = KubernetesObject & {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly {
      readonly key: string;
      readonly value?: string;
      readonly effect: string;
    }[];
  };
};

type Placement = Pick<PodSettings, 'nodeSelector' | 'tolerations'>;

const installs =
  'let the agent run there (chart values agent.tolerations, agent.nodeSelector), ' +
  'or keep nodes away from it (kubernetes.nodeSelector)';

/** `hosts` undefined: they may not be listed; then the agents are believed to be everywhere. */
export function hostCapabilities(
  reports: readonly HostReport[],
  hosts: readonly Host[] | undefined,
  placements: readonly Placement[],
): readonly Capability[] {
  const eligible = hosts
    ?.filter((host) => placements.some((placement) => mayRunOn(host, placement)))
    .map(({ metadata }) => metadata.name);
  const known = new Map(reports.map((report) => [report.host, report]));
  const names = eligible ?? [...known.keys()];
  const cluster = { host: 'cluster', ok: true, reason: 'part of Kubernetes' };
  const shared = (['resources', 'dns', 'logs'] as const).map((feature) => ({
    ...cluster,
    feature,
  }));
  if (names.length === 0) return [...shared, nowhere(hosts)];
  return [
    ...shared,
    ...names.flatMap((host) => {
      const report = known.get(host);
      return report === undefined
        ? [agentless(host)]
        : report.capabilities.map((capability) => ({ ...capability, host }));
    }),
  ];
}

function agentless(host: string): Capability {
  const reason = 'no agent of Peerstorm reports for this host';
  return { host, feature: 'namespaces', ok: false, reason, fix: installs };
}

function nowhere(hosts: readonly Host[] | undefined): Capability {
  const reason =
    hosts === undefined
      ? 'no agent of Peerstorm reports for any host'
      : 'no host takes nodes of this testnet (cordoned, tainted, or not selected)';
  return { host: 'cluster', feature: 'namespaces', ok: false, reason, fix: installs };
}

function mayRunOn(
  { spec = {}, metadata }: Host,
  { nodeSelector = {}, tolerations = [] }: Placement,
): boolean {
  if (spec.unschedulable === true) return false;
  const selected = Object.entries(nodeSelector).every(
    ([key, value]) => metadata.labels?.[key] === value,
  );
  const repelling = (spec.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
  return (
    selected &&
    repelling.every((taint) =>
      tolerations.some(
        ({ key, operator, value, effect }) =>
          (key === undefined || key === taint.key) &&
          (effect === undefined || effect === taint.effect) &&
          (operator === 'Exists' || (value ?? '') === (taint.value ?? '')),
      ),
    )
  );
}
