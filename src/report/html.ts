// report.html: everything a run has shown, in one file that needs no network. The verdict comes
// first, then what was claimed, what was done to the network, what it looked like, and whether the
// machine was fit to judge. All text from specs and nodes is escaped (html/markup.ts), and a
// content security policy allows only the scripts and styles below, by their hashes.
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Plan } from '../plan/plan.ts';
import { formatSeconds, plural, tallies } from './format.ts';
import type { HistoryLine } from './history.ts';
import { bands } from './html/bands.ts';
import { graphSection } from './html/graph.ts';
import { html, jsonMarkup, type Markup, trusted } from './html/markup.ts';
import { script } from './html/script.ts';
import { type Plot, plotData } from './html/series.ts';
import { styles } from './html/styles.ts';
import { badge, expectationsTable, faultsTable, nodesTable, validityTable } from './html/tables.ts';
import type { Report } from './result.ts';

export type PageInput = {
  readonly report: Report;
  readonly plan: Plan;
  readonly history: readonly HistoryLine[];
  /** As the user wrote it, for the command that repeats the run. */
  readonly specFile: string;
  /** Lines of timeline.jsonl. */
  readonly timeline: readonly { readonly t?: number; readonly message: string }[];
  /** Text of uPlot.iife.min.js and uPlot.min.css. */
  readonly uplotJs: string;
  readonly uplotCss: string;
};

export function renderHtml(input: PageInput): string {
  const { report, plan, history, uplotJs, uplotCss } = input;
  const { expectations, faults, validity, nodes } = report;
  const { times, plots } = plotData(history);
  const ends = faults.map(({ planned, actual }) => actual.end ?? planned.end ?? planned.start);
  const until = Math.max(1, times.at(-1) ?? 0, ...ends);
  const windows = report.faults.flatMap(({ actual: { start, end = until } }, fault) =>
    start === undefined ? [] : { start, end, fault },
  );
  const data = jsonMarkup({ times, plots, windows, until });
  const scripts = plots.length === 0 ? [] : [uplotJs, script].map(inert);
  const sheets = [uplotCss, styles].map(inert);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(scripts, sheets)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${report.testnet}: ${report.verdict}</title>
${sheets.map((sheet) => html`<style>${trusted(sheet)}</style>`)}
</head>
<body>
${verdictHeader(report)}
<main>
${section('problems', 'Problems', problems(report))}
${section('expectations', 'Expectations', expectations.length === 0 ? undefined : expectationsTable(plan, expectations))}
${section('happened', 'What happened', happened(report, plots, until))}
${section('faults', 'Faults', faults.length === 0 ? undefined : faultsTable(plan, faults))}
${section('graph', 'Peer graph', graphSection(plan, history, faults))}
${section('validity', 'Was the machine fit to judge?', validity.length === 0 ? undefined : validityTable(validity))}
${folded('nodes', nodes.length, { body: nodesTable(nodes), open: nodes.length <= 60 })}
${folded('events', input.timeline.length, { body: events(input.timeline), open: false })}
${section('again', 'Run it again', again(input))}
</main>
<script type="application/json" id="data">${data}</script>
${scripts.map((text) => html`<script>${trusted(text)}</script>`)}
</body>
</html>
`;
  return page.markup;
}

/** So that a library's text cannot end the element it stands in. */
function inert(text: string): string {
  return text.replaceAll(/<(?=\/script|\/style|!--)/gi, '<\\');
}

function policy(scripts: readonly string[], sheets: readonly string[]): string {
  return `default-src 'none'; script-src ${sources(scripts)}; style-src ${sources(sheets)}; base-uri 'none'; form-action 'none'`;
}

function sources(texts: readonly string[]): string {
  return texts.length === 0 ? "'none'" : texts.map((text) => `'sha256-${base64(text)}'`).join(' ');
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...sha256(utf8ToBytes(text))));
}

function verdictHeader(report: Report): Markup {
  const { verdict, nodes, validity } = report;
  const fit = validity.some(({ result }) => result === 'void') ? ' The run is void.' : '';
  const counts = [...tallies(report), plural(nodes.length, 'node')];
  const facts: readonly (readonly [string, string | number])[] = [
    ['runtime', report.runtime],
    ['exit code', report.exitCode],
    ['started', report.startedAt.replace('T', ' ').replace(/:\d\d(?:\.\d+)?Z$/, ' UTC')],
    [
      'ready after',
      report.readySeconds === undefined ? 'never' : formatSeconds(report.readySeconds),
    ],
    ['took', formatSeconds(report.durationSeconds)],
    ['random seed', report.randomSeed],
  ];
  return html`<header class="${verdict}"><div>
<h1>${report.testnet} <em>${verdict}</em></h1>
<p>${counts.join(', ')}.${fit}</p>
<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</div></header>`;
}

function section(id: string, title: string, body: Markup | undefined): Markup | undefined {
  if (body === undefined) return undefined;
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>`;
}

function folded(
  name: string,
  count: number,
  { body, open }: { readonly body: Markup | undefined; readonly open: boolean },
): Markup | undefined {
  if (body === undefined) return undefined;
  return html`<section id="${name}"><details${open ? trusted(' open') : ''}><summary>${name} <small>${count}</small></summary>
${body}
</details></section>`;
}

function problems({ problems }: Report): Markup | undefined {
  if (problems.length === 0) return undefined;
  return html`${problems.map((problem) => html`<p>${badge('error', 'problem')} ${problem}</p>`)}`;
}

function happened(report: Report, plots: readonly Plot[], until: number): Markup {
  const places = plots.map(
    ({ title }, i) =>
      html`<div class="plot"><h4>${title}</h4><div id="plot-${i}" role="img" aria-label="Plot over time: ${title}"></div></div>`,
  );
  const zero =
    'Time 0 is when all nodes were ready. Dashed boxes are the plan, filled ones what was seen.';
  const none = html`<p class="note">No sample was taken: the run ended before time 0.</p>`;
  return html`${report.faults.length === 0 ? '' : html`<p class="note">${zero}</p>${bands(report, until)}`}
<div class="plots">${plots.length === 0 ? none : places}</div>
<noscript><p class="note">The plots need scripts; samples.jsonl has their numbers.</p></noscript>`;
}

const eventsShown = 500;

function events(timeline: PageInput['timeline']): Markup | undefined {
  if (timeline.length === 0) return undefined;
  const lines = timeline
    .slice(0, eventsShown)
    .map(
      ({ t, message }) =>
        html`<li><span>${t === undefined ? 'start' : formatSeconds(t)}</span>${message}</li>\n`,
    );
  const more = timeline.length - eventsShown;
  return html`<ul class="events">${lines}</ul>
${more > 0 ? html`<p class="note">${plural(more, 'more event')} in timeline.jsonl.</p>` : ''}`;
}

const files = [
  'spec.yaml',
  'report.json',
  'plan.json',
  'junit.xml',
  'timeline.jsonl',
  'samples.jsonl',
  'metrics.om',
];

function again({ report, specFile }: PageInput): Markup {
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  return html`<pre><code>peerstorm test ${specFile} --runtime ${report.runtime}</code></pre>
<p class="note">The same spec and random seed (${report.randomSeed}) give the same plan: hash
  <code>${report.planHash}</code>.</p>
<p class="note">${versions.join(' · ')}</p>
<p class="note">Beside this page: ${files.map((file, i) => html`${i === 0 ? '' : ', '}<a href="./${file}">${file}</a>`)}.</p>`;
}
