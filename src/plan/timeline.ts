// Faults of a spec -> the timeline of the plan: absolute windows from time 0, targets drawn.
import { formatDuration, quantity } from '../quantities/quantities.ts';
import { error, type Path } from '../spec/problems.ts';
import type { Fault } from '../spec/schema.ts';
import { conflicts } from './conflicts.ts';
import { type FaultPlace, placeFault } from './place.ts';
import type { PlannedFault } from './plan.ts';
import type { Report } from './problem.ts';

export type Clock = {
  readonly sampleIntervalMs: number;
  /** Of the run; undefined if it ends by itself. */
  readonly durationMs: number | undefined;
};

type Faults = {
  readonly path: Path;
  readonly clock: Clock;
  readonly report: Report;
} & Pick<FaultPlace, 'select' | 'everybody'>;

/** In the order of the spec. */
export function planFaults(faults: readonly Fault[], context: Faults): readonly PlannedFault[] {
  const planned = faults.map((fault, at) => {
    const path = [...context.path, at];
    const { name } = fault;
    const { kind, ...placed } = placeFault(fault, { ...context, fault: name, path });
    const window = windowOf(fault, { ...context, path });
    return { path: [...path, kind], fault: { name, kind, ...window, ...placed } };
  });
  for (const problem of conflicts(planned)) context.report(problem);
  return planned.map(({ fault }) => fault);
}

type Place = { readonly path: Path; readonly clock: Clock; readonly report: Report };

function windowOf(fault: Fault, place: Place): Pick<PlannedFault, 'startMs' | 'endMs'> {
  const { path, clock, report } = place;
  const startMs = quantity('duration', fault.at);
  const lengthMs = lengthOf(fault.for, place);
  const downMs = quantity('duration', fault.restart?.downtime ?? '0s');
  const overMs = startMs + (lengthMs ?? downMs);
  const { durationMs } = clock;
  if (durationMs !== undefined && (startMs >= durationMs || overMs > durationMs)) {
    const late = startMs >= durationMs;
    const window = late ? `starts at ${fault.at}` : `ends at ${formatDuration(overMs)}`;
    const message = `${window}, but the run ends at ${formatDuration(durationMs)} (duration)`;
    report(error([...path, late || lengthMs === undefined ? 'at' : 'for'], message));
  }
  return { startMs, ...(lengthMs === undefined ? {} : { endMs: startMs + lengthMs }) };
}

/** How long a fault lasts; undefined for what is over when it is done, or until it is cleared. */
export function lengthOf(text: string | undefined, place: Place): number | undefined {
  if (text === undefined) return undefined;
  const lengthMs = quantity('duration', text);
  const { sampleIntervalMs } = place.clock;
  if (lengthMs < sampleIntervalMs) {
    const sample = formatDuration(sampleIntervalMs);
    const message = `is shorter than one sample, got ${text}, at least ${sample}`;
    place.report(error([...place.path, 'for'], message));
  }
  return lengthMs;
}
