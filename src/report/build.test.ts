import { expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { evidence, report } from '../../test/fixtures/made-up-run.ts';
import { buildReport } from './build.ts';
import type { Report } from './result.ts';
import { reportJsonSchema, reportSchema } from './schema.ts';

const passing = {
  ...evidence,
  state: {
    ...evidence.state,
    expectations: Object.fromEntries(
      Object.entries(evidence.state.expectations).map(([name, state]) => [
        name,
        { ...state, verdict: 'passed' as const },
      ]),
    ),
    ended: { at: 1, exit: 0 },
  },
};
const voided = { guard: 'late', limit: 1, worst: 2, result: 'void' as const };
const unproved = evidence.faults.map((fault) => ({ ...fault, proved: false }));
const settledAs = (verdict: 'pending' | 'failed' | 'error') => ({
  ...passing.state.expectations,
  'chain heals': { verdict, samples: 0 },
});
const problem = { code: 'INTERNAL', exit: 70, message: 'a bug' };

test.each([
  ['all seen', passing, 0, 'passed'],
  ['an expectation failed', evidence, 1, 'failed'],
  ['void', { ...passing, validity: [voided] }, 3, 'error'],
  ['void beats failed', { ...evidence, validity: [voided] }, 3, 'error'],
  ['a fault without proof', { ...passing, faults: unproved }, 3, 'error'],
  ['a planned fault that nobody saw', { ...passing, faults: [] }, 3, 'error'],
  [
    'an exit of 0 with a failed expectation',
    { ...passing, state: { ...passing.state, expectations: settledAs('failed') } },
    1,
    'failed',
  ],
  [
    'an exit of 0 with an open expectation',
    { ...passing, state: { ...passing.state, expectations: settledAs('pending') } },
    3,
    'error',
  ],
  [
    'a timeout explains open expectations',
    {
      ...passing,
      faults: unproved,
      state: { ...passing.state, expectations: settledAs('pending'), ended: { at: 1, exit: 4 } },
    },
    4,
    'error',
  ],
  [
    'a signal counts most',
    { ...passing, validity: [voided], state: { ...passing.state, ended: { at: 1, exit: 130 } } },
    130,
    'error',
  ],
] as const)('%s', (...[, given, exitCode, verdict]) => {
  expect(buildReport(given)).toMatchObject({ exitCode, verdict });
});

test('a run that was cut off is an error, with its own problem or with the general one', () => {
  const { ended: _, ...cut } = passing.state;
  expect(buildReport({ ...passing, state: cut })).toMatchObject({
    exitCode: 3,
    problems: ['the run was cut off before it ended'],
  });
  expect(buildReport({ ...passing, state: { ...cut, problems: [problem] } })).toMatchObject({
    exitCode: 70,
    problems: ['a bug'],
  });
});

test('a problem that came after the end counts too', () => {
  const late = { ...passing.state, problems: [problem] };
  expect(buildReport({ ...passing, state: late }).exitCode).toBe(70);
});

test('a fault that was cleared before it began has nothing to prove', () => {
  const { enforced: _, proof: __, ...cleared } = passing.state.faults['flaky'] ?? { start: 0 };
  const state = {
    ...passing.state,
    faults: { ...passing.state.faults, flaky: { ...cleared, end: cleared.start } },
  };
  const faults = evidence.faults.filter(({ name }) => name !== 'flaky');
  expect(buildReport({ ...passing, state, faults })).toMatchObject({ exitCode: 0, problems: [] });
});

test('an expectation that failed is no problem of the run', () => {
  const failed = { code: 'EXPECTATION_FAILED', exit: 1, message: 'expectation "x": violated' };
  const state = { ...evidence.state, problems: [failed] };
  expect(buildReport({ ...evidence, state })).toMatchObject({ exitCode: 1, problems: [] });
});

test('every planned expectation and fault is in the report, whatever is known of it', () => {
  const { t0: _, ...state } = evidence.state;
  const never = buildReport({
    ...evidence,
    state: { ...state, faults: {}, expectations: {} },
    faults: [],
  });
  expect(never.expectations.map(({ name }) => name)).toEqual(
    evidence.plan.expectations.map(({ name }) => name),
  );
  expect(never.faults.map(({ name, proved, notes }) => [name, proved, notes])).toEqual(
    evidence.plan.faults.map(({ name }) => [name, false, ['It never started.']]),
  );
  expect(never).not.toHaveProperty('readySeconds');
  expect(reportSchema.parse(never)).toEqual(never);
});

test('times are seconds', () => {
  expect(report).toMatchObject({ readySeconds: 12.4, durationSeconds: 178.7 });
  expect(report.expectations[0]).toMatchObject({ name: 'halves fork', at: 28 });
});

test('the schema of report.json says what the type says', () => {
  expectTypeOf<Frozen<z.output<typeof reportSchema>>>().branded.toEqualTypeOf<Report>();
  expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  expect(reportSchema.safeParse({ ...report, exitCode: -1 }).success).toBe(false);
  expect(reportSchema.safeParse({ ...report, verdict: 'pending' }).success).toBe(false);
  expect(reportSchema.safeParse({ ...report, later: 1 }).success).toBe(true);
  const document = reportJsonSchema();
  expect(document).toMatchObject({ type: 'object', title: 'Peerstorm report' });
  // Later versions add fields.
  expect(JSON.stringify(document)).not.toContain('"additionalProperties":false');
});

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;
