// A run on the memory runtime: the same loop on virtual time, inside this process.

import type { RunState } from '../decide/state.ts';
import { fail } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import { startObserver } from '../observe/observer.ts';
import { dutiesOf, targetsOf } from '../observe/targets.ts';
import type { Plan } from '../plan/plan.ts';
import type { Clock } from '../runtime/clock.ts';
import { openMemory } from '../runtime/memory/memory.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import { missingCapabilities } from '../runtime/needs.ts';
import type { Capability, Runtime } from '../runtime/runtime.ts';
import type { Session } from '../session/session.ts';
import { sessionOf } from './backend.ts';
import type { Journal } from './journal.ts';
import type { RunOptions } from './options.ts';
import { reportNodes } from './report-nodes.ts';
import { type ObservationHandlers, startRun } from './run.ts';

/** `during` is called with the session once the run has begun, on the run's own virtual time. */
export async function runInMemory(
  plan: Plan,
  options: Pick<RunOptions, 'keep' | 'failFast' | 'timeoutMs' | 'specFile' | 'versions'>,
  hooks: {
    readonly journal: Journal;
    readonly during?: (world: MemoryWorld) => Promise<void>;
    /** What the nodes write, which simulated ones do not. */
    readonly logs?: (clock: Clock) => Runtime['logs'];
  },
): Promise<RunState> {
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const { journal } = hooks;
  await using simulated = openMemory(plan, clock);
  const runtime = { ...simulated, ...(hooks.logs && { logs: hooks.logs(clock) }) };
  const found = await runtime.capabilities(AbortSignal.timeout(1_000));
  const capabilities = found.map((one) =>
    one.feature === 'logs' && hooks.logs ? { ...one, ok: true } : one,
  );
  refuseWhatIsNotSimulated(plan, capabilities);
  const startedAt = new Date(clock.now()).toISOString();
  const { specFile, versions, keep, failFast, timeoutMs } = options;
  const { running, done } = startRun({
    plan,
    kinds,
    runtime,
    runtimeName: 'memory',
    version: versions['peerstorm'] ?? '',
    capabilities,
    clock,
    journal,
    guards: noGuards,
    dataDirectory,
    observe: observeIn(plan, runtime, clock),
    keep,
    failFast,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const world = { session: sessionOf(running), crash: simulated.crash.bind(simulated), clock };
  const during = hooks.during?.(world) ?? Promise.resolve();
  const state = await clock.run(Promise.all([done, during]).then(([ended]) => ended));
  journal.replace('nodes', reportNodes(running));
  journal.replace('run', {
    runtime: 'memory',
    specFile,
    startedAt,
    versions,
    ...(state.t0 === undefined ? {} : { readyAt: new Date(state.t0).toISOString() }),
    endedAt: new Date(clock.now()).toISOString(),
  });
  return state;
}

const dataDirectory = (node: string) => `/data/${node}`;

function observeIn(plan: Plan, runtime: Pick<Runtime, 'request'>, clock: Clock) {
  const targets = targetsOf(plan, { kinds, dataDirectory });
  return (handlers: ObservationHandlers, signal: AbortSignal) =>
    startObserver(
      {
        targets,
        dutiesOf: dutiesOf(targets),
        ask: (node, request, stop) => runtime.request(node, request, stop),
        clock,
        intervalMs: plan.sampleIntervalMs,
        randomSeed: plan.randomSeed,
        onObservation: handlers.onObservation,
        onFailure: (node, error) => handlers.onFailure(node, String(error)),
      },
      signal,
    );
}

/** Only reference nodes have a simulation. */
function refuseWhatIsNotSimulated(plan: Plan, capabilities: readonly Capability[]): void {
  const others = plan.groups.filter(({ kind }) => kind !== 'reference');
  const missing = [
    ...others.map(({ name, kind }) => `group ${name}: nodes of kind ${kind} cannot be simulated`),
    ...missingCapabilities(plan, capabilities),
  ];
  if (missing.length > 0) throw fail('CAPABILITY_MISSING', missing.join('\n'));
}

export type MemoryWorld = {
  readonly session: Session;
  readonly crash: ReturnType<typeof openMemory>['crash'];
  readonly clock: ReturnType<typeof virtualClock>;
};

/** Virtual time cannot be late, nor the machine too busy for it. */
const noGuards = {
  read: () => ({ eventLoopP99Seconds: 0 }),
  results: () => [],
  [Symbol.dispose]: () => {},
};
