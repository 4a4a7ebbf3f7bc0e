import { expect, test } from 'vitest';
import type { NodeRequest } from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import { createObservations } from './observations.ts';

const order = {
  everyMs: 1_000,
  groups: [{ name: 'full', kind: 'reference', config: JSON.stringify({ httpPort: 7000 }) }],
};
const nodes = [
  { node: 'full-0' as NodeName, ips: ['10.1.0.1', 'fd00::1'] },
  { node: 'full-1' as NodeName, ips: ['10.1.0.2'] },
  { node: 'miner-0' as NodeName, ips: ['10.1.0.3'] },
  { node: 'full-2' as NodeName, ips: [] },
];
const reply = JSON.stringify({
  peers: [],
  height: 1,
  cursor: 3,
  propagationSeconds: [],
  metrics: {},
});

function ask(answer: (address: string) => string = () => reply) {
  const clock = virtualClock(0);
  const asked: string[] = [];
  const observations = createObservations({
    clock,
    ask: async (address: string, request: NodeRequest) => {
      asked.push(`${address}:${request.port}`);
      return { status: 200, body: answer(address) };
    },
  });
  const pass = async (ms: number) => await clock.run(clock.sleep(ms));
  return { observations, asked, pass };
}

test('asks the nodes here of the groups of the order, by their first address', async () => {
  using all = ask().observations;
  all.follow(undefined, nodes);
  const { observations, asked, pass } = ask();
  observations.follow(order, nodes);
  await pass(1_900);
  expect(asked).toEqual(['10.1.0.1:7000', '10.1.0.2:7000']);
  observations.follow(order, nodes.slice(0, 1));
  await pass(1_000);
  expect(asked.slice(2)).toEqual(['10.1.0.1:7000']);
  observations.follow(undefined, nodes);
  await pass(5_000);
  expect(asked).toHaveLength(3);
});

test('tells each thing once, with its age, to who says what it knows', async () => {
  const { observations, pass } = ask();
  observations.follow(order, nodes);
  await pass(1_900);
  const first = observations.page('');
  expect(first.heard).toMatchObject([
    { node: 'full-0', ageMs: 900, observation: { height: 1, cursor: 3 } },
    { node: 'full-1', ageMs: 650 },
  ]);
  expect(observations.page(first.next)).toEqual({ next: first.next, more: false, heard: [] });
  await pass(1_000);
  const second = observations.page(first.next);
  expect(second.heard.map(({ node }) => node)).toEqual(['full-0', 'full-1']);
  // An answer that was lost on its way is given again.
  expect(observations.page(first.next)).toEqual(second);
  observations[Symbol.dispose]();
});

test('a number of another agent means nothing, and what is old is gone', async () => {
  const { observations, pass } = ask();
  observations.follow(order, nodes.slice(0, 1));
  await pass(20_500);
  const { heard } = observations.page('0123456789abcdef.15');
  expect(heard).toHaveLength(6);
  expect(heard.every(({ ageMs }) => ageMs <= 6_000)).toBe(true);
  observations[Symbol.dispose]();
});

test('says who does not answer', async () => {
  const { observations, pass } = ask((address) => {
    if (address === '10.1.0.1') throw new TypeError('refused');
    return reply;
  });
  observations.follow(order, nodes);
  await pass(1_900);
  expect(observations.page('').heard).toMatchObject([
    { node: 'full-0', failure: 'refused' },
    { node: 'full-1', observation: { height: 1 } },
  ]);
  observations[Symbol.dispose]();
});

test('an answer has a bound; the rest comes with the next', async () => {
  const metrics = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`m${at}`, at]));
  const large = JSON.stringify({ ...(JSON.parse(reply) as object), metrics });
  const { observations, pass } = ask(() => large);
  const many = Array.from({ length: 8 }, (_, at) => ({
    node: `full-${at}` as NodeName,
    ips: [`10.1.0.${at + 1}`],
  }));
  observations.follow(order, many);
  await pass(1_900);
  const first = observations.page('');
  const second = observations.page(first.next);
  expect([first.more, second.more]).toEqual([true, false]);
  const pages = [first, second];
  for (const page of pages) expect(JSON.stringify(page).length).toBeLessThan(2 ** 20);
  const names = pages.flatMap(({ heard }) => heard.map(({ node }) => node));
  expect(names).toEqual(many.map(({ node }) => node));
  observations[Symbol.dispose]();
});

test('one answer that is longer than that is not passed on, and holds up no other', async () => {
  const metrics = { ['ü'.repeat(500_000)]: 1 };
  const huge = JSON.stringify({ ...(JSON.parse(reply) as object), metrics });
  const { observations, pass } = ask((address) => (address === '10.1.0.1' ? huge : reply));
  observations.follow(order, nodes);
  await pass(1_900);
  expect(observations.page('').heard).toMatchObject([
    { node: 'full-0', failure: 'what it answers is too long to be passed on' },
    { node: 'full-1', observation: { height: 1 } },
  ]);
  observations[Symbol.dispose]();
});

test.each([
  ['a kind that it does not know', { ...order.groups[0], kind: 'geth' }, 'no kind geth'],
  ['a config that is none', { ...order.groups[0], config: '{"httpPort":-1}' }, 'group full'],
  ['what is no JSON', { ...order.groups[0], config: '{' }, 'group full'],
])('asks nobody because of %s, and says so', async (_, group, words) => {
  const { observations, asked, pass } = ask();
  observations.follow({ everyMs: 1_000, groups: [group as (typeof order.groups)[0]] }, nodes);
  await pass(3_000);
  expect(asked).toEqual([]);
  expect(() => observations.page('')).toThrow(words);
  observations.follow(order, nodes);
  expect(observations.page('').heard).toEqual([]);
  observations[Symbol.dispose]();
});
