import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { history, report } from '../../../test/fixtures/made-up-run.ts';
import { nodeName } from '../../names.ts';
import { formatMeasure, formatSeconds } from '../format.ts';
import { momentsOf, placesOf } from './graph.ts';
import { html, jsonMarkup, trusted } from './markup.ts';
import { plotData } from './series.ts';

test('a template escapes what it is given, unless that is markup', () => {
  const inner = html`<i>${'<'}</i>`;
  expect(html`<b title="${'"&'}">${inner}${['a', 1, undefined, trusted('<hr>')]}</b>`.markup).toBe(
    '<b title="&quot;&amp;"><i>&lt;</i>a1<hr></b>',
  );
});

test('JSON cannot end the script element that it is in', () => {
  const value = ['</script><!--', '<script>'];
  const { markup } = jsonMarkup(value);
  expect(markup).not.toContain('<');
  expect(JSON.parse(markup)).toEqual(value);
});

test.each([
  ['loss', 0.0987, 'loss 9.87 %'],
  ['lateShare', 0.25, 'late share 25 %'],
  ['delayMs', 40.26, 'delay 40.3 ms'],
  ['rateBitsPerSecond', 5e6, 'rate 5 Mbit/s'],
  ['rateBits', 64_000, 'rate 64 kbit/s'],
  ['downtimeSeconds', 5, 'downtime 5 s'],
  ['controlPairs', 12, 'control pairs 12'],
])('%s of %d', (name, number, text) => {
  const { label, value } = formatMeasure(name, number);
  expect(`${label} ${value}`).toBe(text);
});

test.each([
  [12.34, '12.3 s'],
  [-3, '-3 s'],
  [599.96, '600 s'],
  [605, '10:05 min'],
])('%d seconds', (value, text) => {
  expect(formatSeconds(value)).toBe(text);
});

test('plots fold over nodes, and keep the extremes when samples are folded too', () => {
  const { plots, times } = plotData(history);
  expect(times).toEqual(history.map(({ t }) => t));
  const least = plots.find(({ title }) => title === 'Height')?.series[0];
  expect(least?.values).toEqual(
    history.map(({ nodes }) => Math.min(...Object.values(nodes).map((n) => n.node_height ?? 0))),
  );
  const few = plotData(history, 10);
  expect(few.times.length).toBeLessThanOrEqual(10);
  const depth = ({ plots }: typeof few) =>
    Math.max(
      ...(plots.find(({ title }) => title === 'Deepest reorg')?.series[0]?.values ?? []).map(
        Number,
      ),
    );
  expect(depth(few)).toBe(depth(plotData(history)));
});

test('a metric that nobody reported, or that never left 0, has no plot', () => {
  const titles = plotData(history.slice(0, 5)).plots.map(({ title }) => title);
  expect(titles).toContain('Height');
  expect(titles).not.toContain('Deepest reorg');
  const silent = history.map((line) => ({ ...line, nodes: {} }));
  expect(plotData(silent).plots.map(({ title }) => title)).toEqual([
    'Components and tips',
    'Nodes that answer',
  ]);
});

test('drawings: before, during and after, with the connections that have gone', () => {
  const [fault] = report.faults;
  if (fault === undefined) throw new Error('no fault');
  const moments = momentsOf(fault, report.faults, history);
  expect(moments.map(({ label, line }) => [label, line.t])).toEqual([
    ['before', 20],
    ['during', 50],
    ['after', 70],
  ]);
  const [before, during, after] = moments;
  expect(before?.gone).toEqual([]);
  expect(during?.gone.length).toBe((before?.edges.length ?? 0) - (during?.edges.length ?? 0));
  expect(after?.edges).toEqual(before?.edges);
});

test('every node has a place of its own', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(counts, fc.boolean(), (groups, regions) => {
      const nodes = groups.flatMap((count, group) =>
        Array.from({ length: count }, (_, index) => ({
          index,
          address: '10.64.0.2',
          dials: [],
          peered: true,
          name: nodeName(`g${group}`, index),
          group: `g${group}`,
          region: regions ? `r${group}` : '',
        })),
      );
      const places = [...placesOf(nodes).of.values()].map(({ x, y }) => `${x} ${y}`);
      expect(new Set(places).size).toBe(nodes.length);
    }),
  );
});
