// On which runtime a command finds its testnets, and the flags that say so.
import { fail } from '../errors.ts';
import type { ClusterPlace } from '../session/cluster.ts';
import { localTestnets } from '../session/local-testnets.ts';
import type { Testnets } from '../session/testnets.ts';
import { type Invocation, type Option, textOf } from './command.ts';
import { version } from './version.ts';

const clusterOptions: readonly Option[] = [
  {
    flags: '--kubeconfig <file>',
    description: 'kubernetes: where the cluster is; default: $KUBECONFIG, then ~/.kube/config',
  },
  { flags: '--context <name>', description: 'kubernetes: of the kubeconfig; default: its current' },
  { flags: '--namespace <name>', description: "kubernetes: default: the context's, or `default`" },
  {
    flags: '--system-namespace <name>',
    description: 'kubernetes: of the chart; default: found, or peerstorm-system',
  },
];

/** Of commands about testnets that run. */
export const whereOptions: readonly Option[] = [
  {
    flags: '-r, --runtime <runtime>',
    description: 'where it runs',
    choices: ['local', 'kubernetes'],
    default: 'local',
  },
  ...clusterOptions,
];

/** Of commands that run one. */
export const runtimeOptions: readonly Option[] = [
  {
    flags: '-r, --runtime <runtime>',
    description: 'where the nodes run; memory simulates them on virtual time',
    choices: ['local', 'kubernetes', 'memory'],
    default: 'local',
  },
  ...clusterOptions,
];

export type RuntimeName = 'local' | 'kubernetes' | 'memory';

/** Flags that say where a cluster is mean something only with one. */
export function runtimeOf(invocation: Invocation): RuntimeName {
  const name = textOf(invocation, 'runtime') ?? 'local';
  if (name === 'kubernetes') return name;
  for (const flag of ['kubeconfig', 'context', 'namespace', 'systemNamespace']) {
    if (textOf(invocation, flag) === undefined) continue;
    const written = flag.replace('N', '-n');
    throw fail('USAGE', `--${written} is about a cluster: add --runtime kubernetes`);
  }
  return name === 'memory' ? name : 'local';
}

/** `about`: the document that the command is given, if it is. */
export async function testnetsOf(invocation: Invocation, about?: Placed): Promise<Testnets> {
  if (runtimeOf(invocation) !== 'kubernetes') return localTestnets;
  const { openTestnets } = await import('../session/cluster-testnets.ts');
  return await openTestnets(placeOf(invocation, about), version);
}

/** Metadata of a document. */
type Placed = { readonly namespace?: string | undefined };

/** As kubectl has it: a namespace in the document and another one as a flag are a mistake. */
export function placeOf(invocation: Invocation, { namespace }: Placed = {}): ClusterPlace {
  const given = (name: keyof ClusterPlace) => {
    const value = textOf(invocation, name);
    return value === undefined ? {} : { [name]: value };
  };
  const asked = textOf(invocation, 'namespace');
  if (asked !== undefined && namespace !== undefined && asked !== namespace) {
    throw fail('USAGE', `the document is for namespace ${namespace}, the flag says ${asked}`);
  }
  return {
    ...given('kubeconfig'),
    ...given('context'),
    ...given('systemNamespace'),
    ...(namespace === undefined ? given('namespace') : { namespace }),
  };
}
