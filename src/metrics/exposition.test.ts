import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeFamilies, readExposition, showNumbers } from './exposition.ts';
import { readPrometheusText, seriesKey } from './prometheus-text.ts';

const labels = { testnet: 't', group: 'full', node: 'full-0', region: 'eu' };
const own = 'group="full",node="full-0",region="eu",testnet="t"';
const shown = (text: string) => mergeFamilies([readExposition(text, labels).families]);

test('a series has the labels of its node beside its own', () => {
  expect(shown('# HELP a What a is.\n# TYPE a gauge\na{x="1"} 2\na{x="2"} NaN 1395066363000')).toBe(
    `# HELP a What a is.\n# TYPE a gauge\na{${own},x="1"} 2\na{${own},x="2"} NaN\n`,
  );
});

test('what it says of where it comes from is kept under another name', () => {
  expect(shown('a{node="boss",job="x",__name="y"} 1')).toContain(
    `a{${own},exported_job="x",exported_node="boss"} 1`,
  );
});

test('a histogram stays in one piece', () => {
  const text = '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_sum 0.5\nh_count 3\nh_other 1\n';
  const { families } = readExposition(text, labels);
  expect([...families.keys()]).toEqual(['h', 'h_other']);
  expect(families.get('h')?.lines).toHaveLength(3);
});

test.each([
  'peerstorm_fault_active 1',
  'peerstorm:anything 1',
  'up 1',
  'scrape_duration_seconds 1',
  'ALERTS{alertname="x"} 1',
  'workqueue_depth 1',
  'workqueue_queue_duration_seconds_bucket{le="1"} 1',
])('the name of %s is not for nodes', (line) => {
  expect(shown(`a 1\n# TYPE workqueue_queue_duration_seconds histogram\n${line}`)).toBe(
    shown('a 1'),
  );
});

test.each(['<html>', 'a{x="1" 2', 'a b', `a{x="${'y'.repeat(3_000)}"} 1`])(
  'a line that is no metric (%#) harms no other',
  (line) => {
    const read = readExposition(`a 1\n${line}\nb 2`, labels);
    expect([...read.families.keys()]).toEqual(['a', 'b']);
    expect(read.leftOut).toBe(1);
  },
);

test('a node has at most 500 series', () => {
  const many = Array.from({ length: 600 }, (_, i) => `a{i="${i}"} 1`).join('\n');
  const read = readExposition(many, labels);
  expect(read.families.get('a')?.lines).toHaveLength(500);
  expect(read.leftOut).toBe(100);
});

test('a series that comes twice, also with its labels in another order, is shown once', () => {
  const read = readExposition('a{x="1",y="2"} 1\na{y="2",x="1"} 2', labels);
  expect(read.families.get('a')?.lines).toEqual([`a{${own},x="1",y="2"} 1`]);
  expect(read.leftOut).toBe(1);
});

test('a node has at most 128 KiB', () => {
  const long = Array.from({ length: 400 }, (_, i) => `a{i="${i}${'y'.repeat(1_000)}"} 1`);
  expect(shown(long.join('\n')).length).toBeLessThan(132 * 1024);
});

test('a help of any length and any escapes is one line that parses', () => {
  const help = `${'x'.repeat(299)}\\\\ and more`;
  expect(shown(`# HELP a ${help}\na 1`)).toContain(`# HELP a ${'x'.repeat(299)} \n`);
  expect(shown('# HELP a \\d and \\n and \\\\\na 1')).toContain('# HELP a  d and \\n and \\\\\n');
});

test('nodes that disagree about a type make it untyped, and lose no series', () => {
  const one = readExposition('# TYPE a gauge\na 1', labels).families;
  const other = readExposition('# TYPE a counter\na 2', { ...labels, node: 'full-1' }).families;
  const merged = mergeFamilies([one, other]);
  expect(merged.match(/^# TYPE .*$/gm)).toEqual(['# TYPE a untyped']);
  expect(readPrometheusText(merged).map(({ value }) => value)).toEqual([1, 2]);
});

test('numbers of an observation are described by their kind', () => {
  const numbers = { a_total: 3, 'b{x="1"}': 4, 'no metric': 5 };
  const described = { a_total: { type: 'counter', help: 'How many.' } };
  const { families, leftOut } = showNumbers(numbers, described, labels);
  expect(leftOut).toBe(1);
  expect(mergeFamilies([families])).toBe(`# HELP a_total How many.
# TYPE a_total counter
a_total{${own}} 3

# HELP b A metric of the node itself.
# TYPE b untyped
b{${own},x="1"} 4
`);
});

describe('whatever a node answers', () => {
  const piece = fc.oneof(
    fc.constantFrom('# HELP a ', '# TYPE a counter', 'a', '{', 'x="', '"', '\\', '} ', '1', '\n'),
    fc.string(),
  );

  test('is read back as series of that node', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const series = readPrometheusText(shown(pieces.join('')));
        expect(new Set(series.map(seriesKey)).size).toBe(series.length);
        for (const one of series) expect(one.labels).toMatchObject(labels);
      }),
    );
  });

  test('takes time in proportion to its length', () => {
    const hostile = ['# HELP a', '# TYPE a', 'a{', 'a{x="'].map((start) => {
      const filling = start.endsWith('"') ? '\\"' : ' \t';
      return `${start}${filling.repeat(200_000)}\u2028`;
    });
    expect(shown(`${hostile.join('\n')}\nb 1`)).toContain(`b{${own}} 1`);
  });
});
