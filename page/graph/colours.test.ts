import { describe, expect, test } from 'vitest';
import { emptyState } from '../../src/web/tape.ts';
import { coloursOf, noColour } from './colours.ts';

const node = { group: 'full', kind: 'reference', role: 'full', region: 'eu', address: '' };
const stateWith = (tips: Readonly<Record<string, string>>) => ({
  ...emptyState('one'),
  nodes: Object.fromEntries(
    Object.entries(tips).map(([name, tip]) => [
      name,
      { ...node, state: 'ready', restarts: 0, tip },
    ]),
  ),
});
const colours = (tips: Readonly<Record<string, string>>, before: ReadonlyMap<string, number>) =>
  coloursOf({ state: stateWith(tips), colouring: 'tip', partOf: () => 0, before });

describe('the colours of tips', () => {
  test('stay with their nodes while blocks come, also when sides change in size', () => {
    const first = colours({ a: 'x', b: 'x', c: 'x', d: 'y', e: 'y' }, new Map());
    expect(first.of.get('a')).not.toBe(first.of.get('d'));
    const next = colours({ a: 'x2', b: 'x2', c: 'y2', d: 'y2', e: 'y2' }, first.of);
    expect(next.of.get('a')).toBe(first.of.get('a'));
    expect(next.of.get('d')).toBe(first.of.get('d'));
  });

  test('are told apart until there are no more colours, then grey', () => {
    const tips = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`n-${i}`, `tip${i}`]));
    const { legend } = colours(tips, new Map());
    expect(legend.map(({ colour }) => colour)).toEqual([0, 1, 2, 3, 4, 5, 6, 6, 6]);
    expect(legend.at(-1)?.colour).toBe(noColour);
  });
});
