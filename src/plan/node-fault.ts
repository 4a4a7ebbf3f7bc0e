// Faults on nodes themselves: kill, pause, restart.
import { quantity } from '../quantities/quantities.ts';
import type { Fault } from '../spec/schema.ts';
import type { FaultPlace, Placed } from './place.ts';

export function placeKill(kill: NonNullable<Fault['kill']>, place: FaultPlace): Placed {
  return onNodes(place, kill, { action: 'kill', signal: kill.signal, downtimeMs: 0 });
}

export function placePause(pause: NonNullable<Fault['pause']>, place: FaultPlace): Placed {
  return onNodes(place, pause, { action: 'pause', signal: 'SIGSTOP', downtimeMs: 0 });
}

export function placeRestart(restart: NonNullable<Fault['restart']>, place: FaultPlace): Placed {
  const downtimeMs = quantity('duration', restart.downtime);
  return onNodes(place, restart, { action: 'restart', signal: restart.signal, downtimeMs });
}

type Action = Omit<NonNullable<Placed['nodes']>, 'targets'>;

function onNodes(
  { path, fault, select, report }: FaultPlace,
  { targets }: Pick<NonNullable<Fault['pause']>, 'targets'>,
  action: Action,
): Placed {
  const place = { path: [...path, 'targets'], draw: [fault, 'targets'] };
  return { effects: [], nodes: { ...action, targets: select(targets, place, report) } };
}
