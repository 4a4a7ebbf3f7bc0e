// The whole page: who and where at the top, the graph with its time below it, what is claimed and
// seen beside it.

import { FaultMaker } from './control/fault-maker.tsx';
import { Graph } from './graph/graph.tsx';
import { type Model, type SetModel, shownOf } from './model.ts';
import { Announcer } from './panels/announcer.tsx';
import { Charts } from './panels/charts.tsx';
import { Events } from './panels/events.tsx';
import { Expectations } from './panels/expectations.tsx';
import { Header } from './panels/header.tsx';
import { NodeDetail } from './panels/node-detail.tsx';
import { NodeList } from './panels/node-list.tsx';
import { Timeline } from './panels/timeline.tsx';

export function App({ model, set }: { readonly model: Model; readonly set: SetModel }) {
  const shown = shownOf(model);
  const { player } = model;
  if (player === undefined || shown === undefined) {
    return (
      <main class="waiting">
        <p role="status">{waiting[model.connection]}</p>
      </main>
    );
  }
  const all = { model, shown, player, set };
  return (
    <>
      <Header {...all} />
      <main>
        <div class="stage">
          <Graph {...all} />
          <Timeline {...all} />
        </div>
        <div class="side">
          {player.control && model.connection !== 'ended' && <FaultMaker {...all} />}
          {model.selected !== undefined && <NodeDetail {...all} />}
          <Expectations {...all} />
          <Charts {...all} />
          <NodeList {...all} />
          <Events {...all} />
        </div>
      </main>
      <Announcer {...all} />
    </>
  );
}

const waiting = {
  connecting: 'Connecting ...',
  open: 'Waiting for the run ...',
  lost: 'No contact; trying again ...',
  ended: 'The run is over.',
} as const;
