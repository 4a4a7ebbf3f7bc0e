import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import { bookOf } from './addresses.ts';

const node = nodeName('n', 0);

describe('an address', () => {
  test.each([
    ['10.0.0.1', 'ip', '10.0.0.1'],
    ['fd00::1', 'ip6', 'fd00::1'],
    ['FD00:0:0:0:0:0:0:01', 'ip6', 'fd00::1'],
    ['2001:db8:0:1:1:1:1:1', 'ip6', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', 'ip6', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', 'ip6', '2001:db8::1:0:0:1'],
    ['::', 'ip6', '::'],
    ['::1', 'ip6', '::1'],
    ['fe80::', 'ip6', 'fe80::'],
  ] as const)('%s is of %s: %s', (text, family, expected) => {
    expect(bookOf(new Map([[node, [text]]])).of(node, family)).toEqual([expected]);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'g::1',
    '12345::1',
    'fd00::1%eth0',
    ':1::2',
    '10.0.0.1 } ; flush ruleset',
  ])('%j is none', (text) => {
    expect(() => bookOf(new Map([[node, [text]]]))).toThrow(TypeError);
  });

  test('belongs to the last node that claims it', () => {
    const other = nodeName('n', 1);
    const book = bookOf(
      new Map([
        [node, ['10.0.0.1', 'fd00::1']],
        [other, ['10.0.0.1']],
        [nodeName('n', 2), []],
      ]),
    );
    expect([book.of(node, 'ip'), book.of(other, 'ip')]).toEqual([[], ['10.0.0.1']]);
    expect([book.nodes, book.families]).toEqual([
      [node, other],
      ['ip', 'ip6'],
    ]);
  });
});
