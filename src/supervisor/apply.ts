// Puts decisions into the world. Level-triggered: the whole desired set is handed over whenever it
// or the world has changed, one at a time; what is asked twice does nothing the second time.
import type { Decision } from '../decide/decide.ts';
import type { PlacedEffect } from '../faults/effect.ts';
import type { Launch } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import type { Target } from '../observe/observer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { DesiredNode, Runtime, World } from '../runtime/runtime.ts';
import { isPassing } from './passing.ts';

export interface Applier {
  /** Starts what is needed and returns; the schedule of faults is handed over before it does. */
  apply(decision: Decision, world: World): Promise<void>;
  /** The first thing that could not be done. */
  problem(): unknown;
}

type ApplierDependencies = {
  readonly runtime: Runtime;
  readonly targets: ReadonlyMap<NodeName, Target>;
  /** Region links, in force throughout. */
  readonly base: () => readonly PlacedEffect[];
  readonly leaseSeconds: number;
  readonly clock: Clock;
  /**
   * Where the enforcers are out of reach at times: a tick waits no longer than that for them, and
   * what did not reach them is repeated.
   */
  readonly patienceMs?: number | undefined;
};

export function createApplier(deps: ApplierDependencies, signal: AbortSignal): Applier {
  const { runtime, targets, clock, patienceMs } = deps;
  const launches = new Map<NodeName, Launch>();
  const launchOf = (name: NodeName): Launch => {
    const known = launches.get(name);
    if (known) return known;
    const target = targets.get(name);
    if (target === undefined) throw new TypeError(`${name} is not in the plan`);
    const launch = target.kind.launch(target.context);
    launches.set(name, launch);
    return launch;
  };
  const enforcement = createEnforcement(deps, signal);
  let problem: unknown;
  let applied = { desired: '', world: undefined as World | undefined };
  let busy = false;

  const ensure = async (nodes: readonly DesiredNode[]) => {
    busy = true;
    try {
      await runtime.ensure(nodes, signal);
    } catch (error) {
      problem ??= error;
    } finally {
      busy = false;
    }
  };
  return {
    apply: async (decision, world) => {
      const { schedule } = decision;
      await patiently(enforcement.follow(schedule), { clock, patienceMs });
      const desired = JSON.stringify([...decision.desired]);
      if (busy || (desired === applied.desired && world === applied.world)) return;
      applied = { desired, world };
      const nodes = [...decision.desired].map(([name, wanted]) => ({
        name,
        ...wanted,
        launch: launchOf(name),
      }));
      void ensure(nodes);
    },
    problem: () => problem ?? enforcement.problem(),
  };
}

/** Hands over each generation once, as soon as it is taken. */
function createEnforcement(
  { runtime, base, leaseSeconds, patienceMs }: ApplierDependencies,
  signal: AbortSignal,
) {
  let generation = -1;
  let enforcing = false;
  let problem: unknown;
  return {
    problem: () => problem,
    follow: async (schedule: Decision['schedule']): Promise<void> => {
      if (schedule.generation === generation || enforcing) return;
      enforcing = true;
      try {
        await runtime.enforce({ ...schedule, leaseSeconds, base: base() }, signal);
        ({ generation } = schedule);
      } catch (error) {
        if (patienceMs !== undefined && isPassing(error)) return;
        problem ??= error;
        ({ generation } = schedule);
      } finally {
        enforcing = false;
      }
    },
  };
}

async function patiently(
  work: Promise<void>,
  { clock, patienceMs }: Pick<ApplierDependencies, 'clock' | 'patienceMs'>,
): Promise<void> {
  if (patienceMs === undefined) return await work;
  const over = new AbortController();
  await Promise.race([work, clock.sleep(patienceMs, over.signal)]);
  over.abort();
}
