import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { expect, test } from 'vitest';
import { history, plan, report, run, timeline } from '../../test/fixtures/made-up-run.ts';
import { reportFiles } from './files.ts';
import { type PageInput, renderHtml } from './html.ts';
import { reportSchema } from './schema.ts';

const input: PageInput = {
  report,
  plan,
  history,
  specFile: run.specFile,
  timeline,
  uplotJs: 'var uPlot = "</script><!--";',
  uplotCss: '.uplot {}',
};
const page = renderHtml(input);
const elements = (tag: string, text: string) =>
  [...text.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, body = '']) => body);

const keptKeys = ['verdict', 'status', 'result', 'startedAt', 'kind', 'compare'];

/** The page with every text of the input replaced by an attack. */
function attacked(attack: string): string {
  const text = JSON.stringify(input, (key, value: unknown) =>
    typeof value === 'string' && !keptKeys.includes(key) ? attack : value,
  );
  const { uplotJs, uplotCss } = input;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it came from one
  return renderHtml({ ...(JSON.parse(text) as PageInput), uplotJs, uplotCss });
}

function digest(body: string): string {
  return `'sha256-${Buffer.from(sha256(utf8ToBytes(body))).toString('base64')}'`;
}

/** Names of elements and attributes; anything that is no well-formed tag comes out whole. */
function skeleton(text: string): Set<string> {
  const bare = text.replace(/(<(?:script|style)[^>]*>).*?(<\/(?:script|style)>)/gs, '$1$2');
  const attribute = /\s+([\w:-]+)(?:="[^"<]*")?/g;
  return new Set(
    (bare.match(/<[^>]*>?/g) ?? []).flatMap((tag) => {
      const [, name, rest = ''] =
        /^<([/!]?\w+)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*\/?>$/.exec(tag) ?? [];
      const attributes = [...rest.matchAll(attribute)].map((match) => match[1] ?? '');
      return name === undefined ? [tag] : [name, ...attributes];
    }),
  );
}

test.each([
  '<img src=x onerror=alert(1)>',
  '</script><script>alert(1)</script>',
  '</title></style><b>',
  '" onmouseover="alert(1)" x="',
  "' onmouseover='alert(1)",
  'javascript:alert(1)',
  '<!--',
  '&lt;b&gt;',
])('whatever the texts are, the markup stays ours: %s', (attack) => {
  const text = attacked(attack);
  const [ours, theirs] = [page, text].map(skeleton);
  expect(theirs?.difference(ours ?? new Set())).toEqual(new Set());
  expect(text.match(/<script/g)).toHaveLength(3);
  expect(text).not.toMatch(/href="(?!\.\/)/);
  if (attack.startsWith('&')) expect(text).toContain('&amp;lt;b&amp;gt;');
});

test('control characters and reversed text are made visible', () => {
  const text = attacked('a\u0000\u001b[31m\u202eb\ud800');
  expect(text).not.toMatch(/(?![\t\n])[\p{Cc}\u202e]/u);
  expect(text).toContain('a��[31m�b');
});

test('the policy allows exactly the scripts and styles of the page', () => {
  const scripts = elements('script', page).map(digest).join(' ');
  const sheets = elements('style', page).map(digest).join(' ');
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
  expect(policy?.replaceAll('&#39;', "'")).toBe(
    `default-src 'none'; script-src ${scripts}; style-src ${sheets}; base-uri 'none'; form-action 'none'`,
  );
  expect(page).not.toMatch(/\sstyle="/);
});

test('nothing is fetched: all addresses are files beside the page', () => {
  expect(page).not.toMatch(/\ssrc=|@import|url\(/);
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, link]) => link);
  expect(links).toContain('./logs/full-3.log');
  expect(links.filter((link) => !link?.startsWith('./'))).toEqual([]);
});

test('the data of the plots are JSON that a script element can hold', () => {
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
  const { times, windows }: { times: number[]; windows: unknown[] } = JSON.parse(data);
  expect(times).toHaveLength(history.length);
  expect(windows).toHaveLength(report.faults.length);
});

test('a run that never was ready still has its page', () => {
  const { readySeconds: _, ...never } = report;
  const faults = report.faults.map((fault) => ({ ...fault, actual: {}, proved: false }));
  const text = renderHtml({
    ...input,
    report: { ...never, faults, verdict: 'error', problems: ['could not start'] },
    history: [],
    timeline: [],
  });
  expect(text).toContain('could not start');
  expect(text).toContain('never started');
  expect(text).toContain('No sample was taken');
  expect(text).toContain('script-src &#39;none&#39;');
});

test('the files of a report directory', () => {
  const files = reportFiles(input);
  expect(Object.keys(files)).toEqual([
    'report.json',
    'plan.json',
    'junit.xml',
    'metrics.om',
    'report.html',
  ]);
  expect(reportSchema.parse(JSON.parse(files['report.json'] ?? ''))).toEqual(report);
});
