// Nodes of a plan by name, with what their pods depend on. Made once for each plan.
import type { NodeName } from '../../names.ts';
import type { Plan, PlannedGroup, PlannedNode } from '../../plan/plan.ts';

export type IndexedNode = {
  readonly node: PlannedNode;
  readonly group: PlannedGroup;
  /** The group's policy: one that exits by itself is started again. */
  readonly startsAgain: boolean;
  /** A container that ends comes back in the same pod, on the same data. */
  readonly restarts: boolean;
};

export function indexOf(plan: () => Plan): (name: NodeName) => IndexedNode | undefined {
  let of: Plan | undefined;
  let index: ReadonlyMap<NodeName, IndexedNode> = new Map();
  return (name) => {
    const now = plan();
    if (now !== of) index = indexed(now);
    of = now;
    return index.get(name);
  };
}

function indexed({ nodes, groups, faults }: Plan): ReadonlyMap<NodeName, IndexedNode> {
  const groupOf = new Map(groups.map((group) => [group.name, group]));
  const targets = new Set(
    faults.flatMap((fault) => (fault.nodes?.action === 'restart' ? fault.nodes.targets : [])),
  );
  return new Map(
    nodes.flatMap((node) => {
      const group = groupOf.get(node.group);
      if (group === undefined) return [];
      const startsAgain = group.restartPolicy === 'always';
      const restarts = startsAgain || targets.has(node.name);
      return [[node.name, { node, group, startsAgain, restarts }]];
    }),
  );
}
