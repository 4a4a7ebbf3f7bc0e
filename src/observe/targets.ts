// What is to be observed: every node of the plan with its kind.
import type { Duty, Kind } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import { type LaunchOptions, launchContexts } from '../plan/launch.ts';
import type { Plan } from '../plan/plan.ts';
import type { Target } from './observer.ts';

export function targetsOf(
  plan: Plan,
  { kinds, ...options }: LaunchOptions & { readonly kinds: ReadonlyMap<string, Kind> },
): ReadonlyMap<NodeName, Target> {
  const kindOf = new Map(plan.groups.map(({ name, kind }) => [name, kinds.get(kind)]));
  return new Map(
    [...launchContexts(plan, options)].map(([name, context]) => {
      const kind = kindOf.get(context.group);
      if (kind === undefined) throw new TypeError(`the kind of ${context.group} is unknown`);
      return [name, { kind, context }];
    }),
  );
}

export function dutiesOf(
  targets: ReadonlyMap<NodeName, Target>,
): (node: NodeName) => readonly Duty[] {
  return (node) => {
    const target = targets.get(node);
    return target?.kind.duties?.(target.context) ?? [];
  };
}
