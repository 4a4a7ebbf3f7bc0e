// The session of a run in progress: what the socket serves, and what a memory run uses directly.
import { fail } from '../errors.ts';
import type { NodeName } from '../names.ts';
import { type Answer, answerAgeMs } from '../network/network.ts';
import { planFault } from '../plan/fault.ts';
import { unknownName } from '../plan/problem.ts';
import { missingForFault } from '../runtime/needs.ts';
import type { AcceptedFault, Session, StopReason } from '../session/session.ts';
import { formatFinding } from '../spec/problems.ts';
import type { FaultDocument } from '../spec/schema.ts';
import { faultDocument } from '../spec/schema.ts';
import { createPassThrough, type PassThrough } from './pass-through.ts';
import type { Running } from './run.ts';
import { faultsOf, graphOf, nodesOf, statusOf } from './views.ts';

const execLimitMs = 60_000;

export function sessionOf(running: Running): Session {
  const { runtime } = running;
  const passThrough = passThroughOf(running);
  const named = (node: string): NodeName => {
    const { nodes, testnet } = running.plan;
    const found = nodes.find(({ name }) => name === node);
    if (found !== undefined) return found.name;
    const known = nodes.map(({ name }) => name);
    throw fail('NOT_FOUND', `${testnet}: ${unknownName('node', node, known)}`);
  };
  return {
    status: async () => statusOf(running),
    watch: (signal) => running.events.watch(signal),
    nodes: async () => nodesOf(running),
    graph: async () => graphOf(running),
    logs: (node, options, signal) => runtime.logs(named(node), options, signal),
    exec: async (node, argv) => {
      if (argv.length === 0) throw fail('USAGE', 'no command to run was given');
      return await runtime.exec(named(node), argv, AbortSignal.timeout(execLimitMs));
    },
    applyFault: (document) => applyFault(running, document),
    faults: async () => faultsOf(running),
    clearFaults: async (name) => clearFaults(running, name),
    state: async () => running.state,
    metrics: async () => {
      const { text, leftOut } = await passThrough.text(running.plan.nodes);
      const own = await running.metrics.render({
        plan: running.plan,
        state: running.state,
        world: running.world,
        sample: running.sampler.sample,
        answers: (node) => freshAnswer(running, node)?.observation,
        nodeStates: nodesOf(running).map(({ state }) => state),
        faults: running.prover.observedFaults(running),
        leftOutSeries: leftOut,
      });
      return `${own}\n${text}`;
    },
    down: async (reason) => {
      running.stop ??= reason ?? downOf(running);
    },
  };
}

function passThroughOf(running: Running): PassThrough {
  const { plan, runtime, targets, metrics } = running;
  return createPassThrough({
    testnet: plan.testnet,
    request: runtime.request.bind(runtime),
    targets,
    answer: (node) => freshAnswer(running, node),
    onFailure: metrics.unread,
  });
}

/** One that still speaks for its node. */
function freshAnswer({ sampler, clock, plan }: Running, node: NodeName): Answer | undefined {
  const answer = sampler.answer(node);
  if (answer === undefined || clock.now() - answer.at > answerAgeMs(plan)) return undefined;
  return answer;
}

/** A run that was to settle has not: no verdict. One that only its user ends is over. */
function downOf({ state }: Running): StopReason {
  const settles = state.endsWhen !== 'stopped' && state.ended === undefined;
  const message = settles ? 'stopped by the user before its end' : 'stopped by the user';
  return { code: 'DOWN', exit: settles ? 3 : 0, message };
}

async function applyFault(running: Running, document: FaultDocument): Promise<AcceptedFault> {
  const { plan, state } = running;
  const { metadata, spec } = faultDocument.parse(document);
  if (state.t0 === undefined) throw fail('USAGE', 'the testnet is still starting; try again soon');
  const acceptedAtMs = Math.round(running.clock.now() - state.t0);
  const { fault, problems } = planFault(plan, spec, { name: metadata.name, acceptedAtMs });
  const said = (severity: 'error' | 'warning') =>
    problems.filter((one) => one.severity === severity).map(formatFinding);
  if (fault === undefined) throw fail('SPEC_INVALID', said('error').join('\n'));
  const missing = missingForFault(fault, running.capabilities);
  if (missing.length > 0) throw fail('CAPABILITY_MISSING', missing.join('\n'));
  running.plan = { ...plan, faults: [...plan.faults, fault] };
  saveAdded(running);
  running.events.note('fault-accepted', `fault ${fault.name} (${fault.kind}) is accepted`, {
    fault: fault.name,
  });
  return { name: fault.name, kind: fault.kind, warnings: said('warning') };
}

function clearFaults(running: Running, name: string | undefined): readonly string[] {
  const { plan, state } = running;
  const faultNames = plan.faults.map((fault) => fault.name);
  if (name !== undefined && !faultNames.includes(name)) {
    throw fail('NOT_FOUND', `${plan.testnet}: ${unknownName('fault', name, faultNames)}`);
  }
  const now = state.t0 === undefined ? 0 : Math.round(running.clock.now() - state.t0);
  const cleared: string[] = [];
  const faults = plan.faults.map((fault) => {
    const known = state.faults[fault.name];
    const over = known?.healed !== undefined;
    if (over || (name !== undefined && fault.name !== name)) return fault;
    cleared.push(fault.name);
    running.cleared.add(fault.name);
    // One that has not begun ends as it begins: it is cancelled.
    const end = Math.max(now, fault.startMs);
    return { ...fault, endMs: Math.min(end, fault.endMs ?? end) };
  });
  running.plan = { ...plan, faults };
  saveAdded(running);
  for (const fault of cleared)
    running.events.note('fault-cleared', `fault ${fault} is cleared`, { fault });
  return cleared;
}

/** So that the report knows the faults as they are now. */
function saveAdded({ journal, plan }: Running): void {
  journal.replace('added', plan.faults);
}
