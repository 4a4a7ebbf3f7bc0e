import { describe, expect, test } from 'vitest';
import type { PageState } from './state.ts';
import { createTape, emptyState, playedTo } from './tape.ts';

const stateAt = (elapsed: number): PageState => ({
  ...emptyState('one'),
  elapsed,
  nodes: Object.fromEntries(
    Array.from({ length: 3 + (elapsed % 4) }, (_, node) => [
      `full-${node}`,
      {
        ...{ group: 'full', kind: 'reference', role: 'full', region: '', address: '10.0.0.1' },
        ...{ state: 'ready', restarts: 0, height: Math.floor(elapsed / (node + 1)) },
      },
    ]),
  ),
  edges: elapsed % 2 === 0 ? { 'full-0 full-1': 1 } : {},
});

describe('a tape', () => {
  test('plays to the newest state, however much was folded away', () => {
    const tape = createTape('one');
    for (let t = 1; t <= 3_000; t += 1) {
      tape.add(stateAt(t), [{ t, event: 'tick', message: `${t}` }]);
      if (t % 250 !== 0) continue;
      const { base, frames } = tape.all();
      expect(playedTo(base, frames)).toEqual(stateAt(t));
    }
    const { events, frames } = tape.all();
    const told = [...events, ...frames.flatMap((frame) => frame.events ?? [])];
    expect(told.map(({ message }) => Number(message))).toEqual(
      Array.from({ length: told.length }, (_, index) => 3_001 - told.length + index),
    );
    expect(frames.length).toBeLessThanOrEqual(1_200);
  });

  test('has no frame where nothing has changed or happened', () => {
    const tape = createTape('one');
    tape.add(stateAt(1), []);
    expect(tape.add(stateAt(1), [])).toBeUndefined();
    expect(tape.add(undefined, [])).toBeUndefined();
    expect(tape.add(undefined, [{ event: 'wave', message: 'one' }])).toEqual({
      patch: {},
      events: [{ event: 'wave', message: 'one' }],
    });
    expect(tape.all().frames).toHaveLength(2);
  });
});
