// A partition -> drops between its sides: one effect a side, from it to everybody on another side.
import type { PlacedEffect } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import { error } from '../spec/problems.ts';
import type { Fault } from '../spec/schema.ts';
import type { FaultPlace, Placed } from './place.ts';

type Partition = NonNullable<Fault['partition']>;
type Side = readonly NodeName[];

export function placePartition(partition: Partition, place: FaultPlace): Placed {
  const listed = selectedSides(partition, place);
  if (listed === undefined) return { effects: [] };
  const effect = effectOf(partition.mode, place.fault);
  const [first = [], second = []] = listed;
  // Nobody else is touched.
  if (partition.oneWay) return { effects: [effect(first, second)] };

  const taken = new Set(listed.flat());
  const rest = place.everybody.filter((name) => !taken.has(name));
  const { sides, isolated } = withRest(partition.rest, listed, rest);
  if (sides.length + isolated.length < 2) {
    place.report(error(place.path, 'cuts nothing: all nodes are on one side'));
    return { effects: [] };
  }
  const across = acrossSides(isolated.length > 0 ? [...sides, isolated] : sides, place.everybody);
  // Nodes that are each alone are also cut from each other.
  const alone = isolated.length > 1 ? [[isolated, isolated] as const] : [];
  return { effects: [...across, ...alone].map(([from, to]) => effect(from, to)) };
}

type Effect = (from: Side, to: Side) => PlacedEffect;

function effectOf(kind: 'drop' | 'reject', fault: string): Effect {
  return (from, to) => ({ fault, from, to, impairment: { kind } });
}

/** Undefined if a side is unsound: what follows from it would not be the user's mistake. */
function selectedSides(partition: Partition, place: FaultPlace): readonly Side[] | undefined {
  let sound = true;
  const report: FaultPlace['report'] = (problem) => {
    sound = false;
    place.report(problem);
  };
  const sideOf = new Map<NodeName, number>();
  const sides = partition.sides.map((selector, at) => {
    const path = [...place.path, 'sides', at];
    const draw = [place.fault, `sides.${at}`];
    const names = place.select(selector, { path, draw }, report);
    const taken = names.filter((name) => sideOf.has(name));
    const [first] = taken;
    if (first !== undefined) {
      const also = taken.length > 1 ? ` and ${taken.length - 1} more` : '';
      const earlier = 1 + (sideOf.get(first) ?? 0);
      report(error(path, `overlaps side ${earlier}: ${first}${also} cannot be on both`));
    }
    for (const name of names) sideOf.set(name, sideOf.get(name) ?? at);
    return names;
  });
  return sound ? sides : undefined;
}

function withRest(
  mode: Partition['rest'],
  listed: readonly Side[],
  rest: Side,
): { readonly sides: readonly Side[]; readonly isolated: Side } {
  const [first = [], ...others] = listed;
  if (rest.length === 0) return { sides: listed, isolated: [] };
  if (mode === 'own-side') return { sides: [...listed, rest], isolated: [] };
  if (mode === 'isolated') return { sides: listed, isolated: rest };
  return { sides: [[...first, ...rest], ...others], isolated: [] };
}

function acrossSides(sides: readonly Side[], everybody: Side): (readonly [Side, Side])[] {
  const [one, two] = sides;
  if (one !== undefined && two !== undefined && sides.length === 2) {
    return [
      [one, two],
      [two, one],
    ];
  }
  return sides.map((side) => {
    const own = new Set(side);
    return [side, everybody.filter((name) => !own.has(name))];
  });
}
