// A fault that is applied to a running testnet: the same rules as in a spec, against its plan.
import { quantity } from '../quantities/quantities.ts';
import { checkFault } from '../spec/check-faults.ts';
import { error, warning } from '../spec/problems.ts';
import type { FaultDocument } from '../spec/schema.ts';
import { conflicts } from './conflicts.ts';
import { placeFault } from './place.ts';
import type { Plan, PlannedFault } from './plan.ts';
import type { PlanProblem } from './problem.ts';
import { type Roster, selectFrom } from './select.ts';
import { lengthOf } from './timeline.ts';

export type AdHoc = {
  readonly name: string;
  /** Milliseconds from time 0 at which the document came. */
  readonly acceptedAtMs: number;
};

/** `at` counts from acceptance; without `for` the fault stays until it is cleared. */
export function planFault(
  plan: Plan,
  fault: FaultDocument['spec'],
  { name, acceptedAtMs }: AdHoc,
): { readonly fault?: PlannedFault; readonly problems: readonly PlanProblem[] } {
  const unsound = checkFault(['spec'], fault, { openEnded: true });
  if (unsound.some(isError)) return { problems: unsound };
  const problems: PlanProblem[] = [...unsound];
  const report = (problem: PlanProblem) => problems.push(problem);
  if (plan.faults.some((planned) => planned.name === name)) {
    report(error(['metadata', 'name'], `${plan.testnet} has a fault ${name} already`));
  }
  const { everybody, ...roster } = rosterOf(plan);
  const select = selectFrom({ ...roster, everybody });
  const path = ['spec'];
  const { kind, ...placed } = placeFault(fault, { fault: name, path, select, report, everybody });
  const clock = { sampleIntervalMs: plan.sampleIntervalMs, durationMs: plan.durationMs };
  const lengthMs = lengthOf(fault.for, { clock, path, report });
  const startMs = acceptedAtMs + quantity('duration', fault.at);
  const end = lengthMs === undefined ? {} : { endMs: startMs + lengthMs };
  const planned: PlannedFault = { name, kind, startMs, ...end, ...placed };
  for (const problem of withoutDials(plan, planned)) report(problem);
  const others = plan.faults.map((other) => ({ path: ['spec', other.kind], fault: other }));
  const before = new Set(conflicts(others).map(({ message }) => message));
  for (const problem of conflicts([...others, { path: ['spec', kind], fault: planned }])) {
    if (!before.has(problem.message)) report(problem);
  }
  return problems.some(isError) ? { problems } : { fault: planned, problems };
}

/** In a spec each attacker gets a dial to each victim; a testnet that runs keeps its dials. */
function withoutDials(
  { nodes }: Plan,
  { victims = [], attackers = [] }: PlannedFault,
): readonly PlanProblem[] {
  const hunters = new Set(attackers);
  const hunted = new Set(nodes.flatMap(({ name, dials }) => (hunters.has(name) ? dials : [])));
  const calling = new Set(
    nodes.filter(({ dials }) => dials.some((peer) => hunters.has(peer))).map(({ name }) => name),
  );
  const alone = victims.filter((victim) => !hunted.has(victim) && !calling.has(victim));
  if (alone.length === 0) return [];
  const who =
    alone.length === 1 ? `${alone[0]} has` : `${alone[0]} and ${alone.length - 1} more have`;
  const message = `adds no dials to a testnet that runs: ${who} none from or to an attacker`;
  return [warning(['spec', 'eclipse'], `${message}, and may be isolated instead of eclipsed`)];
}

function isError({ severity }: PlanProblem): boolean {
  return severity === 'error';
}

function rosterOf(plan: Plan): Roster {
  const roles = new Map(plan.groups.map(({ name, role }) => [name, role]));
  return {
    randomSeed: plan.randomSeed,
    members: plan.nodes.map(({ name, group, index, region }) => ({
      name,
      group,
      index,
      region,
      role: roles.get(group) ?? 'full',
    })),
    everybody: plan.nodes.map(({ name }) => name),
    groups: new Set(roles.keys()),
    regions: new Set(plan.regions),
  };
}
