// From the schedule of the port to what agents read: every set of nodes once, as ranges. Pure.
import type { PlacedEffect } from '../../faults/effect.ts';
import type { NodeName } from '../../names.ts';
import type { Schedule } from '../runtime.ts';
import { packNodes } from './node-sets.ts';
import type { NetworkSchedule, WireEffect } from './objects.ts';

export function wireSchedule(
  schedule: Schedule,
  faultIds: Readonly<Record<string, number>>,
): NetworkSchedule {
  const sets: (readonly string[])[] = [];
  const numbers = new Map<string, number>();
  // Effects of one fault share their lists.
  const known = new Map<readonly NodeName[], number>();
  const setOf = (nodes: readonly NodeName[]): number => {
    const before = known.get(nodes);
    if (before !== undefined) return before;
    const packed = packNodes(nodes);
    const text = packed.join();
    const number = numbers.get(text) ?? sets.push(packed) - 1;
    numbers.set(text, number);
    known.set(nodes, number);
    return number;
  };
  const wire = ({ fault, from, to, impairment }: PlacedEffect): WireEffect => ({
    fault,
    from: setOf(from),
    to: setOf(to),
    impairment,
  });
  const { generation, leaseSeconds, base, effects } = schedule;
  return {
    generation,
    leaseSeconds,
    base: base.map(wire),
    effects: effects.map(({ start, end, ...effect }) => ({
      ...wire(effect),
      start,
      ...(end === undefined ? {} : { end }),
    })),
    sets,
    faultIds,
  };
}

/** Numbers once given stay; new faults get the next ones. */
export function numberFaults(
  faults: readonly string[],
  before: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  let next = Math.max(-1, ...Object.values(before)) + 1;
  const ids: Record<string, number> = { ...before };
  for (const fault of faults) ids[fault] ??= next++;
  return ids;
}
