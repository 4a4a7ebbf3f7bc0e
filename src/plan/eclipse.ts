// An eclipse in network mode: each victim exchanges packets with attackers only. Packets to and
// from everybody else are dropped, other victims included. The attackers get a dial to each
// victim, so that they are its peers (the plan adds it to their dials).
import { error } from '../spec/problems.ts';
import type { Fault } from '../spec/schema.ts';
import type { FaultPlace, Placed } from './place.ts';

export function placeEclipse(
  eclipse: NonNullable<Fault['eclipse']>,
  { path, fault, select, report, everybody }: FaultPlace,
): Placed {
  const choose = (which: 'victims' | 'attackers') =>
    select(eclipse[which], { path: [...path, which], draw: [fault, which] }, report);
  const [victims, attackers] = [choose('victims'), choose('attackers')];
  if (victims.length === 0 || attackers.length === 0) return { effects: [] };
  const [hunters, prey] = [new Set(attackers), new Set(victims)];
  const both = victims.filter((name) => hunters.has(name));
  if (both.length > 0) {
    const also = both.length > 1 ? ` and ${both.length - 1} more` : '';
    report(error([...path, 'victims'], `${both[0]}${also} cannot be victim and attacker at once`));
    return { effects: [], victims, attackers };
  }
  const honest = everybody.filter((name) => !hunters.has(name));
  const bystanders = honest.filter((name) => !prey.has(name));
  if (honest.length < 2) {
    report(error(path, 'cuts nothing: there is nobody but the victim and its attackers'));
    return { effects: [], victims, attackers };
  }
  const drop = { fault, impairment: { kind: 'drop' } } as const;
  const inward = bystanders.length === 0 ? [] : [{ ...drop, from: bystanders, to: victims }];
  return { effects: [{ ...drop, from: victims, to: honest }, ...inward], victims, attackers };
}
