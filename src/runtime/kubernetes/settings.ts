// What the spec says about the pods of each group: its own fields, else those for all groups.
import { fail } from '../../errors.ts';
import { quantity } from '../../quantities/quantities.ts';
import type { PodSettings } from '../../spec/pod-schema.ts';
import type { TestnetSpec } from '../../spec/schema.ts';

export type GroupPods = PodSettings & { readonly image: string };

export type Images = {
  /** Of the reference node. */
  readonly reference: string;
  readonly referencePullPolicy?: PodSettings['imagePullPolicy'];
};

export function podsOfGroup(
  { groups, kubernetes = {} }: Pick<TestnetSpec, 'groups' | 'kubernetes'>,
  name: string,
  { reference, referencePullPolicy }: Images,
): GroupPods {
  const group = groups.find((one) => one.name === name);
  const isReference = group?.kind === 'reference';
  const image = group?.image ?? (isReference ? reference : undefined);
  if (image === undefined) throw fail('SPEC_INVALID', `group ${name} has no image`);
  const ours = isReference && group.image === undefined && referencePullPolicy !== undefined;
  return {
    ...(ours ? { imagePullPolicy: referencePullPolicy } : {}),
    ...withoutUndefined(kubernetes),
    ...withoutUndefined(group?.kubernetes ?? {}),
    image,
  };
}

function withoutUndefined(settings: PodSettings): PodSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

type Amounts = { readonly cpus?: number | undefined; readonly memoryBytes?: number | undefined };

/** `limits` are the group's resources; what is not requested is requested as it is limited. */
export function resourcesOf(limits: Amounts = {}, { requests }: Pick<PodSettings, 'requests'>) {
  const asked: Amounts = {
    cpus: requests?.cpus ?? limits.cpus,
    memoryBytes:
      requests?.memory === undefined ? limits.memoryBytes : quantity('size', requests.memory),
  };
  return { requests: amountsOf(asked), limits: amountsOf(limits) };
}

function amountsOf({ cpus, memoryBytes }: Amounts): Readonly<Record<string, string>> {
  return {
    ...(cpus === undefined ? {} : { cpu: `${Math.max(1, Math.round(cpus * 1000))}m` }),
    ...(memoryBytes === undefined ? {} : { memory: String(Math.round(memoryBytes)) }),
  };
}
