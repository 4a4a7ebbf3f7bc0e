import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const known = ['at', 'for', 'name', 'count', 'region', 'regions', 'randomSeed', 'restart'];

test.each([
  ['cuont', 'count'],
  ['ta', 'at'],
  ['nmae', 'name'],
  ['random_seed', 'randomSeed'],
  ['RANDOMSEED', 'randomSeed'],
  ['regoin', 'region'],
  ['regoins', 'regions'],
  ['restarts', 'restart'],
  ['colour', undefined],
  ['x', undefined],
  ['', undefined],
])('%s was meant to be %s', (word, meant) => {
  expect(nearest(word, known)).toBe(meant);
});
