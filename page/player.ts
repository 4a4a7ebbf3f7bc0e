// A recording as states: one for each frame, so that any moment can be shown at once. States share
// what has not changed. Frames may be added while it is looked at.
import { applyPatch } from '../src/web/patch.ts';
import type { Frame, PageEvent, PageState, Recording } from '../src/web/state.ts';

type Told = PageEvent & { readonly frame: number };

export interface Player {
  readonly mode: Recording['mode'];
  readonly control: boolean;
  /** At least one. */
  readonly states: readonly PageState[];
  /** In order; `frame` is the first at which it is known. */
  readonly events: readonly Told[];
  add(frame: Frame): void;
}

/** At one a second: 20 minutes; then the older half is dropped. */
const keptStates = 1_200;

export function createPlayer(recording: Recording): Player {
  let states: PageState[] = [recording.base];
  let events: Told[] = recording.events.map((event) => ({ ...event, frame: 0 }));
  const add = ({ patch, events: told = [] }: Frame) => {
    // Patches are made of states, and lead from one to the next.
    const next = applyPatch(states.at(-1) as never, patch) as unknown as PageState;
    states.push(next);
    for (const event of told) events.push({ ...event, frame: states.length - 1 });
    if (states.length <= keptStates) return;
    const gone = states.length - keptStates / 2;
    states = states.slice(gone);
    events = events.map((event) => ({ ...event, frame: Math.max(0, event.frame - gone) }));
  };
  for (const frame of recording.frames) add(frame);
  // What the page begins with is nothing yet.
  if (recording.frames.length > 0 && Object.keys(recording.base.nodes).length === 0) {
    states = states.slice(1);
    events = events.map((event) => ({ ...event, frame: Math.max(0, event.frame - 1) }));
  }
  return {
    mode: recording.mode,
    control: recording.control,
    add,
    get states() {
      return states;
    },
    get events() {
      return events;
    },
  };
}
