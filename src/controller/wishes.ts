// Follows what a user wishes of a run by annotations of its Testnet: that it ends, that faults end.
// What was done already is not done again, so it does not matter how often they are read.
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import { clearWished, stopWished } from '../session/wishes.ts';
import { clearFault } from './fault-objects.ts';
import type { ReconcilerDependencies } from './known.ts';
import type { TestnetRun } from './testnet-run.ts';

export async function followWishes(
  { clock }: Pick<ReconcilerDependencies, 'clock'>,
  run: TestnetRun,
  object: TestnetObject,
): Promise<void> {
  const stop = stopWished(object);
  // What it means for the verdict that its user wants no more of it, the run knows itself.
  if (stop !== undefined) await run.session.down(stop.code === 'DOWN' ? undefined : stop);
  for (const fault of clearWished(object)) {
    const { plan, cleared } = run.course();
    if (cleared.has(fault) || !plan.faults.some(({ name }) => name === fault)) continue;
    await clearFault(run, fault, clock.now());
  }
}
