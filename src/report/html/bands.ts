// When each fault was planned, and when it was: one band per fault over the time of the run.
import { formatSeconds } from '../format.ts';
import type { ObservedFault } from '../parts.ts';
import type { Report } from '../result.ts';
import { html, type Markup } from './markup.ts';

export function bands(report: Report, until: number): Markup {
  const at = (t: number) =>
    `${Number(((100 * Math.min(Math.max(t, 0), until)) / until).toFixed(3))}%`;
  const rows = report.faults.map((fault, i) => band(fault, i, at));
  const ticks = ticksOf(until).map(
    (t) => html`<text x="${at(t)}" y="12" ${anchor(t, until)}>${formatSeconds(t)}</text>`,
  );
  return html`<div class="bands" role="group" aria-label="Faults over time">
    ${rows}${verdicts(report, at)}
    <span></span><svg class="axis" aria-hidden="true">${ticks}</svg></div>`;
}

type Position = (t: number) => string;

function band(fault: ObservedFault, index: number, at: Position): Markup {
  const { name, kind, planned, actual, proved } = fault;
  const { start, end = planned.end ?? planned.start } = actual;
  const wide = (from: number, to: number) =>
    `${Number.parseFloat(at(to)) - Number.parseFloat(at(from))}%`;
  const text =
    start === undefined
      ? 'never started'
      : `from ${formatSeconds(start)} to ${formatSeconds(end)}${proved ? '' : ', not proved'}`;
  const plannedEnd = planned.end ?? planned.start;
  return html`<span class="name"><b>${name}</b> <small>${kind}</small></span>
    <svg class="band" role="img" aria-label="${name}: ${text}"><title>${name}: ${text}</title>
      <line x1="0" x2="100%" y1="14" y2="14" class="rail"/>
      <rect x="${at(planned.start)}" width="${wide(planned.start, plannedEnd)}" y="2" height="24" class="planned"/>
      ${start === undefined ? '' : html`<rect x="${at(start)}" width="${wide(start, end)}" y="5" height="18" rx="2" class="actual fault${index % 6}${proved ? '' : ' unproved'}"/><line x1="${at(start)}" x2="${at(start)}" y1="5" y2="23" class="start fault${index % 6}"/>`}
    </svg>`;
}

/** A mark where each expectation settled. */
function verdicts({ expectations }: Report, at: Position): Markup | undefined {
  const settled = expectations.flatMap(({ at: t, ...rest }) =>
    t === undefined ? [] : { t, ...rest },
  );
  if (settled.length === 0) return undefined;
  const marks = settled.map(
    ({ name, status, t }) =>
      html`<svg x="${at(t)}" class="mark"><circle r="5" cy="14" class="${status}"><title>${name}: ${status} at ${formatSeconds(t)}</title></circle></svg>`,
  );
  return html`<span class="name"><b>expectations</b> <small>settled</small></span>
    <svg class="band" role="img" aria-label="When the expectations settled"><line x1="0" x2="100%" y1="14" y2="14" class="rail"/>${marks}</svg>`;
}

function anchor(t: number, until: number): Markup | undefined {
  if (t === 0) return undefined;
  return t > 0.94 * until ? html`text-anchor="end"` : html`text-anchor="middle"`;
}

function ticksOf(until: number): number[] {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200];
  const step = steps.find((step) => until / step <= 6) ?? 86_400;
  return Array.from({ length: Math.floor(until / step) + 1 }, (_, i) => i * step);
}
