import { describe, expect, test } from 'vitest';
import { fit, isInside, nodeAt, pixelOf } from './camera.ts';
import { createLayout, type Graph, type Place } from './layout.ts';

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
/** Each with the next three. */
const ring = (of: readonly string[]) =>
  of.flatMap((name, index) =>
    [1, 2, 3].map((step) => [name, of[(index + step) % of.length] ?? ''] as const),
  );

function drawn(...graphs: readonly Graph[]) {
  const layout = createLayout();
  for (const graph of graphs) {
    layout.update(graph);
    while (layout.step());
  }
  return layout;
}

function disc(places: readonly Place[]) {
  const x = places.reduce((sum, one) => sum + one.x, 0) / places.length;
  const y = places.reduce((sum, one) => sum + one.y, 0) / places.length;
  const radius = Math.max(...places.map((one) => Math.hypot(one.x - x, one.y - y)));
  return { x, y, radius };
}

describe('the layout', () => {
  const [left, right] = [names('left', 10), names('right', 14)];
  const whole = ring([...left, ...right]);
  const none = new Set<string>();

  test('draws what is split with a gap between', () => {
    const { places } = drawn(
      { names: [...left, ...right], edges: whole, adversaries: none },
      { names: [...left, ...right], edges: [...ring(left), ...ring(right)], adversaries: none },
    );
    const [a, b] = ['left', 'right'].map((side) =>
      disc(places.filter(({ name }) => name.startsWith(side))),
    );
    const distance = Math.hypot((a?.x ?? 0) - (b?.x ?? 0), (a?.y ?? 0) - (b?.y ?? 0));
    expect(distance).toBeGreaterThan((a?.radius ?? 0) + (b?.radius ?? 0));
  });

  test('puts who reaches only adversaries outside of the others', () => {
    const victim = 'full-0';
    const [full, evil] = [names('full', 12), names('evil', 3)];
    const honest = full.filter((name) => name !== victim);
    const attacks = evil.map((name) => [victim, name] as const);
    const links = evil.flatMap((name, index) =>
      [0, 2, 4, 6, 8].map((step) => [name, honest[index + step] ?? ''] as const),
    );
    const { places } = drawn({
      names: [...full, ...evil],
      edges: [...ring(honest), ...links, ...attacks],
      adversaries: new Set(evil),
    });
    const others = disc(places.filter(({ name }) => honest.includes(name)));
    const one = places.find(({ name }) => name === victim);
    const distance = Math.hypot((one?.x ?? 0) - others.x, (one?.y ?? 0) - others.y);
    expect(distance).toBeGreaterThan(others.radius);
  });

  test('leaves nodes where they are when nothing has changed', () => {
    const graph = { names: left, edges: ring(left), adversaries: none };
    const layout = drawn(graph);
    const before = structuredClone(layout.places);
    layout.update({ ...graph, names: [...left] });
    expect(layout.step()).toBe(false);
    expect(layout.places).toEqual(before);
  });

  test('is the same each time', () => {
    const graph = { names: [...left, ...right], edges: whole, adversaries: none };
    expect(drawn(graph).places.map(({ x, y }) => [x, y])).toEqual(
      drawn(graph).places.map(({ x, y }) => [x, y]),
    );
  });
});

describe('the camera', () => {
  const size = { width: 400, height: 300 };
  const { places } = drawn({
    names: names('full', 20),
    edges: ring(names('full', 20)),
    adversaries: new Set(),
  });

  test('has every node in view', () => {
    const view = fit(places, size);
    for (const place of places) {
      const [x, y] = pixelOf(view, place);
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(size.width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(size.height);
    }
  });

  test('finds the node that is under a point', () => {
    const view = fit(places, size);
    for (const place of places) expect(nodeAt(places, view, pixelOf(view, place))).toBe(place);
    expect(nodeAt(places, view, [-100, -100])).toBeUndefined();
  });

  test('knows what a line was drawn around', () => {
    const corner = [
      [0, 0],
      [100, 0],
      [100, 20],
      [20, 20],
      [20, 100],
      [0, 100],
    ] as const;
    expect(isInside([10, 90], corner)).toBe(true);
    expect(isInside([90, 10], corner)).toBe(true);
    expect(isInside([60, 60], corner)).toBe(false);
  });
});
