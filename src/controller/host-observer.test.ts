import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import type { NodeName } from '../names.ts';
import type { Observation } from '../network/observation.ts';
import type { ObservationPage } from '../runtime/kubernetes/observations.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import { observeHosts } from './host-observer.ts';

const observation: Observation = { peers: [], height: 1 };
const page = (next: string, nodes: readonly string[], more = false): ObservationPage => ({
  next,
  more,
  heard: nodes.map((node) => ({ node: node as NodeName, ageMs: 300, observation, seconds: 0.1 })),
});

type Read = (host: string, since: string, at: number) => ObservationPage | Promise<ObservationPage>;

async function observeFor(ms: number, hosts: Readonly<Record<string, string[]>>, read: Read) {
  const clock = virtualClock(0);
  const stop = new AbortController();
  const asked: string[] = [];
  const heard: string[] = [];
  const failed: string[] = [];
  const all = new Map(
    Object.entries(hosts).map(([host, nodes]) => [host, new Set(nodes as NodeName[])]),
  );
  void observeHosts(
    {
      clock,
      intervalMs: 1_000,
      hosts: () => all,
      read: async (host, since) => {
        asked.push(`${clock.now()} ${host} ${since}`);
        return await read(host, since, clock.now());
      },
      onObservation: (node, { at }) => heard.push(`${node} ${at}`),
      onFailure: (node, error) => failed.push(`${clock.now()} ${node} ${String(error)}`),
    },
    stop.signal,
  );
  await clock.run(clock.sleep(ms));
  stop.abort();
  return { asked, heard, failed };
}

test('reads each host twice an interval, from where it was, and dates what it says', async () => {
  const { asked, heard } = await observeFor(1_400, { one: ['full-0'] }, (_, since, at) =>
    page(`${since}x`, at === 500 ? ['full-0'] : []),
  );
  expect(asked).toEqual(['0 one ', '500 one x', '1000 one xx']);
  expect(heard).toEqual(['full-0 200']);
});

test('goes on at once while there is more', async () => {
  const { asked, heard } = await observeFor(400, { one: ['full-0', 'full-1'] }, (_, since) =>
    since === '' ? page('a', ['full-0'], true) : page('b', ['full-1']),
  );
  expect(asked).toEqual(['0 one ', '0 one a']);
  expect(heard).toEqual(['full-0 -300', 'full-1 -300']);
});

test('does not go on for ever with one that always has more', async () => {
  const { asked } = await observeFor(900, { one: ['full-0'] }, (_, since) => page(since, [], true));
  expect(asked).toHaveLength(16);
});

test('one that hangs delays nobody, and is not read twice', async () => {
  const never = new Promise<ObservationPage>(() => {});
  const { asked, heard } = await observeFor(2_900, { one: ['full-0'], two: ['full-1'] }, (host) =>
    host === 'one' ? never : page('', ['full-1']),
  );
  expect(asked.filter((each) => each.includes('one'))).toHaveLength(1);
  expect(heard).toHaveLength(6);
});

test('one that does not answer is told of once an interval, for each of its nodes', async () => {
  const { failed, heard } = await observeFor(
    1_900,
    { one: ['full-0', 'full-1'], two: ['full-2'] },
    (host) => {
      if (host === 'one') throw fail('COMMAND_FAILED', 'it answers 401');
      return page('', ['full-2']);
    },
  );
  expect(failed).toEqual(
    [0, 1_000].flatMap((at) =>
      ['full-0', 'full-1'].map((node) => `${at} ${node} the agent of one: it answers 401`),
    ),
  );
  expect(heard).toHaveLength(4);
});

test('of nodes that are elsewhere nothing is believed', async () => {
  const { heard } = await observeFor(400, { one: ['full-0'] }, () =>
    page('', ['full-0', 'full-1', 'other-0']),
  );
  expect(heard).toEqual(['full-0 -300']);
});
