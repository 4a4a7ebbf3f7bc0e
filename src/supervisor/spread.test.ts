import { expect, test } from 'vitest';
import { scriptedPlan } from '../../test/scripted.ts';
import type { NodeName } from '../names.ts';
import { drawSample } from '../network/network.ts';
import type { Observation } from '../network/observation.ts';
import type { Sample } from '../network/sample.ts';
import { createSpread } from './spread.ts';

function record() {
  const said: string[] = [];
  const tells = new Set<string>();
  const spread = createSpread(
    {
      reorganised: (group, depths) => {
        tells.add(group);
        said.push(...depths.map((depth) => `${group} gave up ${depth}`));
      },
      received: (group, seconds) => said.push(`${group} after ${seconds}`),
      reached: (share, seconds) => said.push(`${share} after ${seconds}`),
    },
    (node) => node.slice(0, node.lastIndexOf('-')),
  );
  return { said, tells, spread };
}

function sampleOf(count: number, reorgs: readonly (readonly [number, number])[] = []): Sample {
  const nodes = Array.from({ length: count }, (_, i) => {
    const sample = {
      answering: true,
      expected: true,
      tip: 'aa',
      metrics: { reorg_depth: 0 },
      reorgs,
    };
    return [`full-${i}` as NodeName, sample] as const;
  });
  return { t: 4_000, network: {}, edges: [], nodes: new Map(nodes) };
}

const news = (seconds: number) => ({
  peers: [],
  propagationSeconds: [seconds],
  propagatedBlocks: ['b1'],
});

test('a block is closed when all but its maker have told of it, in whatever order', () => {
  const { said, spread } = record();
  for (const seconds of [0.3, 0.1, 0.2]) spread.heard('full', news(seconds), 0);
  spread.sampled(sampleOf(5), 0);
  expect(said).toEqual(['full after 0.3', 'full after 0.1', 'full after 0.2']);
  spread.heard('full', news(0.4), 0);
  spread.sampled(sampleOf(5), 0);
  spread.sampled(sampleOf(5), 1_000);
  expect(said.slice(4)).toEqual([
    '0.5 after 0.2',
    '0.9 after 0.4',
    '0.99 after 0.4',
    '1 after 0.4',
  ]);
});

test('a block that is not everywhere after half a minute has reached whom it has', () => {
  const { said, spread } = record();
  spread.heard('full', news(0.1), 0);
  spread.heard('full', news(0.2), 0);
  spread.sampled(sampleOf(5), 29_999);
  expect(said).toHaveLength(2);
  spread.sampled(sampleOf(5), 30_000);
  expect(said.slice(2)).toEqual(['0.5 after 0.2']);
});

test('a reorg counts in the sample in which it was seen, and in no later one', () => {
  const { said, spread } = record();
  spread.sampled(
    sampleOf(1, [
      [3_000, 9],
      [4_000, 2],
    ]),
    0,
  );
  expect(said).toEqual(['full gave up 2']);
});

test('whose nodes tell of reorgs is known before the first of them', () => {
  const plan = scriptedPlan(2);
  const names = plan.nodes.map(({ name }) => name);
  const telling = (more: Partial<Observation>) =>
    drawSample({
      ...{ plan, now: 4_000, t: 4_000, world: { nodes: new Map(), enforcement: [] } },
      observations: new Map(
        names.map((name) => [name, { at: 4_000, observation: { peers: [], ...more } }]),
      ),
      ...{ memory: new Map(), ready: new Set(names), absences: new Map(), cuts: [] },
    }).sample;
  const { said, tells, spread } = record();
  spread.sampled(telling({}), 0);
  expect([...tells]).toEqual([]);
  spread.sampled(telling({ reorgs: { count: 0, depths: [] } }), 0);
  expect([...tells]).toEqual(['full']);
  expect(said).toEqual([]);
});

test('blocks that nodes make up are forgotten', () => {
  const { said, spread } = record();
  for (let i = 0; i < 5_000; i += 1) {
    spread.heard('full', { ...news(1), propagatedBlocks: [`made-up-${i}`] }, 0);
  }
  said.length = 0;
  spread.sampled(sampleOf(4), 30_000);
  expect(said.filter((line) => line.startsWith('0.5'))).toHaveLength(1_000);
});
