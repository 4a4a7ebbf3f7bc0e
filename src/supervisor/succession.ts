// What is special about a run that goes on under another process, or under another plan.
import { targetsOf } from '../observe/targets.ts';
import type { Running } from './run.ts';

const pollMs = 200;
/** Who has not answered by then is silent. */
const answersWithinMs = 3_000;

/** What nobody has looked at yet is not gone: a successor waits for its first look at the world. */
export async function firstLook(running: Running, signal: AbortSignal): Promise<void> {
  while (!running.seen && running.stop === undefined && !signal.aborted) {
    await running.clock.sleep(pollMs, signal);
  }
}

/** Nobody has been asked yet: a sample now would say that all are silent. */
export async function firstAnswers(
  running: Running,
  look: (running: Running) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, sampler } = running;
  const until = clock.now() + answersWithinMs;
  while (!signal.aborted && running.stop === undefined && clock.now() < until) {
    // It says whom to ask.
    look(running);
    const up = [...running.world.nodes].filter(([, { phase }]) => phase === 'running');
    if (up.every(([name]) => sampler.answer(name) !== undefined)) return;
    await clock.sleep(pollMs, signal);
  }
}

/** What runs stays as it was launched; who joins is launched by the new plan. */
export function takeNextPlan(running: Running): void {
  const { nextPlan, state } = running;
  if (nextPlan === undefined) return;
  for (const [name, target] of targetsOf(nextPlan, running)) {
    if (!running.targets.has(name)) running.targets.set(name, target);
  }
  running.plan = nextPlan;
  running.logWatch.follow(nextPlan.expectations);
  running.nextPlan = undefined;
  running.state = { ...state, generation: state.generation + 1 };
}
