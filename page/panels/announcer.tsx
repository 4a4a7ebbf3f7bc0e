// Says what matters to those who do not see it: verdicts, and faults that begin and end.
import type { PanelProps } from './props.ts';

export function Announcer({ player, shown }: PanelProps) {
  const newest = player.events.findLast(
    ({ event, frame }) => frame <= shown.index && /^(?:fault|expectation|ready|ended)/.test(event),
  );
  return (
    <p class="hidden" role="status" aria-live="polite">
      {newest?.message ?? ''}
    </p>
  );
}
