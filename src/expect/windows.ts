// When a claim is judged. Windows of faults are the actual ones, from enforcement to heal; the
// planned times bound them, because the news of a heal may come after the next sample.
import type { FaultState, RunState } from '../decide/state.ts';
import type { Plan, Window } from '../plan/plan.ts';

/** Milliseconds from time 0. */
export type FaultWindow = {
  readonly planned: { readonly start: number; readonly end?: number };
  /** Seen in force / gone; absent: not yet. */
  readonly start?: number;
  readonly end?: number;
  /** Given up: nothing more will be seen of it. */
  readonly lost?: true;
};
export type Windows = ReadonlyMap<string, FaultWindow>;

/** A stretch of time without holes; no end: it is still open. */
export type Span = { readonly from: number; readonly to?: number };

/** The windows of the faults of a run. */
export function windowsOf(plan: Plan, state: RunState): Windows {
  const { t0 } = state;
  if (t0 === undefined) return new Map();
  return new Map(
    plan.faults.flatMap((fault) => {
      const known = state.faults[fault.name];
      return known === undefined
        ? []
        : [[fault.name, faultWindow(known, { t0, restart: fault.kind === 'restart' })]];
    }),
  );
}

function faultWindow(
  fault: FaultState,
  { t0, restart }: { readonly t0: number; readonly restart: boolean },
): FaultWindow {
  // A restart's window opens when it is due, whenever its nodes go down.
  const start = restart && fault.enforced !== undefined ? fault.start : fault.enforced;
  return {
    planned: {
      start: fault.start - t0,
      ...(fault.end !== undefined && { end: fault.end - t0 }),
    },
    ...(start !== undefined && { start: start - t0 }),
    ...(fault.healed !== undefined && { end: fault.healed - t0 }),
    ...(fault.lost === true && { lost: true }),
  };
}

/** The samples that a window takes in: the first and, once known, the last moment. */
export function judgedSpan(window: Window, windows: Windows): Span | undefined {
  if (window.kind === 'at') return { from: window.atMs };
  if (window.kind === 'always') return { from: window.settleMs };
  const fault = windows.get(window.fault);
  if (window.kind === 'after') {
    if (fault?.end === undefined) return undefined;
    const deadline = fault.end + window.withinMs;
    return { from: fault.end + window.settleMs, to: deadline + window.staysMs };
  }
  if (fault?.start === undefined) return undefined;
  const ends = [fault.end, fault.planned.end].filter((end) => end !== undefined);
  return {
    from: fault.start + window.settleMs,
    ...(ends.length > 0 && { to: Math.min(...ends) }),
  };
}

/** Whether the fault of the window is over, so that no sample of it can be missing any more. */
export function closed(window: Window, windows: Windows): boolean {
  if (window.kind !== 'during') return true;
  const fault = windows.get(window.fault);
  return fault?.end !== undefined || fault?.lost === true;
}

/** A window that will never open, because nothing was seen of its fault. */
export function neverOpens(window: Window, windows: Windows): boolean {
  const waits = window.kind === 'during' || window.kind === 'after';
  return waits && windows.get(window.fault)?.lost === true;
}

/** The stretches that `always` leaves out. */
export function exceptions(window: Window, windows: Windows): readonly Span[] {
  if (window.kind !== 'always') return [];
  return window.except.flatMap((name) => {
    const fault = windows.get(name);
    if (fault === undefined) return [];
    const from = Math.min(fault.planned.start, fault.start ?? fault.planned.start);
    return [{ from, ...(fault.end !== undefined && { to: fault.end + window.settleMs }) }];
  });
}

export function within(span: Span, t: number): boolean {
  return t >= span.from && (span.to === undefined || t <= span.to);
}

/** How much of `stretch` lies in `span` and in none of the exceptions. */
export function uncovered(
  stretch: { readonly from: number; readonly to: number },
  span: Span,
  left: readonly Span[],
): number {
  const end = Math.min(stretch.to, span.to ?? stretch.to);
  let from = Math.max(stretch.from, span.from);
  let total = 0;
  for (const exception of left.toSorted((a, b) => a.from - b.from)) {
    if (exception.from >= end) break;
    total += Math.max(0, exception.from - from);
    from = Math.max(from, exception.to ?? end);
  }
  return total + Math.max(0, end - from);
}
