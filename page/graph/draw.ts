// One drawing of the peer graph on a canvas. Shapes say what colours alone must not: squares are
// adversaries, rings are victims, hollow nodes do not answer.
import type { PageState } from '../../src/web/state.ts';
import { pixelOf } from './camera.ts';
import type { Place } from './layout.ts';

export type Palette = {
  readonly colours: readonly string[];
  readonly text: string;
  readonly soft: string;
  readonly ground: string;
  readonly cut: string;
  readonly accent: string;
};

/** From places to pixels. */
export type View = { readonly scale: number; readonly x: number; readonly y: number };

export type Scene = {
  readonly state: PageState;
  readonly places: readonly Place[];
  readonly edges: readonly (readonly [Place, Place])[];
  /** Connections that are gone, and how much of them is still to be seen (1 to 0). */
  readonly gone: readonly (readonly [from: Place, to: Place, left: number])[];
  readonly colourOf: (name: string) => number;
  readonly adversaries: ReadonlySet<string>;
  readonly victims: ReadonlySet<string>;
  readonly picked: ReadonlySet<string>;
  readonly selected: string | undefined;
  readonly hovered: string | undefined;
  readonly lasso: readonly (readonly [number, number])[];
};

export type Surface = {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** Pixels of the screen per pixel of the page. */
  readonly ratio: number;
  readonly palette: Palette;
};

export function draw(surface: Surface, scene: Scene, view: View): void {
  const { context, width, height, ratio } = surface;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const on: On = { ...surface, at: (place) => pixelOf(view, place) };
  const radius = radiusOf(scene.places.length) * Math.max(0.7, Math.min(1.25, view.scale));
  drawEdges(on, scene);
  for (const place of scene.places) drawNode(on, scene, { place, radius });
  drawLabels(on, scene, radius);
  drawLasso(surface, scene.lasso);
}

type On = Surface & {
  readonly at: (place: Place) => readonly [x: number, y: number];
};

function radiusOf(count: number): number {
  return Math.max(5, Math.min(9.5, 80 / Math.sqrt(count)));
}

function drawEdges(on: On, scene: Scene): void {
  const { context, palette } = on;
  const { edges, gone, selected } = scene;
  context.lineWidth = 1;
  context.strokeStyle = palette.soft;
  // Many lines over each other are dark enough.
  context.globalAlpha = Math.max(0.13, Math.min(0.5, 6 / Math.sqrt(edges.length + 1)));
  line(on, edges);
  if (selected !== undefined) {
    context.globalAlpha = 0.9;
    context.lineWidth = 1.8;
    context.strokeStyle = palette.accent;
    line(
      on,
      edges.filter(([a, b]) => a.name === selected || b.name === selected),
    );
  }
  context.strokeStyle = palette.cut;
  context.lineWidth = 1.4;
  context.setLineDash([5, 4]);
  for (const [a, b, left] of gone) {
    context.globalAlpha = 0.75 * left;
    line(on, [[a, b]]);
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function line({ context, at }: On, edges: Scene['edges']): void {
  context.beginPath();
  for (const [a, b] of edges) {
    context.moveTo(...at(a));
    context.lineTo(...at(b));
  }
  context.stroke();
}

type Dot = { readonly place: Place; readonly radius: number };

function drawNode({ context, palette, at }: On, scene: Scene, { place, radius }: Dot): void {
  const { name } = place;
  const [x, y] = at(place);
  const up = scene.state.nodes[name]?.state === 'ready';
  const evil = scene.adversaries.has(name);
  const colour = palette.colours[scene.colourOf(name)] ?? palette.soft;
  outline(context, evil, { x, y, radius: evil ? radius * 0.9 : radius });
  context.fillStyle = up ? colour : palette.ground;
  context.fill();
  context.lineWidth = evil ? 2.5 : 1.5;
  context.strokeStyle = evil ? palette.cut : up ? palette.ground : colour;
  context.stroke();
  if (scene.victims.has(name)) ring(context, { x, y, radius: radius + 4 }, palette.text);
  if (scene.picked.has(name)) ring(context, { x, y, radius: radius + 6 }, palette.cut);
  if (scene.selected === name || scene.hovered === name) {
    ring(context, { x, y, radius: radius + 3 }, palette.accent);
  }
}

type Disc = { readonly x: number; readonly y: number; readonly radius: number };

function outline(context: CanvasRenderingContext2D, square: boolean, disc: Disc): void {
  const { x, y, radius } = disc;
  context.beginPath();
  if (square) context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else context.arc(x, y, radius, 0, 2 * Math.PI);
}

function ring(context: CanvasRenderingContext2D, disc: Disc, colour: string): void {
  outline(context, false, disc);
  context.lineWidth = 2;
  context.strokeStyle = colour;
  context.stroke();
}

const roomForLabel = 7_000;

/** Of all nodes while there is room, else of those that matter. */
function drawLabels(
  { context, palette, at, width, height }: On,
  scene: Scene,
  radius: number,
): void {
  const { places, selected, hovered, victims, picked } = scene;
  const few = (width * height) / places.length > roomForLabel;
  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.lineJoin = 'round';
  context.lineWidth = 3;
  context.strokeStyle = palette.ground;
  for (const place of places) {
    const { name } = place;
    const chosen = name === selected || name === hovered;
    if (!few && !chosen && !victims.has(name) && !(picked.has(name) && picked.size < 12)) continue;
    context.fillStyle = chosen ? palette.text : palette.soft;
    const [x, y] = at(place);
    const top = y + radius + (victims.has(name) ? 8 : 4);
    context.strokeText(name, x, top);
    context.fillText(name, x, top);
  }
}

function drawLasso({ context, palette }: Surface, lasso: Scene['lasso']): void {
  const [first, ...rest] = lasso;
  if (first === undefined) return;
  context.beginPath();
  context.moveTo(...first);
  for (const point of rest) context.lineTo(...point);
  context.closePath();
  context.globalAlpha = 0.12;
  context.fillStyle = palette.accent;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 1.5;
  context.strokeStyle = palette.accent;
  context.stroke();
}
