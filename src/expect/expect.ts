// Expectations as reducers: each takes one sample after the other and keeps a handful of numbers,
// so nothing must be replayed when a supervisor is killed and started again. A claim settles once,
// as passed, failed, or error when it could not be judged. What was never observed never passes.
// `at`, `during` and `after` settle in the course of the run; `always` and log counts pass only at
// its end. A gap in the samples breaks every streak, and one of more than 10 s (60 s where contact
// may be lost for so long) inside an always or throughout window makes it an error.
import type { ExpectationState, Reason } from '../decide/state.ts';
import type { Sample } from '../network/sample.ts';
import type { PlannedExpectation } from '../plan/plan.ts';
import { favour, holds, type MetricExpectation, type Reading, read, silentNode } from './value.ts';
import {
  closed,
  exceptions,
  judgedSpan,
  neverOpens,
  type Span,
  uncovered,
  type Windows,
  within,
} from './windows.ts';

/** A tick as an expectation sees it. */
export type Look = {
  /** Milliseconds from time 0. */
  readonly t: number;
  /** Absent when there was none in this tick. */
  readonly sample?: Sample;
  /** Of the sample before; absent: none yet, counting starts at time 0. */
  readonly previous?: number;
  readonly windows: Windows;
  readonly logCounts: Readonly<Record<string, number>>;
  /** Between two samples, as planned. */
  readonly intervalMs: number;
  /** How long samples may be missing in a window; default 10 s. */
  readonly contactLossMs?: number;
};

/** Why a run ends: all is settled, spec.duration, or something that cut it short. */
export type Ending = 'settled' | 'duration' | 'aborted';

/** A longer gap is recorded, and breaks what has to hold for a while: three missed samples. */
export function gapMs(intervalMs: number): number {
  return 3 * intervalMs;
}

/** A longer gap leaves a claim unjudged. */
function gapLimitMs({ intervalMs, contactLossMs = 10_000 }: Look): number {
  return Math.max(contactLossMs, 5 * intervalMs);
}

export function openExpectation(_planned: PlannedExpectation): ExpectationState {
  return { verdict: 'pending', samples: 0 };
}

export function step(
  planned: PlannedExpectation,
  state: ExpectationState,
  look: Look,
): ExpectationState {
  if (state.verdict !== 'pending') return state;
  if ('log' in planned) return stepLog(planned, state, look);
  const span = judgedSpan(planned.window, look.windows);
  if (span === undefined) {
    const never = neverOpens(planned.window, look.windows);
    return never ? settled(state, 'no-window', look.t) : state;
  }
  if (missed(planned, span, look)) return settled(state, 'unobserved', look.t);
  const { sample } = look;
  if (sample === undefined) return state;
  if (!within(span, sample.t)) {
    const over = sample.t > span.from && closed(planned.window, look.windows);
    return over ? endWindow(planned, state, { t: sample.t, span }) : state;
  }
  if (exceptions(planned.window, look.windows).some((left) => within(left, sample.t))) return state;
  const continuous = sample.t - (look.previous ?? sample.t) <= gapMs(look.intervalMs);
  return judge(planned, state, { sample, span, continuous });
}

/** Settles what is still open when the run ends. */
export function close(
  planned: PlannedExpectation,
  state: ExpectationState,
  end: Look & { readonly ending: Ending },
): ExpectationState {
  if (state.verdict !== 'pending') return state;
  if (end.ending === 'aborted') return settled(state, 'aborted', end.t);
  if ('log' in planned) return closeLog(planned, state, end);
  const span = judgedSpan(planned.window, end.windows);
  if (span === undefined) {
    const due = planned.window.kind !== 'during' && planned.window.kind !== 'after';
    return settled(state, due ? 'never-observed' : 'no-window', end.t);
  }
  const { sample: _, ...unsampled } = end;
  if (missed(planned, span, unsampled)) return settled(state, 'unobserved', end.t);
  const over = span.to !== undefined && end.t >= span.to && closed(planned.window, end.windows);
  return over || planned.window.kind === 'always'
    ? endWindow(planned, state, { t: end.t, span })
    : settled(state, 'unsettled', end.t);
}

/** Must it hold at every sample of its window? */
export function isThroughout({ window }: MetricExpectation): boolean {
  return window.kind === 'always' || (window.kind === 'during' && window.throughout);
}

type Judged = { readonly sample: Sample; readonly span: Span; readonly continuous: boolean };

function judge(
  planned: MetricExpectation,
  state: ExpectationState,
  { sample, span, continuous }: Judged,
): ExpectationState {
  const every = isThroughout(planned);
  const silent = every ? silentNode(planned, sample) : undefined;
  if (silent !== undefined) return settled({ ...state, node: silent }, 'silent', sample.t);
  const reading = read(planned, sample, span.from);
  const { since: _, ...broken } = state;
  if (reading.value === undefined) {
    return planned.window.kind === 'at' ? settled(state, 'never-observed', sample.t) : broken;
  }
  const noted = note(planned, broken, { reading, value: reading.value, t: sample.t });
  if (planned.window.kind === 'at' || every) {
    if (!reading.holds) return settled(noted, 'violated', sample.t);
    return planned.window.kind === 'at' ? settled(noted, 'passed', sample.t) : noted;
  }
  if (!reading.holds)
    return missedDeadline(planned, span, sample.t) ? fail(noted, sample.t) : noted;
  const since = continuous ? (state.since ?? sample.t) : sample.t;
  if (missedDeadline(planned, span, since)) return fail(noted, sample.t);
  return sample.t - since >= staysOf(planned)
    ? settled({ ...noted, since }, 'passed', sample.t)
    : { ...noted, since };
}

function fail(state: ExpectationState, t: number): ExpectationState {
  return settled(state, 'not-reached', t);
}

/** `after`: it has to become true within its time; staying so may take longer. */
function missedDeadline(planned: MetricExpectation, span: Span, since: number): boolean {
  const { window } = planned;
  return window.kind === 'after' && since > (span.to ?? since) - window.staysMs;
}

function staysOf({ window }: MetricExpectation): number {
  return window.kind === 'during' || window.kind === 'after' ? window.staysMs : 0;
}

/** The window has passed and nothing in it has settled the claim. */
function endWindow(
  planned: MetricExpectation,
  state: ExpectationState,
  { t, span }: { readonly t: number; readonly span: Span },
): ExpectationState {
  if (state.samples === 0) return settled(state, 'never-observed', t);
  if (isThroughout(planned)) return settled(state, 'passed', t);
  // It held at the last sample: so it did until the window's end.
  const held = state.since === undefined ? -1 : (span.to ?? t) - state.since;
  return settled(state, held >= staysOf(planned) ? 'passed' : 'not-reached', t);
}

/** Were there too few samples to judge the window? */
function missed(planned: MetricExpectation, span: Span, look: Look): boolean {
  const from = look.previous ?? 0;
  const to = look.sample?.t ?? look.t;
  const limit = gapLimitMs(look);
  if (planned.window.kind === 'at') {
    return to - span.from > (look.sample === undefined ? limit : gapMs(look.intervalMs));
  }
  if (to - from <= limit) return false;
  const lost = uncovered({ from, to }, span, exceptions(planned.window, look.windows));
  const over = span.to !== undefined && to > span.to;
  const tooMuch = lost > limit || (lost > 0 && over && from <= span.from);
  // A claim that needs to hold once may still do so while its window is open.
  return tooMuch && (over || isThroughout(planned));
}

function note(
  planned: MetricExpectation,
  state: ExpectationState,
  seen: { readonly reading: Reading; readonly value: number; readonly t: number },
): ExpectationState {
  const value = Number(seen.value.toPrecision(9));
  const rank = (one: number | undefined): number =>
    one === undefined ? Number.NaN : favour(planned.claim, one);
  const worst = !(rank(state.worst) <= rank(value));
  const best = !(rank(state.best) >= rank(value));
  const once = !isThroughout(planned) && planned.window.kind !== 'at';
  return {
    ...state,
    samples: state.samples + 1,
    last: value,
    ...(worst && { worst: value }),
    ...(once && best && { best: value }),
    ...((once ? best : worst) && {
      extremeAt: Math.round(seen.t),
      ...(seen.reading.node !== undefined && { node: seen.reading.node }),
    }),
  };
}

type LogExpectation = Extract<PlannedExpectation, { readonly log: unknown }>;

/** Counts only grow: one that is too large already will not become right. */
function stepLog(planned: LogExpectation, state: ExpectationState, look: Look): ExpectationState {
  const count = look.logCounts[planned.name];
  if (count === undefined) return state;
  const { compare, value } = planned.claim;
  const tooMany =
    compare === '<' ? count >= value : (compare === '<=' || compare === '==') && count > value;
  const counted = { ...state, samples: state.samples + 1, last: count };
  return tooMany ? settled(counted, 'count', look.t) : counted;
}

function closeLog(planned: LogExpectation, state: ExpectationState, end: Look): ExpectationState {
  const count = end.logCounts[planned.name] ?? state.last;
  if (count === undefined) return settled(state, 'never-observed', end.t);
  const outcome = holds(planned.claim, count) ? 'passed' : 'count';
  return settled({ ...state, last: count }, outcome, end.t);
}

const errors: ReadonlySet<Reason> = new Set(['unobserved', 'no-window', 'aborted']);

function settled(state: ExpectationState, outcome: Reason | 'passed', t: number): ExpectationState {
  const at = Math.round(t);
  if (outcome === 'passed') return { ...state, verdict: 'passed', at };
  return { ...state, verdict: errors.has(outcome) ? 'error' : 'failed', at, reason: outcome };
}
