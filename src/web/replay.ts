// A finished run as the page sees it, from what is in its report directory: one frame per sample.
// It is a pure function of report, plan, samples and events. What the report does not hold for each
// moment (the state of each process) is told by what does: a node that answered was ready.
import { explain } from '../expect/explain.ts';
import type { Plan } from '../plan/plan.ts';
import type { HistoryLine } from '../report/history.ts';
import type { ObservedFault } from '../report/parts.ts';
import type { Report } from '../report/result.ts';
import type {
  FaultStatus,
  GraphView,
  NodeStatus,
  Status,
  TimelineEvent,
} from '../session/session.ts';
import { patchOf } from './patch.ts';
import { type Frame, type PageEvent, type PageState, pageState, type Recording } from './state.ts';
import { emptyState } from './tape.ts';

export type FinishedRun = {
  readonly report: Report;
  readonly plan: Plan;
  readonly history: readonly HistoryLine[];
  readonly timeline: readonly TimelineEvent[];
};

export function recordingOf(run: FinishedRun): Recording {
  const { report, plan, history } = run;
  const events = run.timeline.map(({ t, event, message }) => ({
    ...(t === undefined ? {} : { t }),
    event,
    message,
  }));
  const timed = events.filter(({ t }) => t !== undefined);
  const base = emptyState(report.testnet);
  const frames: Frame[] = [];
  const proofs = proofTimes(run.timeline);
  let edges: GraphView['edges'] = [];
  let last: PageState = base;
  let told = 0;
  history.forEach((line, index) => {
    edges = line.edges ?? edges;
    const isLast = index === history.length - 1;
    const status = statusAt(run, { line, isLast, proofs });
    const state = pageState(status, nodesAt(plan, report, line), { edges });
    const until = isLast ? timed.length : timed.findIndex(({ t = 0 }) => t > line.t);
    const now = timed.slice(told, until === -1 ? timed.length : Math.max(told, until));
    told += now.length;
    frames.push(frameOf(last, state, now));
    last = state;
  });
  const before = events.filter(({ t }) => t === undefined);
  return { mode: 'replay', control: false, base, events: before, frames };
}

function frameOf(last: PageState, state: PageState, events: readonly PageEvent[]): Frame {
  return { patch: patchOf(last, state) ?? {}, ...(events.length > 0 && { events }) };
}

type Moment = {
  readonly line: HistoryLine;
  readonly isLast: boolean;
  readonly proofs: ReadonlyMap<string, Proof>;
};
type Proof = { readonly t: number; readonly verdict: string };

function statusAt({ report, plan }: FinishedRun, moment: Moment): Status {
  const { line, isLast } = moment;
  const { nodes_ready: ready = 0 } = line.network;
  return {
    testnet: report.testnet,
    runtime: report.runtime,
    phase: isLast ? 'ended' : 'running',
    startedAt: report.startedAt,
    elapsed: line.t,
    nodes: { planned: plan.nodes.length, running: ready, ready },
    metrics: line.network,
    faults: report.faults.map((fault) => faultAt(plan, fault, moment)),
    expectations: report.expectations.map(({ name, status, at, reason }) => {
      const planned = plan.expectations.find((one) => one.name === name);
      const settled = isLast || (at !== undefined && at <= line.t);
      const claim = planned && explain(planned, { verdict: 'pending', samples: 0 }, new Map());
      return settled
        ? { name, status, reason }
        : { name, status: 'pending', ...(claim === undefined ? {} : { reason: claim }) };
    }),
    problems: isLast ? report.problems : [],
    ...(isLast && { exitCode: report.exitCode }),
  };
}

function faultAt(plan: Plan, fault: ObservedFault, { line, isLast, proofs }: Moment): FaultStatus {
  const { name, kind, planned, actual } = fault;
  const { attackers, victims } = plan.faults.find((one) => one.name === name) ?? {};
  const start = actual.start ?? planned.start;
  const end = actual.end ?? planned.end;
  const over = end !== undefined && end <= line.t;
  const begun = actual.start !== undefined && start <= line.t;
  const proof = proofs.get(name);
  const proved = proof !== undefined && (isLast || proof.t <= line.t);
  return {
    name,
    kind,
    state: begun ? (over ? 'over' : 'active') : 'planned',
    startsAt: start,
    ...(end === undefined ? {} : { endsAt: end }),
    ...(proved && { proof: proof.verdict }),
    ...(attackers && { attackers }),
    ...(victims && { victims }),
  };
}

function proofTimes(timeline: readonly TimelineEvent[]): ReadonlyMap<string, Proof> {
  const proofs = new Map<string, Proof>();
  for (const { event, t = 0, fault } of timeline) {
    const verdict = /^fault-(proved|unproved|inconclusive)$/.exec(event)?.[1];
    if (verdict !== undefined && typeof fault === 'string') proofs.set(fault, { t, verdict });
  }
  return proofs;
}

function nodesAt(plan: Plan, report: Report, line: HistoryLine): readonly NodeStatus[] {
  const groups = new Map(plan.groups.map((group) => [group.name, group]));
  const reported = new Map(report.nodes.map((node) => [node.name, node]));
  return plan.nodes.map(({ name, group, region, address }) => {
    const metrics = line.nodes[name];
    const tip = line.tips[name];
    const { node_peers: peers, node_height: height } = metrics ?? {};
    return {
      name,
      group,
      region,
      address,
      kind: groups.get(group)?.kind ?? '',
      role: groups.get(group)?.role ?? '',
      state: metrics === undefined ? 'absent' : 'ready',
      restarts: reported.get(name)?.restarts ?? 0,
      ...(peers === undefined ? {} : { peers }),
      ...(height === undefined ? {} : { height }),
      ...(tip === undefined ? {} : { tip }),
      ...(metrics === undefined ? {} : { metrics }),
    };
  });
}
