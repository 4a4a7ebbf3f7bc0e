// The stream of the server: a recording, then what happens. The browser connects again by itself
// when the connection breaks, and then begins with a new recording.
import type { Frame, Recording } from '../src/web/state.ts';
import { currentModel, setModel } from './model.ts';
import { createPlayer } from './player.ts';

export function connect(): void {
  const stream = new EventSource('./events');
  let ended = false;
  const on = <T>(name: string, handle: (data: T) => void) =>
    stream.addEventListener(name, ({ data }: MessageEvent<string>) =>
      handle(JSON.parse(data) as T),
    );
  on<Recording>('recording', (recording) => {
    const player = createPlayer(recording);
    const begins = recording.mode === 'replay' && currentModel().player === undefined;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    setModel({ player, connection: 'open', ...(begins && { at: 0, playing: !still }) });
  });
  on<Frame>('frame', (frame) => {
    const { player } = currentModel();
    player?.add(frame);
    setModel({ connection: 'open' });
  });
  on('end', () => {
    ended = true;
    stream.close();
    setModel({ connection: 'ended' });
  });
  stream.addEventListener('error', () => {
    if (!ended) setModel({ connection: 'lost' });
  });
}

export async function logOf(node: string): Promise<readonly string[]> {
  const response = await fetch(`./logs/${encodeURIComponent(node)}`);
  if (!response.ok) throw new TypeError(await response.text());
  return (await response.json()) as readonly string[];
}

/** Gives the name of the fault. */
export async function applyFault(document: unknown): Promise<string> {
  return await change('./faults', { method: 'POST', body: JSON.stringify(document) });
}

/** All of them without a name; gives the names of those that were. */
export async function clearFaults(name?: string): Promise<readonly string[]> {
  return await change(name === undefined ? './faults' : `./faults/${name}`, { method: 'DELETE' });
}

async function change<T>(path: string, request: RequestInit): Promise<T> {
  const response = await fetch(path, request);
  if (!response.ok) throw new TypeError((await response.text()).trim());
  return (await response.json()) as T;
}
