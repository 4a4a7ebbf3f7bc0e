// Where nodes are drawn. Connections pull, nodes push each other away, and sides (what is connected
// without the adversaries) are pushed apart as wholes: a split is seen as a gap, and who is
// eclipsed is outside. Nodes keep their places when connections come and go, so what moves has
// changed. The same graph is drawn in the same way each time.
import {
  type Force,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationLinkDatum,
} from 'd3-force';
import { partsOf } from '../components.ts';

export type Place = {
  readonly name: string;
  x: number;
  y: number;
  vx: number;
  vy: number;
  /** The side that it is on, the same for all of them; absent: an adversary. */
  side?: number;
};
type Link = SimulationLinkDatum<Place>;

export type Graph = {
  readonly names: readonly string[];
  readonly edges: readonly (readonly [string, string])[];
  readonly adversaries: ReadonlySet<string>;
};

export interface Layout {
  readonly places: readonly Place[];
  place(name: string): Place | undefined;
  /** Nodes that are new appear; places of others stay. */
  update(graph: Graph): void;
  /** So that it fills a surface that is so many times as wide as high. */
  shape(aspect: number): void;
  /** One step; false: it has come to rest. */
  step(): boolean;
}

const gap = 46;
const linkLength = 52;
const inward = 0.045;

export function createLayout(): Layout {
  let places: Place[] = [];
  let byName = new Map<string, Place>();
  let known = '';
  const links = forceLink<Place, Link>().distance(linkLength).iterations(1);
  let aspect = 1;
  const x = forceX<Place>().strength(inward);
  const y = forceY<Place>().strength(inward);
  const simulation = forceSimulation<Place>()
    .force('link', links)
    .force('charge', forceManyBody<Place>().strength(-150).distanceMax(420))
    .force('x', x)
    .force('y', y)
    .force(
      'apart',
      partsApart(() => aspect),
    )
    .velocityDecay(0.45)
    .stop();
  return {
    get places() {
      return places;
    },
    place: (name) => byName.get(name),
    update: ({ names, edges, adversaries }) => {
      const now = `${names.join()}|${edges.join(';')}|${[...adversaries].join()}`;
      if (now === known) return;
      const first = known === '' || places.length === 0;
      known = now;
      places = names.map((name, index) => byName.get(name) ?? startOf(name, index, names.length));
      byName = new Map(places.map((place) => [place.name, place]));
      const sides = partsOf(
        names.filter((name) => !adversaries.has(name)),
        edges,
      );
      for (const place of places) setSide(place, sides.of.get(place.name));
      simulation.nodes(places);
      links.links(
        edges.flatMap(([a, b]) => {
          const [source, target] = [byName.get(a), byName.get(b)];
          return source && target ? [{ source, target }] : [];
        }),
      );
      simulation.alpha(first ? 1 : Math.max(simulation.alpha(), 0.6));
    },
    shape: (wanted) => {
      aspect = Math.max(0.5, Math.min(2, wanted));
      x.strength(inward / aspect);
      y.strength(inward * aspect);
      simulation.alpha(Math.max(simulation.alpha(), 0.3));
    },
    step: () => {
      if (simulation.alpha() < simulation.alphaMin()) return false;
      simulation.tick();
      return true;
    },
  };
}

function setSide(place: Place, side: number | undefined): void {
  if (side === undefined) delete place.side;
  else place.side = side;
}

/** On a spiral in the order of the plan. */
function startOf(name: string, index: number, count: number): Place {
  const angle = index * Math.PI * (3 - Math.sqrt(5));
  const radius = 14 * Math.sqrt(index + 0.5) + count / 10;
  const [x, y] = [radius * Math.cos(angle), radius * Math.sin(angle)];
  return { name, x, y, vx: 0, vy: 0 };
}

type Part = { x: number; y: number; radius: number; readonly members: readonly Place[] };

/** Parts are discs that may not overlap; the smaller one gives way more. */
function partsApart(aspect: () => number): Force<Place, Link> {
  let parts: readonly (readonly Place[])[] = [];
  const force = (alpha: number) => {
    const discs = parts.map(discOf);
    for (const [index, one] of discs.entries()) {
      for (const other of discs.slice(index + 1))
        pushApart(one, other, { alpha, aspect: aspect() });
    }
  };
  force.initialize = (places: readonly Place[]) => {
    const sided = places.filter(({ side }) => side !== undefined);
    parts = [...Map.groupBy(sided, ({ side }) => side).values()]
      .toSorted((a, b) => b.length - a.length)
      // Each with each: a crowd of single nodes is left to what pushes nodes.
      .slice(0, 40);
  };
  return force;
}

function discOf(members: readonly Place[]): Part {
  const count = members.length;
  const x = members.reduce((sum, place) => sum + place.x, 0) / count;
  const y = members.reduce((sum, place) => sum + place.y, 0) / count;
  const spread = members.reduce((sum, place) => sum + (place.x - x) ** 2 + (place.y - y) ** 2, 0);
  // A disc that is filled evenly is 1.4 times as wide as its spread.
  return { x, y, radius: Math.SQRT2 * Math.sqrt(spread / count), members };
}

type Push = { readonly alpha: number; readonly aspect: number };

/** Rather along the longer side of the surface. */
function pushApart(one: Part, other: Part, { alpha, aspect }: Push): void {
  const [dx, dy] = [(other.x - one.x || 1e-3) * aspect, (other.y - one.y) / aspect];
  const distance = Math.hypot(dx, dy) || 1e-3;
  const overlap = one.radius + other.radius + gap - distance;
  if (overlap <= 0) return;
  const push = (0.8 * alpha * Math.min(overlap, 160)) / distance;
  const all = one.members.length + other.members.length;
  move(
    other.members,
    dx * push * (one.members.length / all),
    dy * push * (one.members.length / all),
  );
  move(
    one.members,
    -dx * push * (other.members.length / all),
    -dy * push * (other.members.length / all),
  );
}

function move(members: readonly Place[], dx: number, dy: number): void {
  for (const place of members) {
    place.vx += dx;
    place.vy += dy;
  }
}
