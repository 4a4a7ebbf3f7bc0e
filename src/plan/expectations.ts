// Expectations of a spec -> claims of the plan: windows in milliseconds with their defaults filled
// in, the nodes they speak of drawn, comparisons parsed. What cannot be judged is found here: a
// metric or fault that is not there, a window without a sample.
import { networkMetrics, nodeMetrics } from '../metrics/observed.ts';
import type { NodeName } from '../names.ts';
import { formatDuration, quantity } from '../quantities/quantities.ts';
import { error, type Path, warning } from '../spec/problems.ts';
import type { Expectation } from '../spec/schema.ts';
import { parseClaim } from './claim.ts';
import type { PlannedExpectation, PlannedFault, Window } from './plan.ts';
import { type Report, unknownName } from './problem.ts';
import type { Select } from './select.ts';
import type { Clock } from './timeline.ts';

const defaultStays = '3s';

export type ExpectationContext = {
  /** Of the list. */
  readonly path: Path;
  readonly clock: Clock;
  readonly faults: readonly PlannedFault[];
  readonly select: Select;
  readonly report: Report;
};

type Place = ExpectationContext & {
  readonly problem: (path: Path, message: string) => undefined;
};

/** In the order of the spec. */
export function planExpectations(
  expectations: readonly Expectation[],
  context: ExpectationContext,
): readonly PlannedExpectation[] {
  return expectations.flatMap((expectation, at) => {
    const path = [...context.path, at];
    const problem = (where: Path, message: string) => {
      context.report(error([...path, ...where], message));
      return undefined;
    };
    const place = { ...context, path, problem };
    const planned =
      expectation.log === undefined
        ? aboutMetric(expectation, place)
        : aboutLog(expectation, place);
    return planned === undefined ? [] : [planned];
  });
}

function aboutLog(expectation: Expectation, place: Place): PlannedExpectation | undefined {
  const { name, log, count = '' } = expectation;
  if (log === undefined) return undefined;
  const where = { path: [...place.path, 'log', 'of'], draw: ['expect', name] };
  const of = place.select(log.of, where, place.report);
  const claim = parseClaim(count, undefined);
  if ('expected' in claim) return place.problem(['count'], claim.expected);
  return { name, log: { of, matches: log.matches }, claim };
}

function aboutMetric(expectation: Expectation, place: Place): PlannedExpectation | undefined {
  const { name, metric = '', aggregate, is = '' } = expectation;
  const window = windowOf(expectation, place);
  const known = checkMetric(metric, place);
  const of = isNetworkWide(metric) ? withoutNodes(expectation, place) : nodesOf(expectation, place);
  const claim = parseClaim(is, metric);
  if ('expected' in claim) return place.problem(['is'], claim.expected);
  if (window === undefined || !known) return undefined;
  return {
    name,
    window,
    metric: sortedLabels(metric),
    ...(of === undefined ? {} : { of }),
    ...(aggregate === undefined ? {} : { aggregate }),
    claim,
  };
}

function isNetworkWide(metric: string): boolean {
  return networkMetrics.some((name) => name === metric);
}

/** As Prometheus writes it, with the labels to be matched. */
const ownMetric = /^node:[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^{}]*\})?$/;

/** Labels in the order in which kinds report them: by name. */
function sortedLabels(metric: string): string {
  const match = /^(node:[^{]*)\{(.*)\}$/.exec(metric);
  if (match === null) return metric;
  const labels = (match[2] ?? '').match(/[a-zA-Z_]\w*\s*=\s*"(?:[^"\\]|\\.)*"/g) ?? [];
  const tidy = labels.map((label) => label.replace(/\s*=\s*/, '='));
  return tidy.length === 0 ? `${match[1]}` : `${match[1]}{${tidy.toSorted().join(',')}}`;
}

function checkMetric(metric: string, place: Place): boolean {
  const known = [...networkMetrics, ...nodeMetrics];
  if (known.some((name) => name === metric) || ownMetric.test(metric)) return true;
  const message = metric.startsWith('node:')
    ? 'must be node:<name> or node:<name>{label="value"}'
    : `${unknownName('metric', metric, known)}; a metric of the nodes' own is node:<name>`;
  place.problem(['metric'], message);
  return false;
}

function withoutNodes({ metric, of, aggregate }: Expectation, place: Place): undefined {
  const message = `has no meaning with ${metric}, which is one number for the whole network`;
  if (of !== undefined) place.problem(['of'], message);
  if (aggregate !== undefined) place.problem(['aggregate'], message);
}

function nodesOf({ name, of = {} }: Expectation, place: Place): readonly NodeName[] {
  const where = { path: [...place.path, 'of'], draw: ['expect', name] };
  return place.select(of, where, place.report);
}

function windowOf(expectation: Expectation, place: Place): Window | undefined {
  if (expectation.at !== undefined) return at(expectation.at, place);
  if (expectation.during !== undefined) return during(expectation, expectation.during, place);
  if (expectation.after !== undefined) return after(expectation, expectation.after, place);
  const except = expectation.except ?? [];
  for (const [index, fault] of except.entries()) faultNamed(fault, ['except', index], place);
  return { kind: 'always', except, settleMs: quantity('duration', expectation.settle ?? '0s') };
}

function at(text: string, { clock, problem }: Place): Window {
  const atMs = quantity('duration', text);
  const { durationMs } = clock;
  if (durationMs !== undefined && atMs > durationMs) {
    problem(['at'], `got ${text}, but the run ends at ${formatDuration(durationMs)} (duration)`);
  }
  return { kind: 'at', atMs };
}

function faultNamed(name: string, path: Path, place: Place): PlannedFault | undefined {
  const fault = place.faults.find((planned) => planned.name === name);
  const names = place.faults.map((planned) => planned.name);
  if (fault === undefined) place.problem(path, unknownName('fault', name, names));
  return fault;
}

function during(expectation: Expectation, name: string, place: Place): Window | undefined {
  const fault = faultNamed(name, ['during'], place);
  if (fault === undefined) return undefined;
  const throughout = expectation.throughout === true;
  const settleMs = quantity('duration', expectation.settle ?? '0s');
  const staysMs = quantity('duration', expectation.stays ?? defaultStays);
  const { startMs, endMs, kind } = fault;
  if (kind === 'kill') {
    return place.problem(['during'], `${name} is a kill, which is over at once; use after`);
  }
  // How long a restart takes is known only afterwards.
  if (endMs !== undefined) {
    const leftMs = endMs - startMs - settleMs;
    const needMs = throughout ? place.clock.sampleIntervalMs : staysMs;
    const length = `${name} lasts ${formatDuration(endMs - startMs)}`;
    if (leftMs < needMs) {
      const skipped = settleMs > 0 ? ` with settle ${formatDuration(settleMs)}` : '';
      const need = throughout
        ? 'no sample is left'
        : `it cannot hold for ${formatDuration(staysMs)}`;
      place.problem([settleMs > 0 ? 'settle' : 'during'], `${length},${skipped} ${need}`);
    }
  }
  return { kind: 'during', fault: name, throughout, settleMs, staysMs };
}

function after(expectation: Expectation, name: string, place: Place): Window | undefined {
  const fault = faultNamed(name, ['after'], place);
  if (fault === undefined) return undefined;
  const withinMs = quantity('duration', expectation.within ?? '0s');
  warnOfBackOff(fault, withinMs, place);
  return {
    kind: 'after',
    fault: name,
    withinMs,
    staysMs: quantity('duration', expectation.stays ?? defaultStays),
    settleMs: quantity('duration', expectation.settle ?? '0s'),
  };
}

/**
 * A TCP connection that was cut tries again at doubling times, so after a cut of length t it may
 * stay silent for up to another t (RFC 6298, section 5.5).
 */
function warnOfBackOff(fault: PlannedFault, withinMs: number, { path, report }: Place): void {
  const { startMs, endMs = startMs } = fault;
  const cuts = fault.effects.some(
    ({ impairment }) => impairment.kind !== 'shape' || impairment.lossRatio === 1,
  );
  const cutMs = endMs - startMs;
  if (!cuts || withinMs >= cutMs) return;
  const message =
    `is shorter than the cut (${formatDuration(cutMs)}): a connection that outlived it may stay ` +
    'silent as long again, because TCP backs off';
  report(warning([...path, 'within'], message));
}
