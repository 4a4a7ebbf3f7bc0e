// The samples that decided an expectation, as a line a word long, with the claimed value dashed.
import type { Claim } from '../../plan/plan.ts';
import { formatSeconds } from '../format.ts';
import type { ReportedExpectation } from '../parts.ts';
import { html, type Markup } from './markup.ts';

const [width, height, margin] = [150, 34, 4];

export function sparkline(
  { evidence, status }: ReportedExpectation,
  claim: Claim | undefined,
): Markup {
  const [first] = evidence;
  const last = evidence.at(-1);
  if (first === undefined || last === undefined) return html`<small>–</small>`;
  const values = evidence.map(([, value]) => value);
  const all = claim === undefined ? values : [...values, claim.value];
  // From 0 on, or 0.99 and 1 would look as far apart as 0 and 1.
  const [least, most] = [Math.min(0, ...all), Math.max(...all)];
  const x = (t: number) => round(margin + scale(t, first[0], last[0]) * (width - 2 * margin));
  const y = (value: number) =>
    round(height - margin - scale(value, least, most) * (height - 2 * margin));
  // Stepped: a value holds until the next sample.
  const path = evidence.map(([t, value], i) =>
    i === 0 ? `M${x(t)} ${y(value)}` : `H${x(t)}V${y(value)}`,
  );
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const seen = low === high ? `${low}` : `${low} to ${high}`;
  const label = `${seen}, from ${formatSeconds(first[0])} to ${formatSeconds(last[0])}`;
  const line =
    claim === undefined ? '' : html`<path class="claim" d="M0 ${y(claim.value)}H${width}"/>`;
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}"><title>${label}</title>
    ${line}<path class="line ${status}" d="${path.join('')}"/><circle class="${status}" cx="${x(last[0])}" cy="${y(last[1])}" r="3"/></svg>`;
}

/** Where a value lies between two others, 0 to 1. */
function scale(value: number, from: number, to: number): number {
  return to === from ? 0.5 : (value - from) / (to - from);
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
