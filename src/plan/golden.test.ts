// Specs in test/golden/plan and the plans that they gave. A difference is either a mistake or a
// change that breaks replays: then run with UPDATE_GOLDEN=1 and say so in CHANGELOG.md.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { kindTable } from '../../test/golden/plan/planning.ts';
import { parseSpec } from '../spec/parse.ts';
import { formatProblems } from '../spec/problems.ts';
import type { Plan } from './plan.ts';
import { planTestnet } from './plan-testnet.ts';
import { type PlanFormat, renderPlan } from './render.ts';

const folder = new URL('../../test/golden/plan/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.spec.yaml'))
  .map((file) => file.replace('.spec.yaml', ''));

function planOf(name: string): Plan {
  const file = `${name}.spec.yaml`;
  const text = readFileSync(new URL(file, folder), 'utf8');
  const { spec, problems } = parseSpec(text, file, (it) => planTestnet(it, kindTable).problems);
  const plan = spec && planTestnet(spec, kindTable).plan;
  if (plan === undefined) throw new TypeError(formatProblems(problems, { text }));
  return plan;
}

function golden(file: string, text: string): string {
  const url = new URL(file, folder);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(url, text);
  return readFileSync(url, 'utf8');
}

test.for(names)('%s.spec.yaml gives its plan', (name) => {
  const text = renderPlan(planOf(name), 'yaml');
  expect(text).toBe(golden(`${name}.plan.yaml`, text));
});

test.for(names)('the dot of %s', (name) => {
  const text = renderPlan(planOf(name), 'dot');
  expect(text).toBe(golden(`${name}.plan.dot`, text));
});

test.for(names)('yaml and json of %s hold the whole plan', (name) => {
  const plan = planOf(name);
  const read = (format: PlanFormat, reader: (text: string) => unknown) =>
    reader(renderPlan(plan, format));
  expect(read('yaml', parse)).toEqual(read('json', JSON.parse));
  expect(read('json', JSON.parse)).toMatchObject(JSON.parse(JSON.stringify(plan)));
});
