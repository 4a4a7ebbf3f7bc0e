import { expect, test } from 'vitest';
import { planOf, problemsOf } from '../../test/golden/plan/planning.ts';

const spec = (links: readonly object[]) => ({
  network: { regions: ['eu', 'us', 'ap'].map((name) => ({ name })), links },
  groups: [
    { name: 'a', count: 2, kind: 'reference', regions: { eu: 1 } },
    { name: 'b', kind: 'reference', regions: { us: 1 } },
    { name: 'c', count: 2, kind: 'reference', regions: { ap: 1 } },
  ],
});
const base = (links: readonly object[]) =>
  planOf(spec(links)).base.map(
    ({ from, to, impairment: { kind, ...shape } }) =>
      `${from.join(' ')} -> ${to.join(' ')} ${kind} ${JSON.stringify(shape)}`,
  );

test('rtt is halved, and its jitter divided by the root of 2', () => {
  expect(base([{ between: ['us', 'eu'], rtt: '85ms', jitter: '5ms' }])).toEqual([
    'a-0 a-1 -> b-0 shape {"delayMs":42.5,"jitterMs":3.53553391}',
    'b-0 -> a-0 a-1 shape {"delayMs":42.5,"jitterMs":3.53553391}',
  ]);
});

test('delay, its jitter, loss and rate hold in each direction', () => {
  const link = { delay: '30ms', jitter: '10ms', loss: '0.1%', rate: '1mbit' };
  const shape = '{"lossRatio":0.001,"rateBitsPerSecond":1000000,"delayMs":30,"jitterMs":10}';
  expect(base([{ between: ['us', 'ap'], ...link }])).toEqual([
    `b-0 -> c-0 c-1 shape ${shape}`,
    `c-0 c-1 -> b-0 shape ${shape}`,
  ]);
});

test('default serves different regions without a between, within the inside of one', () => {
  const links = [
    { default: true, delay: '9ms' },
    { between: ['eu', 'us'], rate: '1mbit' },
    { within: 'eu', delay: '1ms' },
    { within: 'us', delay: '1ms' },
  ];
  expect(base(links)).toEqual([
    'a-0 a-1 -> a-0 a-1 shape {"delayMs":1}',
    'a-0 a-1 -> b-0 shape {"rateBitsPerSecond":1000000}',
    'a-0 a-1 -> c-0 c-1 shape {"delayMs":9}',
    'b-0 -> a-0 a-1 shape {"rateBitsPerSecond":1000000}',
    'b-0 -> c-0 c-1 shape {"delayMs":9}',
    'c-0 c-1 -> a-0 a-1 shape {"delayMs":9}',
    'c-0 c-1 -> b-0 shape {"delayMs":9}',
  ]);
});

test('links of unknown regions are named', () => {
  const links = [
    { between: ['eu', 'uss'], rtt: '1ms' },
    { within: 'mars', delay: '1ms' },
  ];
  expect(problemsOf(spec(links))).toEqual([
    'error spec.network.links[0].between[1]: no region is named "uss", did you mean us?',
    'error spec.network.links[1].within: no region is named "mars", there are eu, us and ap',
  ]);
});
