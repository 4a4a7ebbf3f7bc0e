// The faults of a run as they come and go: planned windows become absolute at time 0, the world
// says when each was in force and gone, and proofs are judged. Network faults start and end in the
// enforcers, which have the whole schedule ahead; node faults start and end here.
import type { ScheduledEffect } from '../faults/effect.ts';
import { answerAgeMs } from '../network/network.ts';
import type { Plan, PlannedFault } from '../plan/plan.ts';
import { isEnded, isUp, startedSince, unaskedExits } from './nodes.ts';
import type { Moment } from './observed.ts';
import type { FaultState, RunState } from './state.ts';

/** A fault that starts or ends later than this makes the run void. */
export const lateMs = 1_000;
/** How long a fault may wait for its proof once its end is known. */
const proofWaitMs = 30_000;

export function followFaults(moment: Moment, state: RunState): RunState {
  const { plan, observed } = moment;
  const lapsed = observed.world.enforcement.reduce((sum, one) => sum + one.lapsedPackets, 0);
  const withLapsed = { ...state, lapsed };
  if (state.t0 === undefined) return withLapsed;
  const grew = state.lapsed !== undefined && lapsed > state.lapsed;
  const faults: Record<string, FaultState> = { ...state.faults };
  let { generation } = state;
  let changed = false;
  for (const planned of plan.faults) {
    const known = state.faults[planned.name];
    const placed = place(moment, planned, { known, t0: state.t0 });
    changed ||= planned.nodes === undefined && (known === undefined || known.end !== placed.end);
    const followed = isOver(placed) ? placed : follow(moment, placed, { planned, state });
    faults[planned.name] = judged(moment, followed, { planned, lapsed: grew });
  }
  if (changed) generation += 1;
  return { ...withLapsed, faults, generation };
}

/** Everything that is or will be in force, with absolute times; without what was cleared early. */
export function scheduledEffects(plan: Plan, state: RunState): readonly ScheduledEffect[] {
  return plan.faults.flatMap((planned) => {
    const known = state.faults[planned.name];
    if (known === undefined || isCancelled(known)) return [];
    return planned.effects.map((effect) => ({
      ...effect,
      start: known.start,
      ...(known.end !== undefined && { end: known.end }),
    }));
  });
}

/** Gone, given up, or ended before it began. */
export function isOver(fault: FaultState): boolean {
  return fault.healed !== undefined || fault.lost === true || isCancelled(fault);
}

export function isCancelled(fault: FaultState): boolean {
  return fault.end !== undefined && fault.end <= fault.start && fault.enforced === undefined;
}

/** Ends what is in force or still to come: the run is over. */
export function cutShort(state: RunState, { plan, now }: Moment): RunState {
  const faults = { ...state.faults };
  let { generation } = state;
  for (const planned of plan.faults) {
    const known = faults[planned.name];
    if (known === undefined || known.healed !== undefined) continue;
    if (known.end !== undefined && known.end <= now) continue;
    // Kills and restarts have no end; one that has begun is left to finish.
    if (planned.nodes !== undefined && planned.nodes.action !== 'pause' && known.start < now)
      continue;
    faults[planned.name] = { ...known, end: known.start < now ? now : known.start };
    if (planned.nodes === undefined) generation += 1;
  }
  return { ...state, faults, generation };
}

/** Absolute times. A fault that becomes known late starts then; an end can only come earlier. */
function place(
  { now }: Moment,
  planned: PlannedFault,
  { known, t0 }: { readonly known: FaultState | undefined; readonly t0: number },
): FaultState {
  const start = known?.start ?? Math.max(t0 + planned.startMs, now);
  const wanted = planned.endMs === undefined ? undefined : t0 + planned.endMs;
  const ends = [known?.end, wanted].filter((end) => end !== undefined);
  if (ends.length === 0) return known ?? { start };
  const end = Math.max(Math.min(...ends), start);
  return { ...known, start, end };
}

function follow(
  moment: Moment,
  fault: FaultState,
  of: { readonly planned: PlannedFault; readonly state: RunState },
): FaultState {
  const followed =
    of.planned.nodes === undefined
      ? followNetwork(moment, fault, of.planned.name)
      : followNodes(moment, fault, of);
  const { contactLossMs = 0 } = moment.observed;
  const patience = givenUpAt(of.planned, followed) + contactLossMs;
  if (isOver(followed) || moment.now <= patience) return followed;
  return { ...followed, lost: true, proof: 'unproved' };
}

/** Over all hosts: in force once the last one has it, gone once the last one is rid of it. */
function followNetwork({ observed, now }: Moment, fault: FaultState, name: string): FaultState {
  const seen = observed.world.enforcement.flatMap((host) => host.faults[name] ?? []);
  const enforced = seen.flatMap(({ enforcedAt }) => enforcedAt ?? []);
  const healed = seen.flatMap(({ healedAt }) => healedAt ?? []);
  const first = fault.enforced ?? latest(enforced);
  const last = fault.healed ?? (healed.length === enforced.length ? latest(healed) : undefined);
  if (first === undefined) return fault;
  if (last === undefined) return { ...fault, enforced: first };
  return { ...fault, enforced: first, healed: last, seen: fault.seen ?? now };
}

function latest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.round(Math.max(...times));
}

function followNodes(
  moment: Moment,
  fault: FaultState,
  { planned, state }: { readonly planned: PlannedFault; readonly state: RunState },
): FaultState {
  const { now } = moment;
  if (now < fault.start) return fault;
  const due = { ...fault, enforced: fault.enforced ?? now };
  switch (planned.nodes?.action) {
    case 'kill':
      return followKill(moment, due, planned);
    case 'pause':
      return followPause(moment, due, { planned, t0: state.t0 });
    case 'restart':
      return followRestart(moment, due, { planned, state });
    case undefined:
      return due;
  }
  return due;
}

type DueFault = FaultState & { readonly enforced: number };

function followKill({ observed }: Moment, fault: DueFault, planned: PlannedFault): FaultState {
  const worlds = targetsOf(planned).map((name) => observed.world.nodes.get(name));
  if (!worlds.every((world) => isEnded(world, fault.enforced))) return fault;
  // A process that was gone before proves nothing.
  const bit = worlds.every(
    (world) => world?.phase !== 'exited' || (world.exit?.at ?? 0) >= fault.enforced,
  );
  const over = latest(worlds.flatMap((world) => world?.exit?.at ?? [])) ?? fault.enforced;
  const healed = Math.max(over, fault.enforced);
  return { ...fault, seen: healed, healed, proof: bit ? 'proved' : 'unproved' };
}

function followPause(
  moment: Moment,
  fault: DueFault,
  of: { readonly planned: PlannedFault; readonly t0: number | undefined },
): FaultState {
  const { observed, now } = moment;
  const { planned } = of;
  const phases = targetsOf(planned).map((name) => observed.world.nodes.get(name)?.phase);
  const due = fault.end === undefined || now < fault.end;
  // One that is dead was not paused.
  const stopped = phases.every((phase) => phase === 'paused');
  const seen = fault.seen ?? (due && stopped ? now : undefined);
  const shown = { ...fault, ...(seen !== undefined && { seen }) };
  if (due) return answersWhilePaused(moment, shown, of) ? { ...shown, proof: 'unproved' } : shown;
  if (phases.includes('paused')) return shown;
  const proof = seen === undefined ? 'unproved' : (fault.proof ?? 'proved');
  return { ...shown, healed: now, proof };
}

function answersWhilePaused(
  { plan, observed }: Moment,
  fault: FaultState,
  { planned, t0 = 0 }: { readonly planned: PlannedFault; readonly t0: number | undefined },
): boolean {
  const { sample } = observed;
  if (sample === undefined || fault.seen === undefined) return false;
  // What it said before the stop is told for as long as an answer lives.
  if (t0 + sample.t - fault.seen <= answerAgeMs(plan)) return false;
  return targetsOf(planned).some((name) => sample.nodes.get(name)?.answering === true);
}

function followRestart(
  moment: Moment,
  fault: DueFault,
  { planned, state }: { readonly planned: PlannedFault; readonly state: RunState },
): FaultState {
  const { observed, now } = moment;
  const targets = targetsOf(planned);
  const world = observed.world.nodes;
  const ended = targets.every((name) => isEnded(world.get(name), fault.enforced));
  const shown = { ...fault, ...(ended && { seen: fault.seen ?? now }) };
  const failed = new Set(unaskedExits(moment, state).map(({ name }) => name));
  const back = targets.filter(
    (name) => startedSince(world.get(name), fault.enforced) && isUp(moment, name),
  );
  if (back.length === targets.length) return { ...shown, healed: now, proof: 'proved' };
  const lost = targets.filter(
    (name) => failed.has(name) && startedSince(world.get(name), fault.enforced),
  );
  return back.length + lost.length === targets.length
    ? { ...shown, healed: now, proof: 'unproved' }
    : shown;
}

function targetsOf(planned: PlannedFault): NonNullable<PlannedFault['nodes']>['targets'] {
  return planned.nodes?.targets ?? [];
}

/** When a fault that does not show, or does not go, is called unproved and over. */
function givenUpAt(planned: PlannedFault, fault: FaultState): number {
  const { start, end, enforced } = fault;
  if (planned.nodes === undefined) {
    if (enforced === undefined) return (end ?? start + 8_000) + 2_000;
    return (end ?? Number.POSITIVE_INFINITY) + 10_000;
  }
  const since = enforced ?? start;
  if (planned.nodes.action === 'pause') return (end ?? Number.POSITIVE_INFINITY) + 30_000;
  return since + planned.nodes.downtimeMs + (planned.nodes.action === 'kill' ? 60_000 : 120_000);
}

function judged(
  { observed, now }: Moment,
  fault: FaultState,
  { planned, lapsed }: { readonly planned: PlannedFault; readonly lapsed: boolean },
): FaultState {
  const told = observed.proofs[planned.name];
  const inForce = fault.enforced !== undefined && fault.healed === undefined;
  // A run that was called void for it does not become sound.
  if (fault.proof === 'unproved' || fault.proof === 'inconclusive') return fault;
  if (told?.outcome === 'unproved') return { ...fault, proof: 'unproved' };
  if (planned.nodes === undefined && lapsed && inForce) return { ...fault, proof: 'unproved' };
  if (fault.healed === undefined) return fault;
  if (observed.proofsPending?.has(planned.name) === true) return fault;
  if (told !== undefined) return { ...fault, proof: told.outcome };
  // Where enforcers were out of reach, a heal is heard of long after it.
  const heard = fault.seen ?? fault.healed;
  if (fault.proof !== undefined || now <= heard + proofWaitMs) return fault;
  return { ...fault, proof: 'inconclusive' };
}
