// The newest part of a run as states and the patches between them. What is older than the limit is
// folded into the base.
import { applyPatch, patchOf } from './patch.ts';
import type { Frame, PageEvent, PageState, Recording } from './state.ts';

/** At one a second: ten minutes at least. */
const keptFrames = 600;
const keptEvents = 1_000;

export interface Tape {
  /** Undefined state: as it was. Undefined frame: nothing has changed or happened. */
  add(state: PageState | undefined, events: readonly PageEvent[]): Frame | undefined;
  all(): Pick<Recording, 'base' | 'events' | 'frames'>;
}

export function createTape(testnet: string): Tape {
  let base = emptyState(testnet);
  let last = base;
  let old: readonly PageEvent[] = [];
  /** As text, which is smaller than objects; it is seldom read again. */
  let frames: string[] = [];
  return {
    add: (state = last, events) => {
      const patch = patchOf(last, state);
      if (patch === undefined && events.length === 0) return undefined;
      const frame = { patch: patch ?? {}, ...(events.length > 0 && { events }) };
      last = state;
      frames.push(JSON.stringify(frame));
      // Seldom, since it moves all that stay.
      if (frames.length > 2 * keptFrames) {
        const gone = frames.slice(0, -keptFrames).map(frameIn);
        frames = frames.slice(-keptFrames);
        base = playedTo(base, gone);
        old = [...old, ...gone.flatMap(({ events = [] }) => events)].slice(-keptEvents);
      }
      return frame;
    },
    all: () => ({ base, events: old, frames: frames.map(frameIn) }),
  };
}

function frameIn(text: string): Frame {
  return JSON.parse(text) as Frame;
}

/** The state after these frames. */
export function playedTo(base: PageState, frames: readonly Frame[]): PageState {
  // Patches are made of states, and lead from one to the next.
  return frames.reduce<object>(
    (state, { patch }) => applyPatch(state as never, patch),
    base,
  ) as PageState;
}

export function emptyState(testnet: string): PageState {
  return {
    testnet,
    runtime: '',
    phase: 'starting',
    metrics: {},
    nodes: {},
    edges: {},
    faults: {},
    expectations: {},
    problems: [],
  };
}
