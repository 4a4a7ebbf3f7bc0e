// What a plan needs and this machine lacks, programs included: found before anything starts.
import { messageOf } from '../../errors.ts';
import type { KindTable } from '../../kinds/kind.ts';
import type { Plan } from '../../plan/plan.ts';
import { missingCapabilities } from '../needs.ts';
import type { Capability } from '../runtime.ts';
import { findProgram } from './programs.ts';

/** One line for each; none if the plan can run here. */
export async function missingHere(
  plan: Plan,
  options: { readonly kinds: KindTable; readonly capabilities: readonly Capability[] },
): Promise<readonly string[]> {
  const missing = [...missingCapabilities(plan, options.capabilities)];
  for (const { kind, config, name } of plan.groups) {
    const programs = options.kinds.get(kind)?.programs?.(config) ?? [];
    for (const program of programs.filter((each) => !each.startsWith('node:'))) {
      await findProgram(program).catch((error: unknown) => {
        missing.push(`group ${name}: ${messageOf(error)}`);
      });
    }
  }
  return missing;
}
