// Which process each node must have: pure consequence of the plan's node faults and of what the
// world shows. Nothing is kept per node: that a restart has been served shows in the start of the
// present incarnation, so a restarted supervisor comes to the same wish.
import type { NodeName } from '../names.ts';
import type { Absences } from '../network/network.ts';
import type { PlannedFault, PlannedNode } from '../plan/plan.ts';
import type { DesiredNode, NodeWorld } from '../runtime/runtime.ts';
import type { Moment, NodeMoment } from './observed.ts';
import type { FaultState, RunState } from './state.ts';

export type DesiredRun = Pick<DesiredNode, 'incarnation' | 'run' | 'stop'>;

type NodeFault = {
  readonly action: NonNullable<PlannedFault['nodes']>;
  readonly state: FaultState;
  /** When it was asked for. */
  readonly since: number;
};

/** A node whose process ended and nobody had asked for it. */
export type UnaskedExit = { readonly name: NodeName; readonly world: NodeWorld };

/** What every node that is to be there must be doing; nodes of later waves are held, in order. */
export function desiredNodes(moment: Moment, state: RunState): ReadonlyMap<NodeName, DesiredRun> {
  const { plan, observed } = moment;
  const started =
    state.t0 === undefined
      ? new Set(plan.waves.slice(0, state.wave + 1).flat())
      : new Set(plan.nodes.map(({ name }) => name));
  const stopped = observed.stop !== undefined || (state.ended !== undefined && !observed.keep);
  const faults = nodeFaults(moment, state);
  const desired = new Map<NodeName, DesiredRun>();
  for (const node of plan.nodes) {
    if (!started.has(node.name)) continue;
    const run = desiredRun(moment, node, faults.get(node.name) ?? []);
    desired.set(node.name, stopped ? { incarnation: run.incarnation, run: 'stopped' } : run);
  }
  if (stopped || state.t0 !== undefined) return desired;
  for (const name of plan.waves.flat()) {
    const { incarnation } = worldOf(moment, name);
    if (!desired.has(name)) desired.set(name, { incarnation, run: 'held' });
  }
  return desired;
}

/** Nodes that faults keep down or that have only just joined; since when others are back. */
export function absencesOf(moment: NodeMoment, state: RunState): Absences {
  const { t0 } = state;
  if (t0 === undefined) return new Map();
  const absences = new Map<NodeName, { down: boolean; back?: number }>();
  for (const [name, faults] of nodeFaults(moment, state)) {
    const node = worldOf(moment, name);
    const down = isDown(moment, name, faults);
    // Per node the return is not kept: until the fault is over for all, each is only just back.
    const returns = faults.map((fault) => fault.state.healed ?? moment.now);
    absences.set(name, {
      down: down && !failedByItself(node, faults),
      back: Math.max(...returns) - t0,
    });
  }
  for (const { name, joins } of moment.plan.nodes) {
    if (joins !== true || absences.has(name) || isUp(moment, name)) continue;
    if (worldOf(moment, name).phase !== 'exited') absences.set(name, { down: true });
  }
  return absences;
}

/** Exits that nobody asked for, of nodes that are not started again. */
export function unaskedExits(moment: NodeMoment, state: RunState): readonly UnaskedExit[] {
  const { plan } = moment;
  const faults = nodeFaults(moment, state);
  const again = restarting(moment);
  return plan.nodes.flatMap(({ name, group }) => {
    const world = worldOf(moment, name);
    return !again.has(group) && failedByItself(world, faults.get(name) ?? [])
      ? [{ name, world }]
      : [];
  });
}

/** Does the present process run, and is it ready? */
export function isUp({ observed }: NodeMoment, name: NodeName): boolean {
  return observed.ready.has(name) && observed.world.nodes.get(name)?.phase === 'running';
}

/** The process that was there at `since` is gone. */
export function isEnded(world: NodeWorld | undefined, since: number): boolean {
  return world?.phase === 'exited' || startedSince(world, since);
}

export function startedSince(world: NodeWorld | undefined, since: number): boolean {
  return world?.startedAt !== undefined && world.startedAt >= since;
}

/** When a node that exited by itself may start again: 0.5 s, doubling to 32 s. */
function againAt(world: NodeWorld): number | undefined {
  return world.exit && world.exit.at + 500 * 2 ** Math.min(world.incarnation, 6);
}

function desiredRun(
  moment: NodeMoment,
  node: PlannedNode,
  faults: readonly NodeFault[],
): DesiredRun {
  const world = worldOf(moment, node.name);
  const { incarnation } = world;
  const held = holding(moment, world, faults);
  if (held === 'start') return { incarnation: incarnation + 1, run: 'running' };
  if (held !== undefined) return { incarnation, run: 'stopped', stop: stopBy(held) };
  if (failedByItself(world, faults)) {
    const again = restarting(moment).has(node.group) && moment.now >= (againAt(world) ?? 0);
    return again
      ? { incarnation: incarnation + 1, run: 'running' }
      : { incarnation, run: 'stopped' };
  }
  return { incarnation, run: isPaused(moment, faults) ? 'paused' : 'running' };
}

/** The kill or restart that keeps the process away, or that its successor is to start now. */
function holding(
  { now }: NodeMoment,
  world: NodeWorld,
  faults: readonly NodeFault[],
): NodeFault | 'start' | undefined {
  let held: NodeFault | 'start' | undefined;
  for (const fault of faults) {
    const { action, downtimeMs } = fault.action;
    if (action === 'kill') held = fault;
    if (action !== 'restart') continue;
    const gone = world.phase === 'exited' || world.phase === 'absent';
    if (startedSince(world, fault.since)) held = undefined;
    else held = gone && now >= fault.since + downtimeMs ? 'start' : fault;
  }
  return held;
}

function isDown(moment: NodeMoment, name: NodeName, faults: readonly NodeFault[]): boolean {
  const world = worldOf(moment, name);
  if (holding(moment, world, faults) !== undefined || isPaused(moment, faults)) return true;
  // Started again or resumed, but not ready yet.
  return faults.some(({ state }) => state.healed === undefined) && !isUp(moment, name);
}

function isPaused({ now }: NodeMoment, faults: readonly NodeFault[]): boolean {
  return faults.some(
    ({ action, state }) =>
      action.action === 'pause' && (state.end === undefined || now < state.end),
  );
}

function failedByItself(world: NodeWorld, faults: readonly NodeFault[]): boolean {
  const { exit } = world;
  if (world.phase !== 'exited' || exit === undefined || exit.asked) return false;
  const wanted = faults.some(
    ({ action, since }) =>
      action.action !== 'pause' && exit.at >= since && !startedSince(world, since),
  );
  return !wanted;
}

/** Node faults that have been asked for, of each target, oldest first. */
function nodeFaults({ plan }: NodeMoment, state: RunState): ReadonlyMap<NodeName, NodeFault[]> {
  const due = plan.faults.flatMap((planned): NodeFault[] => {
    const known = state.faults[planned.name];
    return planned.nodes === undefined || known?.enforced === undefined
      ? []
      : [{ action: planned.nodes, state: known, since: known.enforced }];
  });
  const byNode = new Map<NodeName, NodeFault[]>();
  for (const fault of due.sort((a, b) => a.since - b.since || a.state.start - b.state.start)) {
    for (const name of fault.action.targets) {
      const list = byNode.get(name);
      if (list === undefined) byNode.set(name, [fault]);
      else list.push(fault);
    }
  }
  return byNode;
}

function restarting({ plan }: NodeMoment): ReadonlySet<string> {
  return new Set(
    plan.groups.flatMap(({ name, restartPolicy }) => (restartPolicy === 'always' ? [name] : [])),
  );
}

const unborn: NodeWorld = { incarnation: 0, phase: 'absent', addresses: [] };

function worldOf({ observed }: NodeMoment, name: NodeName): NodeWorld {
  return observed.world.nodes.get(name) ?? unborn;
}

const signals = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
const graceSeconds = 10;

function stopBy({ action }: NodeFault): NonNullable<DesiredRun['stop']> {
  const signal = signals.find((one) => one === action.signal) ?? 'SIGTERM';
  return { signal, graceSeconds };
}
