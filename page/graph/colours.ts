// Which colour a node has. Six that people with colour blindness can tell apart, and grey for the
// rest; whoever shares a property shares a colour, and keeps it from moment to moment where most of
// its nodes had it before.
import type { PageState } from '../../src/web/state.ts';
import type { Colouring } from '../model.ts';

export const colourCount = 6;
/** Of what has none: grey. */
export const noColour = 6;

export type Legend = {
  readonly colour: number;
  readonly label: string;
  readonly nodes: number;
};
export type Colours = {
  readonly of: ReadonlyMap<string, number>;
  readonly legend: readonly Legend[];
};

export type ColourInput = {
  readonly state: PageState;
  readonly colouring: Colouring;
  /** Of each node: which part of the graph it is in; adversaries are in none. */
  readonly partOf: (name: string) => number | undefined;
  readonly before: ReadonlyMap<string, number>;
};

export function coloursOf(input: ColourInput): Colours {
  const { state, colouring, before } = input;
  const members = new Map<string, string[]>();
  for (const name of Object.keys(state.nodes)) {
    const value = valueOf(input, name);
    const known = members.get(value);
    if (known === undefined) members.set(value, [name]);
    else known.push(name);
  }
  // Groups and regions keep their order; sides and tips come and go.
  const fixed = colouring === 'group' || colouring === 'region';
  const ranked = fixed
    ? [...members]
    : [...members].toSorted(([, a], [, b]) => b.length - a.length);
  const free = new Set(Array.from({ length: colourCount }, (_, colour) => colour));
  const of = new Map<string, number>();
  const legend = ranked.map(([value, names]) => {
    const wanted = fixed ? undefined : usual(names, before);
    const colour = isNone(value) ? noColour : take(free, wanted);
    for (const name of names) of.set(name, colour);
    return { colour, label: labelOf(input, value, names), nodes: names.length };
  });
  return { of, legend };
}

function valueOf({ state, colouring, partOf }: ColourInput, name: string): string {
  const node = state.nodes[name];
  if (colouring === 'side') return String(partOf(name) ?? '');
  return (colouring === 'tip' ? node?.tip : node?.[colouring]) ?? '';
}

const nothing = { side: 'adversaries', tip: 'no tip', group: 'none', region: 'none' } as const;
const isNone = (value: string) => value === '';

/** The colour that most of them had. */
function usual(names: readonly string[], before: ReadonlyMap<string, number>): number | undefined {
  const counts = Map.groupBy(names, (name) => before.get(name));
  return [...counts].toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0];
}

function take(free: Set<number>, wanted: number | undefined): number {
  const [first] = free;
  const colour = wanted !== undefined && free.has(wanted) ? wanted : first;
  if (colour === undefined) return noColour;
  free.delete(colour);
  return colour;
}

function labelOf(
  { state, colouring }: ColourInput,
  value: string,
  names: readonly string[],
): string {
  if (isNone(value)) return nothing[colouring];
  if (colouring === 'side') return names.length === 1 ? `${names[0]} alone` : 'connected';
  if (colouring !== 'tip') return value;
  const height = state.nodes[names[0] ?? '']?.height;
  return height === undefined ? value.slice(0, 8) : `height ${height}`;
}
