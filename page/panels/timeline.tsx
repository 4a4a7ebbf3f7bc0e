// The faults over the time of the run: planned, in force, over, with a line at the moment that is
// shown. Below it is the way to another moment.

import type { ComponentChildren } from 'preact';
import type { PageFault } from '../../src/web/state.ts';
import { clearFaults } from '../connection.ts';
import type { PanelProps } from './props.ts';
import { clock } from './text.ts';

export function Timeline({ player, shown, model, set }: PanelProps) {
  const { state } = shown;
  const faults = Object.entries(state.faults).toSorted(([, a], [, b]) => a.startsAt - b.startsAt);
  const newest = player.states.at(-1)?.elapsed ?? 0;
  const ends = faults.map(([, { startsAt, endsAt = startsAt }]) => endsAt);
  const until = Math.max(10, newest, ...ends.map((end) => end * 1.04));
  const percent = (seconds: number) => (100 * Math.max(0, Math.min(seconds, until))) / until;
  const elapsed = state.elapsed ?? 0;
  return (
    <section class="timeline" aria-label="Time and faults">
      <div class="bands">
        {faults.length === 0 && <p class="none">No faults.</p>}
        {faults.map(([name, fault]) => (
          <Band key={name} {...{ name, fault, percent, elapsed }}>
            {player.control && (fault.state === 'active' || fault.state === 'planned') && (
              <button
                type="button"
                class="clear"
                aria-label={`Clear fault ${name}`}
                onClick={() => void clearFaults(name).catch(() => undefined)}
              >
                ×
              </button>
            )}
          </Band>
        ))}
        <Axis until={until} percent={percent} />
        <Mark class="now" left={percent(elapsed)} />
      </div>
      <PlayBar {...{ player, shown, model, set }} />
    </section>
  );
}

/** Where it is is no style of the sheet; by the DOM, since styles in markup are forbidden here. */
const placed = (left: number, width?: number) => ({
  left: `${left}%`,
  ...(width === undefined ? {} : { width: `${width}%` }),
});

type BandProps = {
  readonly name: string;
  readonly fault: PageFault;
  readonly percent: (seconds: number) => number;
  readonly elapsed: number;
  readonly children: ComponentChildren;
};

function Band({ name, fault, percent, elapsed, children }: BandProps) {
  const { kind, state, startsAt, endsAt, proof } = fault;
  const end = endsAt ?? Math.max(elapsed, startsAt);
  const done = state === 'active' ? Math.min(elapsed, end) : end;
  const begun = state === 'active' || state === 'over';
  const text = [
    `${clock(startsAt)} to ${endsAt === undefined ? 'until cleared' : clock(endsAt)}`,
    state,
    ...(proof === undefined ? [] : [proof]),
  ].join(', ');
  return (
    <div class="row" data-fault={name} data-state={state}>
      <div class="label">
        <b>{name}</b> <small>{kind}</small>
        {children}
      </div>
      <div class="rail" role="img" aria-label={`${name}, ${kind}: ${text}`} title={text}>
        <i
          class={`planned ${state}`}
          style={placed(percent(startsAt), percent(end) - percent(startsAt))}
        />
        {begun && (
          <i
            class={`done ${state} ${proof ?? ''}`}
            style={placed(percent(startsAt), Math.max(0.6, percent(done) - percent(startsAt)))}
          />
        )}
      </div>
      <span class={`proof ${proof ?? ''}`}>{proof ?? (state === 'over' ? '' : state)}</span>
    </div>
  );
}

function Axis({ until, percent }: { until: number; percent: (seconds: number) => number }) {
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600].find(
    (one) => until / one <= 7,
  );
  const ticks = Array.from({ length: 8 }, (_, i) => i * (step ?? 7_200)).filter((t) => t <= until);
  return (
    <div class="row axis" aria-hidden="true">
      <div class="label" />
      <div class="rail">
        {ticks.map((tick) => (
          <span key={tick} style={placed(percent(tick))}>
            {clock(tick)}
          </span>
        ))}
      </div>
      <span class="proof" />
    </div>
  );
}

function Mark({ left, class: name }: { left: number; class: string }) {
  return (
    <div class="row over" aria-hidden="true">
      <div class="label" />
      <div class="rail">
        <i class={name} style={placed(left)} />
      </div>
      <span class="proof" />
    </div>
  );
}

const speeds = [1, 4, 16];

function PlayBar({ player, shown, model, set }: PanelProps) {
  const last = player.states.length - 1;
  const { playing, speed, at } = model;
  const live = player.mode === 'live' && model.connection !== 'ended';
  const toggle = () => {
    if (playing) set({ playing: false });
    else set({ playing: true, at: shown.index >= last ? 0 : shown.index });
  };
  return (
    <div class="play">
      <button type="button" id="play" onClick={toggle}>
        {playing ? 'Pause' : 'Play'}
      </button>
      <input
        type="range"
        id="moment"
        aria-label="Moment"
        aria-valuetext={`${clock(shown.state.elapsed ?? 0)} from time 0`}
        min={0}
        max={last}
        value={shown.index}
        onInput={(event) => {
          const index = Number(event.currentTarget.value);
          set({ playing: false, at: live && index >= last ? undefined : index });
        }}
      />
      <select
        aria-label="Speed"
        value={String(speed)}
        onChange={(event) => set({ speed: Number(event.currentTarget.value) })}
      >
        {speeds.map((one) => (
          <option key={one} value={String(one)}>{`${one}×`}</option>
        ))}
      </select>
      {live && (
        <button
          type="button"
          class={at === undefined ? 'live on' : 'live'}
          aria-pressed={at === undefined}
          onClick={() => set({ at: undefined, playing: false })}
        >
          Live
        </button>
      )}
    </div>
  );
}
