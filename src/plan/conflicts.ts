// Faults that cannot be in force at the same time: two bursts on one pair of nodes (two chains of
// lossy states do not combine), and a partition that takes away all attackers of a victim, which
// would make an eclipse an isolation.
import type { PlacedEffect } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import { error, type Path } from '../spec/problems.ts';
import type { PlannedFault } from './plan.ts';
import type { PlanProblem } from './problem.ts';

/** `path`: where a problem of this fault is shown. */
export type PlacedOnTimeline = { readonly path: Path; readonly fault: PlannedFault };

export function conflicts(faults: readonly PlacedOnTimeline[]): readonly PlanProblem[] {
  const holds = membership();
  return faults.flatMap((later, at) =>
    faults
      .slice(0, at)
      .filter((earlier) => overlapInTime(earlier.fault, later.fault))
      .flatMap((earlier) => [
        ...twoBursts(earlier, later, holds),
        ...victimAlone(earlier, later, holds),
        ...victimAlone(later, earlier, holds),
      ]),
  );
}

type Holds = (names: readonly NodeName[], name: NodeName) => boolean;

/** Sets of the arrays that were asked about; effects share arrays, so there are few. */
function membership(): Holds {
  const sets = new WeakMap<readonly NodeName[], ReadonlySet<NodeName>>();
  return (names, name) => {
    const set = sets.get(names) ?? new Set(names);
    sets.set(names, set);
    return set.has(name);
  };
}

function overlapInTime(a: PlannedFault, b: PlannedFault): boolean {
  return a.startMs < endOf(b) && b.startMs < endOf(a);
}

function endOf({ endMs = Number.POSITIVE_INFINITY }: PlannedFault): number {
  return endMs;
}

function twoBursts(
  earlier: PlacedOnTimeline,
  later: PlacedOnTimeline,
  holds: Holds,
): readonly PlanProblem[] {
  const bursts = earlier.fault.effects.filter(isBurst);
  for (const own of later.fault.effects.filter(isBurst)) {
    for (const other of bursts) {
      const pair = commonPair(own, other, holds);
      if (pair === undefined) continue;
      const both = `${earlier.fault.name} and this fault both burst on ${pair.join(' -> ')}`;
      return [error([...later.path, 'burst'], `${both} at the same time; only one may`)];
    }
  }
  return [];
}

function isBurst({ impairment }: PlacedEffect): boolean {
  return impairment.kind === 'shape' && impairment.burst !== undefined;
}

function commonPair(
  a: PlacedEffect,
  b: PlacedEffect,
  holds: Holds,
): readonly [NodeName, NodeName] | undefined {
  const senders = a.from.filter((name) => holds(b.from, name));
  const receivers = a.to.filter((name) => holds(b.to, name));
  for (const from of senders.slice(0, 2)) {
    const to = receivers.find((name) => name !== from);
    if (to !== undefined) return [from, to];
  }
  return undefined;
}

function victimAlone(
  eclipse: PlacedOnTimeline,
  partition: PlacedOnTimeline,
  holds: Holds,
): readonly PlanProblem[] {
  const { victims, attackers } = eclipse.fault;
  if (eclipse.fault.kind !== 'eclipse' || partition.fault.kind !== 'partition') return [];
  if (victims === undefined || attackers === undefined) return [];
  const { effects } = partition.fault;
  const cut = (a: NodeName, b: NodeName) =>
    effects.some(
      ({ from, to }) => (holds(from, a) && holds(to, b)) || (holds(from, b) && holds(to, a)),
    );
  const victim = victims.find((name) => attackers.every((attacker) => cut(name, attacker)));
  if (victim === undefined) return [];
  const message = `cuts ${victim} from all its attackers while ${eclipse.fault.name} eclipses it`;
  return [error(partition.path, message)];
}
