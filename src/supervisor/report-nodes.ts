// The nodes of a run as the report lists them.
import type { ReportedNode } from '../report/parts.ts';
import type { NodeStatus } from '../session/session.ts';
import type { Running } from './run.ts';
import { nodesOf } from './views.ts';

export function reportNodes(running: Running): readonly ReportedNode[] {
  return nodesOf(running).map(reportedNode);
}

export function reportedNode(node: NodeStatus): ReportedNode {
  const { name, group, kind, region, address, state, restarts } = node;
  return { name, group, kind, region, address, state, restarts, log: `logs/${name}.log` };
}
