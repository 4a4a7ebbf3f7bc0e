// What an expectation claimed and what was seen, as one sentence for people.
import type { ExpectationState, Reason } from '../decide/state.ts';
import type { Claim, PlannedExpectation, Window } from '../plan/plan.ts';
import { isThroughout } from './expect.ts';
import type { MetricExpectation } from './value.ts';
import { judgedSpan, type Windows } from './windows.ts';

/** `wanted distinct_tips >= 2 for 3s during split (20s..40s); best seen 1 at 31s` */
export function explain(
  planned: PlannedExpectation,
  state: ExpectationState,
  windows: Windows,
): string {
  const claim = 'log' in planned ? logClaim(planned) : metricClaim(planned, windows);
  const wanted = `wanted ${claim}`;
  if (state.verdict === 'pending') return wanted;
  const outcome = state.verdict === 'passed' ? passed(planned, state) : broken(planned, state);
  return `${wanted}; ${outcome}`;
}

/** What an expectation claims, without its outcome: `distinct_tips == 1 within 1m after split`. */
function metricClaim(planned: MetricExpectation, windows: Windows): string {
  const { metric, aggregate, of, claim } = planned;
  const subject = aggregate === undefined ? metric : `${aggregate} of ${metric}`;
  const nodes = of === undefined ? '' : ` on ${nodesText(of, aggregate !== undefined)}`;
  return `${subject} ${claimText(claim)}${nodes} ${windowText(planned.window, windows)}`;
}

function nodesText(of: readonly string[], folded: boolean): string {
  if (of.length === 1) return `${of[0]}`;
  return folded ? `${of.length} nodes` : `each of ${of.length} nodes`;
}

function logClaim({ log, claim }: Extract<PlannedExpectation, { log: unknown }>): string {
  const of = log.of.length === 1 ? `${log.of[0]}` : `${log.of.length} nodes`;
  return `${claimText(claim)} log lines of ${of} that match "${log.matches}"`;
}

function claimText({ compare, value }: Claim): string {
  return `${compare} ${value}`;
}

function windowText(window: Window, windows: Windows): string {
  const settle = window.kind !== 'at' && window.settleMs > 0 ? seconds(window.settleMs) : undefined;
  const settled = settle === undefined ? '' : ` but the first ${settle}`;
  if (window.kind === 'at') return `at ${seconds(window.atMs)}`;
  if (window.kind === 'always') {
    const except = window.except.length === 0 ? '' : ` except ${window.except.join(', ')}`;
    return `at every sample${except}${settled}`;
  }
  const span = judgedSpan(window, windows);
  const actual =
    span === undefined ? '' : ` (${seconds(span.from)}..${span.to ? seconds(span.to) : ''})`;
  if (window.kind === 'after') {
    const stays = seconds(window.staysMs);
    return `within ${seconds(window.withinMs)} after ${window.fault} for ${stays}${actual}`;
  }
  const how = window.throughout ? 'at every sample of' : `for ${seconds(window.staysMs)} during`;
  return `${how} ${window.fault}${settled}${actual}`;
}

function passed(planned: PlannedExpectation, state: ExpectationState): string {
  if ('log' in planned) return `there were ${state.last ?? 0}`;
  if (planned.window.kind === 'at') return `it was ${state.last}`;
  if (isThroughout(planned)) return `the worst of ${state.samples} samples was ${extreme(state)}`;
  return `it has held since ${seconds(state.since ?? state.at ?? 0)}`;
}

function broken(planned: PlannedExpectation, state: ExpectationState): string {
  return outcomes[state.reason ?? 'violated'](state, 'log' in planned);
}

const outcomes: Readonly<Record<Reason, (state: ExpectationState, log: boolean) => string>> = {
  violated: (state) => `it was ${extreme(state)}`,
  'not-reached': (state) => bestText(state),
  'never-observed': () => 'it was never observed',
  silent: (state) =>
    `${state.node ?? 'a node'} did not answer in 3 samples running, until ${atText(state)}`,
  count: (state) => `there were ${state.last ?? 0}`,
  unsettled: (state, log) => {
    const seen = log ? `there were ${state.last ?? 0}` : bestText(state);
    return `the run's duration ended first, at ${atText(state)}; ${seen}`;
  },
  unobserved: (state) => `there were no samples for too long, until ${atText(state)}`,
  'no-window': () => 'its fault was never seen in force and over',
  aborted: (state) => `the run was ended at ${atText(state)}`,
};

function atText(state: ExpectationState): string {
  return seconds(state.at ?? 0);
}

function bestText(state: ExpectationState): string {
  if (state.samples === 0) return 'it was never observed';
  const name = state.best === undefined ? 'worst' : 'best';
  return `${name} seen ${extreme(state)}`;
}

function extreme(state: ExpectationState): string {
  const value = state.best ?? state.worst;
  const when = state.extremeAt === undefined ? '' : ` at ${seconds(state.extremeAt)}`;
  return `${value}${state.node === undefined ? '' : ` on ${state.node}`}${when}`;
}

/** Always in seconds, as on every axis and in every list of a report; tenths are fine enough. */
function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10}s`;
}
