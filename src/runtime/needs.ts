// What a plan needs of a runtime, compared with what the runtime can do.
import type { Impairment } from '../faults/effect.ts';
import { needsNetem } from '../faults/tc.ts';
import type { Plan, PlannedFault } from '../plan/plan.ts';
import type { Capability, Feature } from './runtime.ts';

type Need = { readonly feature: Feature; readonly because: string };

/** One line for each missing capability: what needs it, why it is missing, what brings it. */
export function missingCapabilities(
  plan: Plan,
  capabilities: readonly Capability[],
): readonly string[] {
  return missing([...planNeeds(plan), ...plan.faults.flatMap(faultNeeds)], capabilities);
}

/** Same, for a fault that is added to a running testnet. */
export function missingForFault(
  fault: PlannedFault,
  capabilities: readonly Capability[],
): readonly string[] {
  return missing(faultNeeds(fault), capabilities);
}

/** Does this need delays that are kept to the millisecond? */
export function declaresTiming(plan: Plan): boolean {
  const impairments = [...plan.base, ...plan.faults.flatMap(({ effects }) => effects)];
  return impairments.some(
    ({ impairment: it }) =>
      it.kind === 'shape' &&
      (it.delayMs !== undefined || it.jitterMs !== undefined || it.rateBitsPerSecond !== undefined),
  );
}

function missing(needs: readonly Need[], capabilities: readonly Capability[]): readonly string[] {
  const lines = new Set<string>();
  for (const { feature, because } of needs) {
    const found = capabilities.filter((capability) => capability.feature === feature);
    // What nobody says anything about is not there.
    if (found.length === 0) lines.add(`${because} needs ${feature}: this runtime does not have it`);
    for (const { ok, host, reason, fix } of found) {
      if (ok) continue;
      lines.add(`${because} needs ${feature}: ${host}: ${reason}${fix ? `; ${fix}` : ''}`);
    }
  }
  return [...lines];
}

function planNeeds(plan: Plan): readonly Need[] {
  const always: readonly Feature[] = ['namespaces', 'nft', 'htb'];
  return [
    ...always.map((feature) => ({ feature, because: 'every testnet' })),
    ...plan.base.flatMap((effect) => impairmentNeeds(effect.impairment, 'a region link')),
    ...plan.groups
      .filter(({ via }) => via === 'dns')
      .map(({ name }) => ({ feature: 'dns' as const, because: `discovery of group ${name}` })),
    ...plan.groups
      .filter(({ resources }) => resources !== undefined)
      .map(({ name }) => ({ feature: 'resources' as const, because: `group ${name}` })),
    ...plan.expectations
      .filter((one) => 'log' in one)
      .map(({ name }) => ({ feature: 'logs' as const, because: `expectation "${name}"` })),
  ];
}

function faultNeeds(fault: PlannedFault): readonly Need[] {
  const because = `fault ${fault.name}`;
  return [
    ...(fault.nodes === undefined ? [] : [{ feature: 'node-faults', because } as const]),
    ...fault.effects.flatMap(({ impairment }) => impairmentNeeds(impairment, because)),
  ];
}

function impairmentNeeds(impairment: Impairment, because: string): readonly Need[] {
  if (impairment.kind !== 'shape') return [];
  const { kind: _, ...shape } = impairment;
  const needs: Need[] = [];
  if (needsNetem(shape)) needs.push({ feature: 'netem', because });
  if (shape.duplicateRatio !== undefined) needs.push({ feature: 'netem-duplicate', because });
  return needs;
}
