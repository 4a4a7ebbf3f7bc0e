// From places to pixels and back: everything is always in view.
import type { View } from './draw.ts';
import type { Place } from './layout.ts';

type Size = { readonly width: number; readonly height: number };

const margin = 44;
const mostScale = 2.6;

/** The view in which all places are seen. */
export function fit(places: readonly Place[], { width, height }: Size): View {
  const xs = places.map(({ x }) => x);
  const ys = places.map(({ y }) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  if (places.length === 0 || width === 0) return { scale: 1, x: width / 2, y: height / 2 };
  const across = Math.max(1, width - 2 * margin) / Math.max(1, right - left);
  const down = Math.max(1, height - 2 * margin) / Math.max(1, bottom - top);
  const scale = Math.min(mostScale, across, down);
  return {
    scale,
    x: width / 2 - (scale * (left + right)) / 2,
    y: height / 2 - (scale * (top + bottom)) / 2,
  };
}

/** A part of the way from one view to another. */
export function towards(from: View, to: View, share: number): View {
  const mix = (a: number, b: number) => a + (b - a) * share;
  return { scale: mix(from.scale, to.scale), x: mix(from.x, to.x), y: mix(from.y, to.y) };
}

export function isNear(a: View, b: View): boolean {
  return Math.abs(a.scale - b.scale) < 1e-3 && Math.hypot(a.x - b.x, a.y - b.y) < 0.5;
}

type Point = readonly [x: number, y: number];

export function pixelOf({ scale, x, y }: View, place: Place): Point {
  return [place.x * scale + x, place.y * scale + y];
}

/** The node under the pointer, or next to it. */
export function nodeAt(places: readonly Place[], view: View, [x, y]: Point): Place | undefined {
  let nearest: Place | undefined;
  let least = 18;
  for (const place of places) {
    const [px, py] = pixelOf(view, place);
    const distance = Math.hypot(px - x, py - y);
    if (distance < least) [nearest, least] = [place, distance];
  }
  return nearest;
}

/** Even-odd rule. */
export function isInside([x, y]: Point, outline: readonly Point[]): boolean {
  let inside = false;
  outline.forEach(([ax, ay], index) => {
    const [bx, by] = outline[index === 0 ? outline.length - 1 : index - 1] ?? [0, 0];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}
