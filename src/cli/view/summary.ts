// The end of a run on a terminal: what held, what was proved, where the report is.

import stringWidth from 'string-width';
import { errorCodes } from '../../errors.ts';
import type { Plan } from '../../plan/plan.ts';
import { formatCount, formatMeasure, formatSeconds, plural, tallies } from '../../report/format.ts';
import { type ObservedFault, type ReportedExpectation, wasCancelled } from '../../report/parts.ts';
import type { Report } from '../../report/result.ts';
import { mark, oneLine, type Paint, pad, painter, wrap } from './text.ts';

export type SummaryOptions = {
  readonly plan: Plan;
  readonly color: boolean;
  readonly width: number;
  /** Of the report; absent: none was asked for. */
  readonly directory?: string;
};

export function renderSummary(report: Report, options: SummaryOptions): string {
  const { plan, directory, width } = options;
  const paint = painter(options.color);
  const { expectations, faults, problems } = report;
  const blocks = [
    block('Expectations', expectationLines(expectations, width, paint), paint),
    block('Faults', faultLines(plan, faults, { width, paint }), paint),
    block(
      'Problems',
      problems.map((problem) => `${mark('error', paint)} ${wrap(oneLine(problem), width, 4)}`),
      paint,
    ),
    [
      verdict(report, width, paint),
      ...hints(report, directory).map((hint) => wrap(hint, width, 2)),
    ].join('\n'),
  ];
  return blocks.filter((text) => text !== '').join('\n\n');
}

function block(title: string, lines: readonly string[], paint: Paint): string {
  return lines.length === 0
    ? ''
    : [paint('bold', title), ...lines.map((line) => `  ${line}`)].join('\n');
}

const mostNameWidth = 30;

function nameWidth(names: readonly string[]): number {
  return Math.min(mostNameWidth, Math.max(...names.map((name) => stringWidth(name))));
}

function expectationLines(
  expectations: readonly ReportedExpectation[],
  width: number,
  paint: Paint,
): readonly string[] {
  const name = nameWidth(expectations.map((one) => oneLine(one.name)));
  return expectations.map((expectation) => {
    const indent = name + 6;
    const title = oneLine(expectation.name);
    const reason = wrap(oneLine(expectation.reason), width, indent);
    const gap = stringWidth(title) > name ? `\n${' '.repeat(indent)}` : '  ';
    return `${mark(expectation.status, paint)} ${pad(title, name)}${gap}${reason}`;
  });
}

function faultLines(
  plan: Plan,
  faults: readonly ObservedFault[],
  { width, paint }: { readonly width: number; readonly paint: Paint },
): readonly string[] {
  const name = nameWidth(faults.map((fault) => oneLine(fault.name)));
  const kind = Math.max(...faults.map((fault) => fault.kind.length));
  return faults.map((fault) => {
    const cleared = wasCancelled(fault);
    const status = mark(fault.proved ? 'proved' : cleared ? 'cleared' : 'unproved', paint);
    const what = `${pad(oneLine(fault.name), name)}  ${pad(fault.kind, kind)}`;
    const shown = wrap(faultText(plan, fault), width, name + kind + 8);
    return `${status} ${what}  ${shown}`;
  });
}

/** `20 s to 50 s; 0 leaks over 48 pairs; 17,702 packets dropped` */
function faultText(plan: Plan, fault: ObservedFault): string {
  const { actual, asked, measured, leaks, pairsProbed, packets, notes, proved } = fault;
  if (wasCancelled(fault)) return 'cleared before it began';
  const { start, end } = actual;
  const effects = plan.faults.find(({ name }) => name === fault.name)?.effects ?? [];
  const cuts = effects.some(({ impairment }) => impairment.kind !== 'shape');
  const values = Object.entries(asked).map(([name, value]) => {
    const { label, value: text } = formatMeasure(name, value);
    const seen = measured[name];
    const found =
      seen === undefined ? 'not measured' : `measured ${formatMeasure(name, seen).value}`;
    return `${label} ${text}, ${found}`;
  });
  const parts = [
    start === undefined
      ? 'never in force'
      : `${formatSeconds(start)} to ${end === undefined ? 'the end' : formatSeconds(end)}`,
    ...values,
    ...(pairsProbed > 0 && (cuts || leaks > 0)
      ? [`${plural(leaks, 'leak')} over ${plural(pairsProbed, 'pair')}`]
      : []),
    ...(packets.dropped > 0 ? [`${formatCount(packets.dropped)} packets dropped`] : []),
    ...(proved ? [] : ['not proved']),
    ...notes.map(oneLine),
  ];
  return parts.join('; ');
}

const verdictStyles = { passed: 'green', failed: 'red', error: 'yellow' } as const;

function verdict(report: Report, width: number, paint: Paint): string {
  const { exitCode, nodes, durationSeconds } = report;
  const word = paint(verdictStyles[report.verdict], paint('bold', report.verdict.toUpperCase()));
  const parts = [
    ...tallies(report),
    plural(nodes.length, 'node'),
    formatSeconds(durationSeconds),
    `exit code ${exitCode}`,
    `random seed ${report.randomSeed}`,
  ];
  return `${word}  ${wrap(parts.join(', '), width, report.verdict.length + 2)}`;
}

function hints(report: Report, directory: string | undefined): readonly string[] {
  const where = directory === undefined ? [] : [`report: ${directory}/report.html`];
  const next = hintOf(report, directory !== undefined);
  return next === undefined ? where : [...where, next];
}

function hintOf({ exitCode, runtime }: Report, hasReport: boolean): string | undefined {
  if (exitCode === 0) return undefined;
  if (exitCode === 1) {
    return hasReport
      ? 'hint: report.html shows the evidence, logs/ what the nodes said'
      : 'hint: --report DIR keeps the evidence and the logs of the nodes';
  }
  if (exitCode === 3) {
    const look =
      runtime === 'kubernetes'
        ? 'docs/kubernetes.md says where to look (Troubleshooting)'
        : '`peerstorm doctor` checks the machine';
    return `hint: this says nothing about the nodes; ${look}`;
  }
  const known = Object.values(errorCodes).find(({ exit }) => exit === exitCode);
  return known === undefined ? undefined : `hint: ${known.hint}`;
}
