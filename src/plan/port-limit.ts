// Rates and bursts have a state, so each ordered pair needs a traffic class of its own on the port
// of the receiver, and a port has room for so many. Faults that only together ask for too many are
// found by the compiler of rules.
import type { PlacedEffect } from '../faults/effect.ts';
import { maxClassesOnPort } from '../faults/shaping.ts';
import type { NodeName } from '../names.ts';

/** Why these effects do not fit, or undefined. `effects` hit no pair twice. */
export function tooManyClasses(effects: readonly PlacedEffect[]): string | undefined {
  const senders = new Map<readonly NodeName[], number>();
  for (const { from, to, impairment } of effects) {
    if (impairment.kind !== 'shape') continue;
    if (impairment.rateBitsPerSecond === undefined && impairment.burst === undefined) continue;
    const sources = new Set(from);
    // A node does not send to itself.
    const own = to.every((name) => sources.has(name)) ? 1 : 0;
    senders.set(to, (senders.get(to) ?? 0) + from.length - own);
  }
  const most = senders.values().reduce((a, b) => Math.max(a, b), 0);
  if (most <= maxClassesOnPort) return undefined;
  return (
    `rate and burst are per ordered pair: ${most} nodes would send to one, ` +
    `at most ${maxClassesOnPort} can`
  );
}
