// Kinds whose readiness is told by a command: which one, for each node.
import type { KindTable, LaunchContext } from '../../kinds/kind.ts';
import type { NodeName } from '../../names.ts';
import { launchContexts } from '../../plan/launch.ts';
import type { Plan } from '../../plan/plan.ts';
import { podDataDirectory } from './manifest.ts';

export interface ReadyCommands {
  commandOf(node: NodeName): readonly string[] | undefined;
}

export function readyCommandsOf(plan: () => Plan, kinds: KindTable): ReadyCommands {
  let of: Plan | undefined;
  let contexts: ReadonlyMap<NodeName, LaunchContext<unknown>> = new Map();
  return {
    commandOf: (node) => {
      const now = plan();
      if (now !== of) contexts = launchContexts(now, { dataDirectory: () => podDataDirectory });
      of = now;
      const context = contexts.get(node);
      if (context === undefined) return undefined;
      const kind = kinds.get(now.groups.find(({ name }) => name === context.group)?.kind ?? '');
      const readiness = kind?.ready(context.config, context);
      return readiness?.type === 'command' ? readiness.argv : undefined;
    },
  };
}
