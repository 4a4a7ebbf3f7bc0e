import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ambiguity } from './ambiguity.ts';

const readHere = (source: string): unknown => parse(source, { version: '1.2', schema: 'core' });

test.each([
  ['no', 'false'],
  ['On', 'true'],
  ['y', 'true'],
  ['OFF', 'false'],
  ['010', '8'],
  ['-010', '-8'],
  ['0o10', 'text'],
  ['0b11', '3'],
  ['0x1_0', '16'],
  ['1_000', '1000'],
  ['1:30', '90'],
  ['1:30:00', '5400'],
  ['-1:30', '-90'],
  ['2026-11-23', 'a date'],
  ['2026-11-23T06:00:00Z', 'a date'],
])('plain %s is refused: YAML 1.1 reads %s', (source, read) => {
  expect(ambiguity(source, readHere(source))).toContain(`plain ${source} is ${read} to YAML 1.1`);
});

test.each([
  ['true', '~', 'null', '0', '08', '-7', '1.50', '1e3', '0x1F', 'none', 'yesterday', 'n-1'],
  ['150ms', '10%', '0.1%', '20mbit', '256MiB', '1:99', '10.64.0.0/10', '<<', 'v1alpha1', '+1'],
])('%s and the like mean one thing', (...sources) => {
  for (const source of sources) expect(ambiguity(source, readHere(source))).toBeUndefined();
});
