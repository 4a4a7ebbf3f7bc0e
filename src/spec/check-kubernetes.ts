// Rules of what a spec says about pods. The first are rules of the document and hold everywhere;
// `checkForKubernetes` is for those who run it there, since other runtimes need no image and give
// nodes the addresses that the spec wants.

import type { PodSettings } from './pod-schema.ts';
import { error, type Finding, type Path, quote } from './problems.ts';
import type { Testnet, TestnetSpec } from './schema.ts';

type Declared = Pick<TestnetSpec, 'kubernetes'> & {
  readonly groups: readonly { readonly kubernetes?: PodSettings | undefined }[];
};

export function checkPodSettings({ kubernetes, groups }: Declared): Finding[] {
  return [
    ...checkSettings(['spec', 'kubernetes'], kubernetes),
    ...groups.flatMap((group, index) =>
      checkSettings(['spec', 'groups', index, 'kubernetes'], group.kubernetes),
    ),
  ];
}

function checkSettings(path: Path, settings: PodSettings | undefined): Finding[] {
  const tolerations = settings?.tolerations ?? [];
  return tolerations.flatMap(({ key, operator, value, effect, tolerationSeconds }, index) => {
    const here = [...path, 'tolerations', index];
    const findings: Finding[] = [];
    if (operator === 'Exists' && value !== undefined) {
      findings.push(error([...here, 'value'], 'has no meaning beside operator Exists', 'key'));
    }
    if (key === undefined && operator !== 'Exists') {
      findings.push(error(here, 'without a key it is about all taints, and needs operator Exists'));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      findings.push(error([...here, 'tolerationSeconds'], 'needs effect NoExecute', 'key'));
    }
    return findings;
  });
}

/** What keeps a sound spec from running on Kubernetes. */
export function checkForKubernetes({ spec }: Testnet): Finding[] {
  const { groups, network } = spec;
  const findings = groups.flatMap(({ name, kind, image }, index) => {
    if (kind === 'reference' || image !== undefined) return [];
    const message = `missing, on Kubernetes group ${quote(name)} of kind ${kind} needs an image`;
    return [error(['spec', 'groups', index, 'image'], message)];
  });
  if (network.addressing !== undefined) {
    const message = 'addresses are those of the cluster on Kubernetes, they cannot be chosen';
    findings.push(error(['spec', 'network', 'addressing'], message, 'key'));
  }
  return findings;
}

/** What of a Testnet only the CLI can do; it does it before there is a Testnet. */
export function checkApplied({ spec }: Testnet): Finding[] {
  const isFile = spec.topology.edgesFrom?.file !== undefined;
  return isFile ? [error(['spec', 'topology', 'edgesFrom', 'file'], fileIsRead, 'key')] : [];
}

export const fileIsRead =
  'a file is read by the CLI only: use configMap (kubectl create configmap NAME --from-file=FILE), ' +
  'or start it with peerstorm up --runtime kubernetes';
