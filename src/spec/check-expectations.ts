// What makes no sense in one expectation, whatever the network looks like.
import { RE2JS } from 're2js';
import { messageOf } from '../errors.ts';
import { error, type Finding, type Path } from './problems.ts';
import { exactlyOne, given, noneOf } from './rules.ts';
import type { Expectation } from './schema.ts';

export const windows = ['at', 'during', 'after', 'always', 'log'] as const;
type WindowKind = (typeof windows)[number];

const metricWindows: readonly WindowKind[] = ['at', 'during', 'after', 'always'];

/** Fields that belong to some windows only. */
export const belongings: readonly { field: keyof Expectation; belongsTo: readonly WindowKind[] }[] =
  [
    { field: 'within', belongsTo: ['after'] },
    { field: 'throughout', belongsTo: ['during'] },
    { field: 'except', belongsTo: ['always'] },
    { field: 'settle', belongsTo: ['during', 'after', 'always'] },
    { field: 'stays', belongsTo: ['during', 'after'] },
    { field: 'metric', belongsTo: metricWindows },
    { field: 'of', belongsTo: metricWindows },
    { field: 'aggregate', belongsTo: metricWindows },
    { field: 'is', belongsTo: metricWindows },
    { field: 'count', belongsTo: ['log'] },
  ];

export const needs: Readonly<Record<WindowKind, readonly (keyof Expectation)[]>> = {
  at: ['metric', 'is'],
  during: ['metric', 'is'],
  after: ['within', 'metric', 'is'],
  always: ['metric', 'is'],
  log: ['count'],
};

const examples: Partial<Record<keyof Expectation, string>> = {
  within: 'a duration such as 60s',
  metric: 'a metric such as distinct_tips',
  is: 'a comparison such as ">= 2"',
  count: 'a comparison such as "== 0"',
};

export function checkExpectation(path: Path, expectation: Expectation): Finding[] {
  const findings = exactlyOne(path, expectation, windows);
  const [window, ...more] = given(expectation, windows);
  if (window === undefined || more.length > 0) return findings;

  for (const { field, belongsTo } of belongings) {
    if (belongsTo.includes(window)) continue;
    const because = `it belongs to ${belongsTo.join(', ')}`;
    findings.push(...noneOf(path, expectation, { keys: [field], because }));
  }
  const missing = needs[window].filter((field) => expectation[field] === undefined);
  findings.push(
    ...missing.map((field) =>
      error([...path, field], `missing, \`${window}\` needs ${examples[field]}`),
    ),
  );
  if (expectation.throughout === true && expectation.stays !== undefined) {
    findings.push(error([...path, 'stays'], 'stands beside throughout, which is the whole window'));
  }
  if (expectation.log === undefined) return findings;
  return [...findings, ...checkPattern([...path, 'log', 'matches'], expectation.log.matches)];
}

/** RE2 matches in linear time; a backtracking pattern of a user could stop a run. */
function checkPattern(path: Path, pattern: string): Finding[] {
  try {
    RE2JS.compile(pattern);
    return [];
  } catch (thrown) {
    const reason = messageOf(thrown).replace('error parsing regexp: ', '');
    return [error(path, `must be a regular expression (RE2), got ${reason}`)];
  }
}
