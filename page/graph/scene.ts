// The peer graph on its canvas as time goes by: moves nodes, lets cut connections fade, keeps
// everything in view, and rests when nothing moves. It is told what to show and knows nothing of
// the page around it.
import type { PageState } from '../../src/web/state.ts';
import { fit, isNear, nodeAt, pixelOf, towards } from './camera.ts';
import { colourCount } from './colours.ts';
import { type Connections, createConnections } from './connections.ts';
import { draw, type Palette, type Scene, type Surface, type View } from './draw.ts';
import { createLayout, type Layout } from './layout.ts';

export type Shows = Pick<Scene, 'state' | 'colourOf' | 'selected' | 'picked'>;

export interface GraphScene {
  show(what: Shows): void;
  hover(name: string | undefined): void;
  lasso(points: Scene['lasso']): void;
  nodeAt(x: number, y: number): string | undefined;
  /** Where they are on the canvas, in pixels. */
  positions(): readonly { name: string; x: number; y: number; side: number | undefined }[];
  /** The canvas has another size, or the page other colours. */
  refresh(): void;
  /** Has everything come to rest? */
  readonly resting: boolean;
  close(): void;
}

/** Of the first drawing: it begins nearly at rest. */
const firstSteps = 160;

/** What is drawn, and from where it is seen. */
type Drawn = {
  readonly layout: Layout;
  readonly connections: Connections;
  readonly surface: Surface;
  view: View | undefined;
  shows: (Shows & Pick<Scene, 'adversaries' | 'victims'>) | undefined;
  hovered: string | undefined;
  lasso: Scene['lasso'];
};

export function createScene(canvas: HTMLCanvasElement): GraphScene {
  const layout = createLayout();
  const connections = createConnections(layout);
  const drawn: Drawn = {
    ...{ layout, connections, surface: surfaceOf(canvas) },
    ...{ view: undefined, shows: undefined, hovered: undefined, lasso: [] },
  };
  let frame: number | undefined;
  const wake = () => {
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      if (paint(drawn)) wake();
    });
  };
  const refresh = () => {
    Object.assign(drawn, { surface: surfaceOf(canvas), view: undefined });
    const { width, height } = drawn.surface;
    if (height > 0) layout.shape(width / height);
    wake();
  };
  const change = (what: Partial<Drawn>) => {
    Object.assign(drawn, what);
    wake();
  };
  const observer = new ResizeObserver(refresh);
  observer.observe(canvas);
  return {
    show: (what) => {
      const parties = partiesOf(what.state);
      const first = connections.follow(what.state, parties.adversaries);
      if (first) for (let step = 0; step < firstSteps; step += 1) layout.step();
      change({ shows: { ...what, ...parties } });
    },
    hover: (hovered) => {
      if (drawn.hovered !== hovered) change({ hovered });
    },
    lasso: (lasso) => change({ lasso }),
    nodeAt: (x, y) => drawn.view && nodeAt(layout.places, drawn.view, [x, y])?.name,
    positions: () =>
      layout.places.map((place) => {
        const [x, y] = pixelOf(drawn.view ?? { scale: 1, x: 0, y: 0 }, place);
        return { name: place.name, x, y, side: place.side };
      }),
    refresh,
    get resting() {
      return frame === undefined && drawn.shows !== undefined;
    },
    close: () => {
      observer.disconnect();
      if (frame !== undefined) cancelAnimationFrame(frame);
    },
  };
}

/** One picture; true: the next one will be another. */
function paint(drawn: Drawn): boolean {
  const { layout, connections, surface, shows, hovered, lasso } = drawn;
  if (shows === undefined || surface.width === 0) return false;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  let moves = layout.step();
  // Who wants no motion sees the end of it.
  if (still) for (; moves; moves = layout.step());
  const wanted = fit(layout.places, surface);
  const view = drawn.view === undefined || still ? wanted : towards(drawn.view, wanted, 0.14);
  drawn.view = isNear(view, wanted) ? wanted : view;
  const gone = still ? [] : connections.fading();
  const { lines: edges } = connections;
  draw(surface, { ...shows, places: layout.places, edges, gone, hovered, lasso }, drawn.view);
  return moves || gone.length > 0 || drawn.view !== wanted;
}

/** Adversaries by role or by what faults say of them; victims of faults that are in force. */
export function partiesOf({ nodes, faults }: PageState): {
  readonly adversaries: ReadonlySet<string>;
  readonly victims: ReadonlySet<string>;
} {
  const known = Object.values(faults);
  const evil = Object.entries(nodes).flatMap(([name, { role }]) =>
    role === 'adversary' ? [name] : [],
  );
  const active = known.filter(({ state }) => state === 'active');
  return {
    adversaries: new Set([...evil, ...known.flatMap(({ attackers = [] }) => attackers)]),
    victims: new Set(active.flatMap(({ victims = [] }) => victims)),
  };
}

/** As large as its place on the page, in the page's colours. */
function surfaceOf(canvas: HTMLCanvasElement): Surface {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  if (context === null) throw new TypeError('this browser has no canvas');
  return { context, width, height, ratio, palette: paletteOf(canvas) };
}

function paletteOf(canvas: HTMLCanvasElement): Palette {
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    colours: [...Array.from({ length: colourCount }, (_, i) => colour(`c${i}`)), colour('soft')],
    text: colour('text'),
    soft: colour('soft'),
    ground: colour('card'),
    cut: colour('failed'),
    accent: colour('link'),
  };
}
