import { expect, test } from 'vitest';
import { jsonPointerPattern, resolvePointer } from './json-pointer.ts';

// The table of RFC 6901, section 5.
const document = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'g|h': 4,
  'i\\j': 5,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
};

test.each([
  ['', document],
  ['/foo', ['bar', 'baz']],
  ['/foo/0', 'bar'],
  ['/', 0],
  ['/a~1b', 1],
  ['/c%d', 2],
  ['/e^f', 3],
  ['/g|h', 4],
  ['/i\\j', 5],
  ['/k"l', 6],
  ['/ ', 7],
  ['/m~0n', 8],
  ['/foo/2', undefined],
  ['/foo/length', undefined],
  ['/foo/0/0', undefined],
  ['/toString', undefined],
  ['/nothing/at/all', undefined],
])('%s', (pointer, value) => {
  expect(pointer).toMatch(jsonPointerPattern);
  expect(resolvePointer(document, pointer)).toEqual(value);
});

test.each(['foo', '/a~2', '/~', '#/foo', '$.foo'])('%s is no pointer', (text) => {
  expect(text).not.toMatch(jsonPointerPattern);
});
