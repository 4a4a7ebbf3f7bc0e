// A run as a user sees it: the answers of a session, drawn from the run in progress.
import { explain } from '../expect/explain.ts';
import { windowsOf } from '../expect/windows.ts';
import type { NodeName } from '../names.ts';
import type { PlannedFault, PlannedNode } from '../plan/plan.ts';
import type { NodeWorld } from '../runtime/runtime.ts';
import type { FaultStatus, GraphView, NodeStatus, Status } from '../session/session.ts';
import type { Running } from './run.ts';

export function statusOf(running: Running): Status {
  const { plan, state, sampler, world, startedAt, ready } = running;
  const up = [...world.nodes.values()].filter(({ phase }) => phase === 'running').length;
  const { t0, ended } = state;
  return {
    testnet: plan.testnet,
    runtime: running.runtimeName,
    phase: running.phase,
    startedAt: new Date(startedAt).toISOString(),
    ...(t0 === undefined ? {} : { elapsed: Math.round(running.clock.now() - t0) / 1000 }),
    nodes: { planned: plan.nodes.length, running: up, ready: ready.size },
    wave: { index: state.wave, of: plan.waves.length },
    metrics: sampler.sample?.network ?? {},
    faults: faultsOf(running),
    expectations: expectationsOf(running),
    problems: state.problems.map(({ message }) => message),
    ...(ended === undefined ? {} : { exitCode: ended.exit }),
  };
}

function expectationsOf({ plan, state }: Running): Status['expectations'] {
  const windows = windowsOf(plan, state);
  return plan.expectations.map((planned) => {
    const known = state.expectations[planned.name];
    if (known === undefined) return { name: planned.name, status: 'pending' };
    const { verdict, last } = known;
    const reason = explain(planned, known, windows);
    return {
      name: planned.name,
      status: verdict,
      reason,
      ...(last === undefined ? {} : { last }),
    };
  });
}

export function faultsOf(running: Running): readonly FaultStatus[] {
  return running.plan.faults.map((fault) => faultStatus(running, fault));
}

function faultStatus({ state, cleared }: Running, fault: PlannedFault): FaultStatus {
  const known = state.faults[fault.name];
  const zero = state.t0 ?? 0;
  const seconds = (time: number) => Math.round(time - zero) / 1000;
  const start = known === undefined ? fault.startMs / 1000 : seconds(known.enforced ?? known.start);
  const end = known?.healed ?? known?.end;
  const endsAt = end === undefined ? fault.endMs : end - zero;
  return {
    name: fault.name,
    kind: fault.kind,
    state: cleared.has(fault.name) ? 'cleared' : stateOf(known),
    startsAt: start,
    ...(endsAt === undefined ? {} : { endsAt: Math.round(endsAt) / 1000 }),
    ...(known?.proof === undefined ? {} : { proof: known.proof }),
    ...(fault.attackers && { attackers: fault.attackers }),
    ...(fault.victims && { victims: fault.victims }),
  };
}

function stateOf(known: Running['state']['faults'][string] | undefined): FaultStatus['state'] {
  if (known?.healed !== undefined) return 'over';
  return known?.enforced === undefined ? 'planned' : 'active';
}

export function nodesOf(running: Running): readonly NodeStatus[] {
  const groups = new Map(running.plan.groups.map((group) => [group.name, group]));
  return running.plan.nodes.map((node) => {
    const group = groups.get(node.group);
    const world = running.world.nodes.get(node.name);
    const observation = running.sampler.answer(node.name)?.observation;
    const metrics = running.sampler.sample?.nodes.get(node.name)?.metrics;
    const { height, tip } = observation ?? {};
    return {
      name: node.name,
      group: node.group,
      kind: group?.kind ?? '',
      role: group?.role ?? '',
      region: node.region,
      address: node.address,
      state: nodeState(running, node, world),
      restarts: world?.incarnation ?? 0,
      ...(observation === undefined ? {} : { peers: observation.peers.length }),
      ...(height === undefined ? {} : { height }),
      ...(tip === undefined ? {} : { tip }),
      ...(metrics === undefined ? {} : { metrics }),
    };
  });
}

function nodeState(running: Running, { name }: PlannedNode, world: NodeWorld | undefined): string {
  if (world === undefined) return 'absent';
  return world.phase === 'running' && running.ready.has(name) ? 'ready' : world.phase;
}

/** The live peer graph of the newest sample. */
export function graphOf({ plan, sampler }: Running): GraphView {
  const tipOf = (name: NodeName) => sampler.answer(name)?.observation.tip;
  return {
    nodes: plan.nodes.map(({ name, group, region }) => {
      const tip = tipOf(name);
      return { name, group, region, ...(tip === undefined ? {} : { tip }) };
    }),
    edges: sampler.sample?.edges ?? [],
  };
}
