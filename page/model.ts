// What is shown at the moment, in one value: the recording, which of its moments, what is selected.
// Components read it and change it by `set`; nothing else holds state that two of them need.
import type { PageState } from '../src/web/state.ts';
import type { Player } from './player.ts';

export type Colouring = 'side' | 'tip' | 'group' | 'region';

export type Model = {
  readonly player: Player | undefined;
  readonly connection: 'connecting' | 'open' | 'lost' | 'ended';
  /** Index of the state that is shown; undefined: always the newest. */
  readonly at: number | undefined;
  readonly playing: boolean;
  /** States a second. */
  readonly speed: number;
  readonly selected: string | undefined;
  /** For a fault that is to be made. */
  readonly picked: ReadonlySet<string>;
  readonly picking: boolean;
  readonly colouring: Colouring;
  readonly filter: string;
};

export type SetModel = (change: Partial<Model>) => void;

let model: Model = {
  player: undefined,
  connection: 'connecting',
  at: undefined,
  playing: false,
  speed: 4,
  selected: undefined,
  picked: new Set(),
  picking: false,
  colouring: 'side',
  filter: '',
};
const listeners = new Set<(model: Model) => void>();

export const currentModel = (): Model => model;

export const setModel: SetModel = (change) => {
  model = { ...model, ...change };
  for (const listener of listeners) listener(model);
};

export function onModel(listener: (model: Model) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export type Shown = { readonly index: number; readonly state: PageState };

/** The moment that is shown. */
export function shownOf({ player, at }: Model): Shown | undefined {
  if (player === undefined) return undefined;
  const newest = player.states.length - 1;
  const index = Math.max(0, Math.min(at ?? newest, newest));
  const state = player.states[index];
  return state && { index, state };
}
