// Links between regions -> the base layer of effects, in force for the whole run. `default` serves
// pairs of different regions without a `between` and is never added to one; inside a region only
// `within` applies.
import type { PlacedEffect, Shape } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import { error, type Path } from '../spec/problems.ts';
import type { Link } from '../spec/schema.ts';
import { tooManyClasses } from './port-limit.ts';
import { type Report, unknownName } from './problem.ts';
import { shapeOfLink } from './shape.ts';

/** No region is called so. */
const defaultKey = '*';

type Regions = ReadonlyMap<string, readonly NodeName[]>;

/** `regions`: names and their nodes in the order of the spec; `path` is that of `links`. */
export function baseEffects(
  links: readonly Link[],
  regions: Regions,
  { path, report }: { readonly path: Path; readonly report: Report },
): readonly PlacedEffect[] {
  const shapes = new Map<string, Shape>();
  for (const [at, link] of links.entries()) {
    for (const [where, name] of namedBy(link)) {
      if (regions.has(name)) continue;
      const message = unknownName('region', name, regions.keys());
      report(error([...path, at, ...where], message));
    }
    shapes.set(keyOf(link), shapeOfLink(link));
  }
  const names = [...regions.keys()];
  const effects = names.flatMap((from) =>
    names.flatMap((to) => {
      const own = shapes.get(pairKey(from, to));
      const shape = own ?? (from === to ? {} : (shapes.get(defaultKey) ?? {}));
      return effectBetween(regions.get(from), regions.get(to), shape);
    }),
  );
  const full = tooManyClasses(effects);
  if (full !== undefined) report(error(path, full));
  return effects;
}

function effectBetween(
  from: readonly NodeName[] = [],
  to: readonly NodeName[] = [],
  shape: Shape = {},
): PlacedEffect[] {
  const empty = from.length === 0 || to.length === 0 || (from === to && from.length === 1);
  if (empty || Object.keys(shape).length === 0) return [];
  return [{ fault: '', from, to, impairment: { kind: 'shape', ...shape } }];
}

function pairKey(a: string, b: string): string {
  return [a, b].sort().join(' ');
}

function keyOf({ between, within }: Link): string {
  if (between !== undefined) return pairKey(...between);
  return within === undefined ? defaultKey : pairKey(within, within);
}

function namedBy({ between, within }: Link): readonly (readonly [Path, string])[] {
  if (within !== undefined) return [[['within'], within]];
  return (between ?? []).map((name, end) => [['between', end], name] as const);
}
