// What every part of the page is given.
import type { Model, SetModel, Shown } from '../model.ts';
import type { Player } from '../player.ts';

export type PanelProps = {
  readonly model: Model;
  readonly shown: Shown;
  readonly player: Player;
  readonly set: SetModel;
};
