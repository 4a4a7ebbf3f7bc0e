import { expect, test } from 'vitest';
import { report } from '../../test/fixtures/made-up-run.ts';
import { junitXml } from './junit.ts';

const attributes = (xml: string) =>
  Object.fromEntries(
    [...(/<testsuites ([^>]*)>/.exec(xml)?.[1] ?? '').matchAll(/(\w+)="(\d+)"/g)].map(
      ([, name, value]) => [name, Number(value)],
    ),
  );

test('a failed run has one case per expectation and per proof, and a failure with its reason', () => {
  const xml = junitXml(report);
  expect(attributes(xml)).toEqual({ tests: 1 + 5 + 4, failures: 1, errors: 0, skipped: 0 });
  const reason = /name="nobody alone"[^>]*>\s*<failure message="([^"]*)"/.exec(xml)?.[1];
  const failed = report.expectations.find(({ status }) => status === 'failed');
  expect(reason?.replaceAll('&gt;', '>')).toBe(failed?.reason);
  expect(xml).toContain('asked 0.1, measured 0.0987');
});

test.each([
  ['a problem', { ...report, verdict: 'error' as const, exitCode: 3, problems: ['void'] }, 1],
  [
    'a fault without proof',
    {
      ...report,
      verdict: 'error' as const,
      faults: report.faults.map((fault) => ({ ...fault, proved: false, leaks: 2 })),
    },
    5,
  ],
])('%s is an error', (_, given, errors) => {
  expect(attributes(junitXml(given))).toMatchObject({ errors });
});

test('names and reasons that are no XML come out as text', () => {
  const [first] = report.expectations;
  const hostile = {
    ...first,
    name: ']]><x>"&\u0000\u001b[31m\ud800',
    reason: ']]>\u0007</system-out>',
  };
  const xml = junitXml({
    ...report,
    expectations: [{ ...hostile, status: 'passed', evidence: [] }],
  });
  expect(xml).not.toMatch(/(?![\t\n\r])\p{Cc}/u);
  const markup = xml.replaceAll(/<!\[CDATA\[.*?\]\]>/gs, '');
  expect(markup).not.toContain('<x>');
  expect(markup.match(/<\/system-out>/g)).toHaveLength(1 + report.faults.length);
});

test('a fault that was cleared before it began is skipped, not an error', () => {
  const [fault] = report.faults;
  if (fault === undefined) throw new TypeError('no fault');
  const cleared = { ...fault, proved: false, planned: { start: 20, end: 20 }, actual: {} };
  const xml = junitXml({ ...report, faults: [cleared] });
  expect(xml).toContain('<skipped/>');
  expect(xml).not.toContain('<error');
});
