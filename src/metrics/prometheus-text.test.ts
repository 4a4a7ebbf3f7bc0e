import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPrometheusText, seriesKey } from './prometheus-text.ts';

const read = (text: string) => readPrometheusText(text).map((one) => [seriesKey(one), one.value]);

test.each<[string, string, [string, number][]]>([
  ['no labels', 'up 1', [['up', 1]]],
  ['comments and empty lines', '# HELP up x\n# TYPE up gauge\n\nup 1\n', [['up', 1]]],
  ['a timestamp', 'up 1 1395066363000', [['up', 1]]],
  [
    'carriage returns',
    'up 1\r\ndown 0\r\n',
    [
      ['up', 1],
      ['down', 0],
    ],
  ],
  ['labels, put in order', 'a{y="2",x="1"} 3', [['a{x="1",y="2"}', 3]]],
  ['spaces and a last comma', 'a { x = "1" , } 3', [['a{x="1"}', 3]]],
  ['no labels in braces', 'a{} 3', [['a', 3]]],
  ['escapes', String.raw`a{x="\"\\\n"} 3`, [[String.raw`a{x="\"\\\n"}`, 3]]],
  ['braces and commas in a value', 'a{x="},{"} 3', [['a{x="},{"}', 3]]],
  ['exponents', 'a 1.5e+09', [['a', 1.5e9]]],
  [
    'infinities',
    'a +Inf\nb -Inf',
    [
      ['a', Infinity],
      ['b', -Infinity],
    ],
  ],
  ['an exemplar', 'a_bucket{le="1"} 3 # {id="x"} 0.5', [['a_bucket{le="1"}', 3]]],
])('%s', (_, text, expected) => {
  expect(read(text)).toEqual(expected);
});

test('NaN is a value', () => {
  expect(readPrometheusText('a NaN')[0]?.value).toBeNaN();
});

test.each(['a', 'a b', '1a 2', 'a{x=1} 2', 'a{x="1" 2', '<html>', 'a 0x10', 'a{x="1"'])(
  'line %j is refused',
  (line) => {
    expect(() => readPrometheusText(`up 1\n${line}`)).toThrow(/line 2/);
  },
);

describe('any series', () => {
  const name = fc.stringMatching(/^[a-z_:][a-z0-9_:]{0,8}$/);
  const labels = fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,5}$/), fc.string());

  test('reads back from its own text', () => {
    fc.assert(
      fc.property(name, labels, fc.double({ noNaN: true }), (name, labels, value) => {
        const number = String(value).replace('Infinity', 'Inf');
        const key = seriesKey({ name, labels });
        expect(read(`${key} ${number}`)).toEqual([[key, value + 0]]);
        expect(readPrometheusText(`${key} 1`)[0]?.labels).toEqual({ ...labels });
      }),
    );
  });
});
