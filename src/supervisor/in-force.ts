// Which effects are in force at this moment, by what the enforcers say (which is ahead of the state
// by up to a tick), and when that changes.
import type { RunState } from '../decide/state.ts';
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
