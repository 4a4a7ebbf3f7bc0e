import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PageState } from '../src/web/state.ts';
import { createTape, emptyState } from '../src/web/tape.ts';
import { createPlayer } from './player.ts';

const states = fc.array(
  fc.record({
    elapsed: fc.nat(),
    heights: fc.dictionary(fc.constantFrom('a-0', 'a-1', 'b-0'), fc.nat(9), { minKeys: 1 }),
    edges: fc.subarray(['a-0 a-1', 'a-1 b-0', 'a-0 b-0']),
  }),
  { minLength: 2, maxLength: 12 },
);

test('a page that comes late sees the same states as one that was there', () => {
  fc.assert(
    fc.property(states, fc.nat(), (row, late) => {
      const tape = createTape('one');
      const early = createPlayer({ mode: 'live', control: false, ...tape.all() });
      const seen: PageState[] = [];
      for (const { elapsed, heights, edges } of row) {
        const nodes = Object.entries(heights).map(
          ([name, height]) =>
            [
              name,
              {
                ...{ group: 'a', kind: '', role: '', region: '', address: '' },
                ...{ state: 'ready', restarts: 0, height },
              },
            ] as const,
        );
        const state: PageState = {
          ...emptyState('one'),
          elapsed,
          nodes: Object.fromEntries(nodes),
          edges: Object.fromEntries(edges.map((edge) => [edge, 1] as const)),
        };
        const frame = tape.add(state, [{ event: 'sample', message: `${elapsed}` }]);
        if (frame !== undefined) early.add(frame);
        seen.push(state);
        if (seen.length <= late % row.length) continue;
        const other = createPlayer({ mode: 'live', control: false, ...tape.all() });
        expect(other.states.at(-1)).toEqual(state);
        expect(other.states).toEqual(seen);
        expect(other.events.map(({ frame }) => frame)).toEqual(seen.map((_, index) => index));
      }
      expect(early.states.slice(1)).toEqual(seen);
    }),
  );
});
