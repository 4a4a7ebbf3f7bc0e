// The tables of the page. On a narrow screen each row becomes a card (styles.ts), which would take
// the table away from screen readers: hence the explicit roles.
import type { PlacedEffect } from '../../faults/effect.ts';
import type { Plan } from '../../plan/plan.ts';
import { formatCount, formatMeasure, formatSeconds, plural } from '../format.ts';
import {
  type ObservedFault,
  type ReportedExpectation,
  type ReportedNode,
  type Validity,
  wasCancelled,
} from '../parts.ts';
import { html, type Markup } from './markup.ts';
import { sparkline } from './sparkline.ts';

type Cell = string | number | Markup;

function table(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): Markup {
  const head = columns.map((column) => html`<th role="columnheader" scope="col">${column}</th>`);
  const body = rows.map(
    (row) =>
      html`<tr role="row">${row.map((cell, i) => html`<td role="cell" data-label="${columns[i]}"><div>${cell}</div></td>`)}</tr>\n`,
  );
  return html`<table role="table" aria-label="${name}"><thead role="rowgroup"><tr role="row">${head}</tr></thead>
    <tbody role="rowgroup">${body}</tbody></table>`;
}

const marks = { passed: '✓', failed: '✗', error: '!', ok: '✓', warned: '!', void: '✗' } as const;

/** Sign, colour and word: none of them alone carries the meaning. */
export function badge(status: keyof typeof marks, word: string = status): Markup {
  return html`<span class="badge ${status}"><span aria-hidden="true">${marks[status]}</span> ${word}</span>`;
}

export function expectationsTable(
  plan: Plan,
  expectations: readonly ReportedExpectation[],
): Markup {
  const rows = expectations.map((expectation) => {
    const { name, status, at, reason } = expectation;
    const planned = plan.expectations.find((other) => other.name === name);
    return [
      badge(status),
      html`<b>${name}</b>`,
      reason,
      at === undefined ? '' : formatSeconds(at),
      sparkline(expectation, planned?.claim),
    ];
  });
  return table(
    'Expectations',
    ['verdict', 'expectation', 'what was seen', 'settled', 'evidence'],
    rows,
  );
}

export function faultsTable(plan: Plan, faults: readonly ObservedFault[]): Markup {
  const shapesOnly = new Set(
    plan.faults.filter(({ effects }) => effects.every(isShape)).map(({ name }) => name),
  );
  const rows = faults.map((fault) => [
    proofBadge(fault),
    html`<b>${fault.name}</b> <small>${fault.kind}</small>`,
    measures(fault.asked),
    measures(fault.measured),
    probes(fault, fault.leaks > 0 || !shapesOnly.has(fault.name)),
    packets(fault),
    html`<ul>${[...lateness(fault), ...fault.notes].map((note) => html`<li>${note}</li>`)}</ul>`,
  ]);
  const columns = ['proof', 'fault', 'asked', 'measured', 'probes', 'packets', 'notes'];
  return table('Faults', columns, rows);
}

function proofBadge(fault: ObservedFault): Markup {
  if (wasCancelled(fault)) return html`<small>cleared before it began</small>`;
  return fault.proved ? badge('passed', 'proved') : badge('error', 'not proved');
}

const isShape = ({ impairment }: PlacedEffect) => impairment.kind === 'shape';
const nothing = html`<small>–</small>`;

/** A fault that only shapes packets has nothing that could leak. */
function probes({ pairsProbed, leaks }: ObservedFault, cuts: boolean): Markup {
  if (pairsProbed === 0) return nothing;
  const pairs = plural(pairsProbed, 'pair');
  return cuts ? html`${plural(leaks, 'leak')} over ${pairs}` : html`${pairs}`;
}

function packets({ packets: { matched, dropped } }: ObservedFault): Markup {
  if (matched === 0) return nothing;
  return html`${formatCount(dropped)} dropped <small>of ${formatCount(matched)}</small>`;
}

function measures(values: Readonly<Record<string, number>>): Markup {
  const parts = Object.entries(values).map(([name, value]) => {
    const { label, value: text } = formatMeasure(name, value);
    return html`<div class="measure">${label} <b>${text}</b></div>`;
  });
  return parts.length === 0 ? nothing : html`${parts}`;
}

/** What a reader would otherwise have to work out from two pairs of times. */
function lateness({ planned, actual, spreadSeconds }: ObservedFault): string[] {
  if (actual.start === undefined) return [];
  const late = Math.round((actual.start - planned.start) * 1000);
  const spread = spreadSeconds > 0 ? `, spread over ${Math.round(spreadSeconds * 1000)} ms` : '';
  return [`started ${late} ms after the plan${spread}`];
}

export function validityTable(validity: readonly Validity[]): Markup {
  const rows = validity.map(({ guard, limit, worst, at, result }) => [
    badge(result),
    guard,
    Number(worst.toPrecision(4)),
    limit,
    at === undefined ? '' : formatSeconds(at),
  ]);
  return table('Validity', ['result', 'guard', 'worst', 'limit', 'at'], rows);
}

const nodesShown = 2000;

export function nodesTable(nodes: readonly ReportedNode[]): Markup {
  const rows = nodes
    .slice(0, nodesShown)
    .map(({ name, group, kind, region, address, ...rest }) => [
      html`<b>${name}</b>`,
      group,
      kind,
      region,
      address,
      rest.state,
      rest.restarts,
      html`<a href="${linkTo(rest.log)}">log</a>`,
    ]);
  const more = nodes.length - nodesShown;
  const columns = ['node', 'group', 'kind', 'region', 'address', 'state', 'restarts', 'log'];
  return html`${table('Nodes', columns, rows)}
    ${more > 0 ? html`<p class="note">${plural(more, 'more node')} in report.json.</p>` : ''}`;
}

/** A path inside the report directory; `./` keeps a name with a colon from being a scheme. */
function linkTo(path: string): string {
  return `./${path.toWellFormed().split('/').map(encodeURIComponent).join('/')}`;
}
