import { expect, test } from 'vitest';
import { plan } from '../../test/fixtures/made-up-run.ts';
import { fail } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import type { NodeReply } from '../kinds/kind.ts';
import { readPrometheusText } from '../metrics/prometheus-text.ts';
import type { NodeName } from '../names.ts';
import { targetsOf } from '../observe/targets.ts';
import { createPassThrough, type PassThroughDependencies } from './pass-through.ts';

const node = plan.nodes[8]?.name ?? '';
const silent = plan.nodes[9]?.name ?? '';

function passThrough(
  reply: (name: NodeName) => Promise<NodeReply>,
  more: Partial<PassThroughDependencies> = {},
) {
  const asked: string[] = [];
  const failures: string[] = [];
  const { text } = createPassThrough({
    testnet: 'tour',
    request: async (name) => {
      asked.push(name);
      return await reply(name);
    },
    targets: targetsOf(plan, { kinds, dataDirectory: (name) => name }),
    answer: () => ({ at: 0, observation: { peers: [] } }),
    onFailure: (group) => failures.push(group),
    ...more,
  });
  return { text: () => text(plan.nodes), asked, failures };
}

const whole = async () => ({ status: 200, body: '# HELP a What.\n# TYPE a gauge\na 1\n' });

test('all nodes are in one family, each with its own labels', async () => {
  const { text } = await passThrough(whole).text();
  expect(text.match(/^# (?:HELP|TYPE) .*$/gm)).toEqual(['# HELP a What.', '# TYPE a gauge']);
  const series = readPrometheusText(text);
  expect(series.map(({ labels }) => labels['node'])).toEqual(plan.nodes.map(({ name }) => name));
  for (const { labels } of series) {
    const { group, region } = plan.nodes.find(({ name }) => name === labels['node']) ?? {};
    expect(labels).toEqual({ testnet: 'tour', group, node: labels['node'], region });
  }
});

test('a node that fails or answers nonsense harms no other, and is counted', async () => {
  const { text, failures } = passThrough(async (name) => {
    if (name === node) throw fail('CONTACT_LOST', 'gone');
    return name === silent ? { status: 404, body: 'a 1' } : await whole();
  });
  expect(readPrometheusText((await text()).text)).toHaveLength(plan.nodes.length - 2);
  expect(failures).toHaveLength(2);
});

test('a node that never answers delays the page for a moment only', async () => {
  const never = new Promise<NodeReply>(() => {});
  const { text } = passThrough((name) => (name === node ? never : whole()));
  expect(readPrometheusText((await text()).text)).toHaveLength(plan.nodes.length - 1);
});

test('nodes that answer at one moment are read in as many turns of the event loop', async () => {
  let turns = 0;
  let ended = false;
  const count = () => {
    turns += 1;
    if (!ended) setImmediate(count);
  };
  setImmediate(count);
  await passThrough(whole).text();
  ended = true;
  expect(turns).toBeGreaterThanOrEqual(plan.nodes.length);
});

test('nodes that are silent are not asked', async () => {
  const answer = () => undefined;
  const { text, asked } = passThrough(whole, { answer });
  expect(await text()).toEqual({ text: '', leftOut: 0 });
  expect(asked).toEqual([]);
});

test('two readers at a time ask the nodes once', async () => {
  const { text, asked } = passThrough(whole);
  await Promise.all([text(), text()]);
  expect(asked).toHaveLength(plan.nodes.length);
});

test('where nodes have no page of their own, what was observed is shown, described', async () => {
  const bitcoind = kinds.get('bitcoind');
  if (bitcoind === undefined) throw new TypeError('no kind bitcoind');
  const targets = targetsOf(plan, { kinds, dataDirectory: (name) => name });
  const own = [...targets].map(([name, one]) => [name, { ...one, kind: bitcoind }] as const);
  const metrics = { bitcoind_sent_bytes_total: 7 };
  const { text } = passThrough(whole, {
    targets: new Map(own),
    answer: () => ({ at: 0, observation: { peers: [], metrics } }),
  });
  expect((await text()).text).toMatch(/^# TYPE bitcoind_sent_bytes_total counter$/m);
});
