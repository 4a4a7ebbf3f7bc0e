// What changed from one state to the next, for the timeline and for people.

import { gapMs } from '../expect/expect.ts';
import { explain } from '../expect/explain.ts';
import { windowsOf } from '../expect/windows.ts';
import type { PlannedFault } from '../plan/plan.ts';
import { formatDuration } from '../quantities/quantities.ts';
import type { TimelineEvent } from '../session/session.ts';
import type { Moment } from './observed.ts';
import type { FaultState, RunState } from './state.ts';

export function eventsBetween(
  moment: Moment,
  before: RunState,
  after: RunState,
): readonly TimelineEvent[] {
  const found = [
    ...runEvents(moment, before, after),
    ...moment.plan.faults.flatMap((planned) => [
      ...faultEvents(planned, before.faults[planned.name], after.faults[planned.name]),
    ]),
    ...expectationEvents(moment, before, after),
    ...after.problems
      .slice(before.problems.length)
      .map(({ code, exit, message }) => ({ event: 'problem', message, code, exit })),
    ...endEvents(before, after),
  ];
  const at = new Date(moment.now).toISOString();
  const t = after.t0 === undefined ? {} : { t: (moment.now - after.t0) / 1_000 };
  return found.map((one) => ({ at, ...t, ...one }));
}

type Found = { readonly event: string; readonly message: string } & Readonly<
  Record<string, unknown>
>;

function* runEvents({ plan }: Moment, before: RunState, after: RunState): Iterable<Found> {
  if (after.wave > before.wave) {
    const count = plan.waves[after.wave]?.length ?? 0;
    const message = `wave ${after.wave + 1} of ${plan.waves.length} starts: ${count} nodes`;
    yield { event: 'wave', message, wave: after.wave };
  }
  if (before.t0 === undefined && after.t0 !== undefined) {
    yield { event: 'ready', message: `all ${plan.nodes.length} nodes are ready: time 0` };
  }
  const gap = (after.lastSample ?? 0) - (before.lastSample ?? 0);
  if (gap > gapMs(plan.sampleIntervalMs)) {
    const seconds = gap / 1_000;
    yield { event: 'gap', message: `no samples for ${formatDuration(gap)}`, seconds };
  }
}

function* faultEvents(
  planned: PlannedFault,
  before: FaultState | undefined,
  after: FaultState | undefined,
): Iterable<Found> {
  const { name: fault, kind } = planned;
  if (after?.enforced !== undefined && before?.enforced === undefined) {
    yield { event: 'fault-enforced', message: `fault ${fault} (${kind}) is in force`, fault };
  }
  if (after?.healed !== undefined && before?.healed === undefined) {
    yield { event: 'fault-healed', message: `fault ${fault} (${kind}) is over`, fault };
  }
  if (after?.proof !== undefined && before?.proof !== after.proof) {
    yield { event: `fault-${after.proof}`, message: `fault ${fault} is ${after.proof}`, fault };
  }
}

function* expectationEvents(moment: Moment, before: RunState, after: RunState): Iterable<Found> {
  const windows = windowsOf(moment.plan, after);
  for (const planned of moment.plan.expectations) {
    const state = after.expectations[planned.name];
    const known = before.expectations[planned.name]?.verdict;
    if (state === undefined || state.verdict === 'pending' || state.verdict === known) continue;
    yield {
      event: `expectation-${state.verdict}`,
      message: `"${planned.name}" ${state.verdict}: ${explain(planned, state, windows)}`,
      expectation: planned.name,
    };
  }
}

function* endEvents(before: RunState, after: RunState): Iterable<Found> {
  if (after.ended === undefined || before.ended !== undefined) return;
  const { exit } = after.ended;
  yield { event: 'ended', message: `the run is over, exit status ${exit}`, exit };
}
