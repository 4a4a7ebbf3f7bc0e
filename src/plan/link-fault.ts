// A link fault -> a shape on the packets from one set of nodes to another.
import type { PlacedEffect } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import { error } from '../spec/problems.ts';
import type { Fault } from '../spec/schema.ts';
import type { FaultPlace, Placed } from './place.ts';
import { tooManyClasses } from './port-limit.ts';
import { shapeOfFault } from './shape.ts';

export function placeLinkFault(
  link: NonNullable<Fault['link']>,
  { path, fault, select, report }: FaultPlace,
): Placed {
  const end = (which: 'from' | 'to') =>
    select(link[which], { path: [...path, which], draw: [fault, which] }, report);
  const [from, to] = [end('from'), end('to')];
  const shape = shapeOfFault(link);
  if (Object.keys(shape).length === 0) {
    report(error(path, 'changes nothing: all its properties are zero'));
  }
  if (from.length === 0 || to.length === 0) return { effects: [] };
  if (from.length === 1 && to.length === 1 && from[0] === to[0]) {
    report(error(path, `selects no pair: from and to are both ${from[0]}`));
  }
  const rectangles = link.symmetric ? bothWays(from, to) : [[from, to] as const];
  const effects = rectangles.map(
    ([sources, targets]): PlacedEffect => ({
      fault,
      from: sources,
      to: targets,
      impairment: { kind: 'shape', ...shape },
    }),
  );
  const full = tooManyClasses(effects);
  if (full !== undefined) report(error(path, full));
  return { effects };
}

type Names = readonly NodeName[];

/** from x to and to x from, no pair twice: where the sets overlap a delay must not count double. */
function bothWays(from: Names, to: Names): (readonly [Names, Names])[] {
  if (from === to) return [[from, to]];
  const [sources, targets] = [new Set(from), new Set(to)];
  const common = to.filter((name) => sources.has(name));
  const all: (readonly [Names, Names])[] =
    common.length === 0
      ? [
          [from, to],
          [to, from],
        ]
      : [
          [from, to],
          [to.filter((name) => !sources.has(name)), from],
          [common, from.filter((name) => !targets.has(name))],
        ];
  return all.filter(([a, b]) => a.length > 0 && b.length > 0);
}
