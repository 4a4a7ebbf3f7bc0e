import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { kinds } from '../kinds/index.ts';
import { planTestnet } from '../plan/plan-testnet.ts';
import { parseSpec } from '../spec/parse.ts';
import { formatProblems } from '../spec/problems.ts';
import type { Testnet } from '../spec/schema.ts';
import { tour } from '../spec/tour.ts';

const root = join(import.meta.dirname, '../..');
const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.yaml'));
const plan = (spec: Testnet) => planTestnet(spec, kinds).problems;

test('the generated documents are as the code says', { timeout: 60_000 }, async () => {
  const generate = join(import.meta.dirname, 'generate.ts');
  const { stdout, exitCode } = await execa(process.execPath, [generate, '--check'], {
    reject: false,
  });
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 });
});

test('the tour of docs/spec.md has no problem', () => {
  expect(formatProblems(parseSpec(tour, 'tour.yaml', plan).problems, { text: tour })).toBe('');
});

test.each(examples)('%s has no error, and tells editors its schema', (name) => {
  const text = readFileSync(join(root, 'examples', name), 'utf8');
  const { problems } = parseSpec(text, name, plan);
  const errors = problems.filter(({ severity }) => severity === 'error');
  expect(formatProblems(errors, { text })).toBe('');
  expect(text).toContain('# yaml-language-server: $schema=../docs/spec.schema.json\n');
});
