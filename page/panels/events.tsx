// What has happened, the newest first.
import type { PanelProps } from './props.ts';

const most = 80;

export function Events({ player, shown, model }: PanelProps) {
  const known = player.events.filter(({ frame }) => frame <= shown.index);
  const newest = known.slice(-most).toReversed();
  return (
    <section class="panel" aria-labelledby="events">
      <h2 id="events">Events {known.length > most && <small>the newest {most}</small>}</h2>
      <ol class="events" aria-busy={model.playing}>
        {newest.map(({ t, event, message }, index) => (
          <li key={known.length - index} class={toneOf(event)}>
            <time>{t === undefined ? 'start' : `${t.toFixed(1)} s`}</time>
            <span>{message}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function toneOf(event: string): string {
  if (/failed|unproved|problem|^error|inconclusive/.test(event)) return 'failed';
  if (/passed|proved|ready/.test(event)) return 'passed';
  return /fault/.test(event) ? 'fault' : '';
}
