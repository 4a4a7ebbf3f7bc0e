// A Testnet as the user wrote it -> spec and plan, or the words that `peerstorm validate` has for
// what is wrong with it.
import type { KindTable } from '../kinds/kind.ts';
import type { Plan } from '../plan/plan.ts';
import { planTestnet } from '../plan/plan-testnet.ts';
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import { acceptTestnet } from '../spec/accept.ts';
import { checkApplied, checkForKubernetes } from '../spec/check-kubernetes.ts';
import type { EdgeList } from '../spec/edge-list.ts';
import type { Testnet } from '../spec/schema.ts';
import { type Acceptance, linesOf } from './known.ts';

/** `edges`: of a spec that has them elsewhere. */
export function acceptanceOf(
  object: TestnetObject,
  kinds: KindTable,
  edges?: EdgeList,
): Acceptance {
  let plan: Plan | undefined;
  const result = acceptTestnet(object, (testnet) => {
    const unfit = [...checkForKubernetes(testnet), ...checkApplied(testnet)];
    if (testnet.spec.topology.edgesFrom?.file !== undefined) return unfit;
    const planned = planTestnet(testnet, kinds, edges);
    plan = planned.plan;
    return [...unfit, ...planned.problems];
  });
  if ('problems' in result) return { problem: linesOf(result.problems) };
  if (plan === undefined) return { problem: 'the spec cannot be planned' };
  return { testnet: result.accepted, plan, ...(edges === undefined ? {} : { edges }) };
}

/** The plan of a spec that was accepted. */
export function planOf(testnet: Testnet, kinds: KindTable, edges?: EdgeList): Plan | undefined {
  return planTestnet(testnet, kinds, edges).plan;
}
