// Lets a recording go on by itself while it is being played.
import { currentModel, onModel, setModel } from './model.ts';

export function keepPlaying(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  onModel(({ playing, speed }) => {
    if (playing) timer ??= setTimeout(step, 1_000 / speed);
  });
  const step = () => {
    timer = undefined;
    const { player, at, playing } = currentModel();
    if (!playing || player === undefined) return;
    const last = player.states.length - 1;
    const next = (at ?? last) + 1;
    // A run that goes on is followed from its newest state on.
    const isLive = player.mode === 'live' && next >= last;
    setModel({
      at: isLive ? undefined : Math.min(next, last),
      playing: next < last,
    });
  };
}
