// Which effects are in force at this moment, by what the enforcers say (which is ahead of the state
// by up to a tick), and when that changes.
import { isCancelled } from '../decide/faults.ts';
import type { FaultState, RunState } from '../decide/state.ts';
import type { PlacedEffect } from '../faults/effect.ts';
import type { Plan } from '../plan/plan.ts';
import type { World } from '../runtime/runtime.ts';

/** Of the faults; without the base layer. */
export function effectsNow(plan: Plan, world: World): readonly PlacedEffect[] {
  const inForce = new Set(
    world.enforcement.flatMap(({ faults }) =>
      Object.entries(faults)
        .filter(([, times]) => times.enforcedAt !== undefined && times.healedAt === undefined)
        .map(([name]) => name),
    ),
  );
  return plan.faults.filter(({ name }) => inForce.has(name)).flatMap(({ effects }) => effects);
}

/** The same at a moment to come, as it is planned. */
export function effectsAt(plan: Plan, state: RunState, time: number): readonly PlacedEffect[] {
  return plan.faults
    .filter(({ name }) => isPlanned(state.faults[name], time))
    .flatMap(({ effects }) => effects);
}

/**
 * From when on what was planned for a moment has been so, now that it is past: every fault that was
 * to be in force then is, and every other one is over. Infinity where that never came about.
 */
export function soSince(plan: Plan, state: RunState, time: number): number {
  const times = plan.faults
    .filter(({ effects }) => effects.length > 0)
    .flatMap(({ name }) => {
      const known = state.faults[name];
      if (known === undefined || known.start > time || isCancelled(known)) return [];
      return [(isPlanned(known, time) ? known.enforced : known.healed) ?? Infinity];
    });
  return Math.max(0, ...times);
}

function isPlanned(known: FaultState | undefined, time: number): boolean {
  if (known === undefined || known.start > time || isCancelled(known)) return false;
  return time < (known.end ?? Infinity) && time < (known.healed ?? Infinity);
}

/** Epoch milliseconds at which something began or ended, or is to; not in order. */
export function changesOf(plan: Plan, state: RunState): readonly number[] {
  return plan.faults
    .filter(({ effects }) => effects.length > 0)
    .flatMap(({ name }) => {
      const known = state.faults[name];
      if (known === undefined) return [];
      const { start, end, enforced, healed } = known;
      return [start, end, enforced, healed].filter((time) => time !== undefined);
    });
}
