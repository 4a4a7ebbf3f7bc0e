// The peer graph with its legend. With a pointer nodes are chosen by a click and, while picking, by
// a line drawn around them; with the keyboard by the arrow keys.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PageState } from '../../src/web/state.ts';
import { componentsOfState, sidesOf } from '../components.ts';
import type { Colouring, Model, SetModel, Shown } from '../model.ts';
import { isInside } from './camera.ts';
import { type Colours, coloursOf, noColour } from './colours.ts';
import { createScene, type GraphScene, partiesOf } from './scene.ts';

type Props = { readonly model: Model; readonly shown: Shown; readonly set: SetModel };

const colourings: readonly Colouring[] = ['side', 'tip', 'group', 'region'];

export function Graph({ model, shown, set }: Props) {
  const { state } = shown;
  const colours = useColours(state, model.colouring);
  const parts = useMemo(() => componentsOfState(state), [state.edges, state.nodes]);
  const { canvas, scene } = useScene({ model, shown, colours });
  const pointer = usePointer({ model, set, scene });
  const edges = Object.keys(state.edges).length;
  const inParts = `in ${parts.count} ${parts.count === 1 ? 'part' : 'parts'}`;
  const summary = `${Object.keys(state.nodes).length} nodes, ${edges} live connections, ${inParts}`;
  return (
    <section class="graph" aria-label="Peer graph">
      <div class="over">
        <ColourChoice colouring={model.colouring} set={set} />
        <Legend colours={colours} />
      </div>
      <canvas
        id="graph"
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription="peer graph"
        aria-label={`Peer graph: ${summary}. Arrow keys go from node to node.`}
        class={model.picking ? 'picking' : ''}
        onKeyDown={(event) => chooseByKey(event, { model, shown, set })}
        {...pointer}
      />
      <p class="under">
        <span>{summary}</span>
        <span class="shapes">□ adversary ◎ victim ○ not answering</span>
      </p>
    </section>
  );
}

/** Sides and tips keep their colours from moment to moment. */
function useColours(state: PageState, colouring: Colouring): Colours {
  const before = useRef<{ readonly of: Colouring; readonly map: ReadonlyMap<string, number> }>(
    undefined,
  );
  return useMemo(() => {
    const known = before.current?.of === colouring ? before.current.map : new Map();
    const colours = coloursOf({ state, colouring, partOf: sideIn(state), before: known });
    before.current = { of: colouring, map: colours.of };
    return colours;
  }, [state, colouring]);
}

type Shows = Omit<Props, 'set'> & { readonly colours: Colours };

function useScene({ model: { selected, picked }, shown: { state }, colours }: Shows) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scene = useRef<GraphScene>(undefined);
  useLayoutEffect(() => {
    if (canvas.current === null) return undefined;
    const made = createScene(canvas.current);
    scene.current = made;
    // Where things are drawn, for tests and for the curious.
    Object.assign(globalThis, { peerstormGraph: made });
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', made.refresh);
    return () => {
      dark.removeEventListener('change', made.refresh);
      made.close();
    };
  }, []);
  useLayoutEffect(() => {
    const colourOf = (name: string) => colours.of.get(name) ?? noColour;
    scene.current?.show({ state, colourOf, selected, picked });
  }, [state, colours, selected, picked]);
  return { canvas, scene };
}

function sideIn(state: PageState): (name: string) => number | undefined {
  const sides = sidesOf(state, partiesOf(state).adversaries);
  return (name) => sides.of.get(name);
}

function ColourChoice({ colouring, set }: { colouring: Colouring; set: SetModel }) {
  return (
    <fieldset class="choice">
      <legend>Colour by</legend>
      {colourings.map((one) => (
        <label key={one}>
          <input
            type="radio"
            name="colouring"
            checked={one === colouring}
            onChange={() => set({ colouring: one })}
          />
          <span>{one}</span>
        </label>
      ))}
    </fieldset>
  );
}

const shownInLegend = 7;

function Legend({ colours }: { colours: Colours }) {
  const { legend } = colours;
  return (
    <ul class="legend">
      {legend.slice(0, shownInLegend).map(({ colour, label, nodes }) => (
        <li key={label + colour}>
          <i class={`dot c${colour}`} aria-hidden="true" />
          {label} <b>{nodes}</b>
        </li>
      ))}
      {legend.length > shownInLegend && <li>and {legend.length - shownInLegend} more</li>}
    </ul>
  );
}

type Hands = {
  readonly model: Model;
  readonly set: SetModel;
  readonly scene: { readonly current: GraphScene | undefined };
};

function usePointer({ model, set, scene }: Hands) {
  const [drawing, setDrawing] = useState<readonly (readonly [number, number])[]>();
  const draw = (points: readonly (readonly [number, number])[] | undefined) => {
    setDrawing(points);
    scene.current?.lasso(points ?? []);
  };
  const at = (event: PointerEvent) => [event.offsetX, event.offsetY] as const;
  return {
    onPointerDown: (event: PointerEvent) => {
      if (!model.picking) return;
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      draw([at(event)]);
    },
    onPointerMove: (event: PointerEvent) => {
      if (drawing !== undefined) draw([...drawing, at(event)]);
      else scene.current?.hover(scene.current.nodeAt(...at(event)));
    },
    onPointerLeave: () => scene.current?.hover(undefined),
    onPointerUp: (event: PointerEvent) => {
      const name = scene.current?.nodeAt(...at(event));
      if (drawing === undefined || drawing.length < 6) {
        if (model.picking && name !== undefined) set({ picked: toggled(model.picked, name) });
        else if (!model.picking) set({ selected: name });
      } else {
        const inside = scene.current?.positions().filter(({ x, y }) => isInside([x, y], drawing));
        set({ picked: new Set([...model.picked, ...(inside ?? []).map((one) => one.name)]) });
      }
      draw(undefined);
    },
  };
}

export function toggled(picked: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(picked);
  if (!next.delete(name)) next.add(name);
  return next;
}

function chooseByKey(
  event: KeyboardEvent,
  { model, shown, set }: Pick<Props, 'model' | 'shown' | 'set'>,
): void {
  const names = Object.keys(shown.state.nodes);
  const now = model.selected === undefined ? -1 : names.indexOf(model.selected);
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowDown: 1,
    ArrowLeft: -1,
    ArrowUp: -1,
  };
  const step = steps[event.key];
  if (step !== undefined && names.length > 0) {
    set({
      selected: names[(Math.max(now, step < 0 ? 0 : -1) + step + names.length) % names.length],
    });
  } else if (event.key === 'Escape') {
    set({ selected: undefined });
  } else if (event.key === ' ' && model.picking && model.selected !== undefined) {
    set({ picked: toggled(model.picked, model.selected) });
  } else return;
  event.preventDefault();
}
