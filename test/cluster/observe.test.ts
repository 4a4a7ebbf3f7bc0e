// Agents ask the nodes of their hosts, and the controller reads what they have heard: as for
// testnets of more than 300 nodes, with a number that four nodes are above.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NetworkState } from '../../src/runtime/kubernetes/objects.ts';
import { readPage } from '../../src/runtime/kubernetes/observations.ts';
import { fetchIn, hasHost, installChart, kubectl, podsOf, release, Storm } from './harness.ts';

const available = hasHost('test/cluster/observe.test.ts');

/** While the fault is on, the sides do not see each other; agents see all. */
const spec = `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: net }
spec:
  groups:
    - { name: a, count: 2, kind: reference, bootstrap: true }
    - { name: b, count: 2, kind: reference }
  topology: { model: full-mesh }
  faults:
    - { name: split, at: 5s, for: 15s, partition: { sides: [{ group: a }, { group: b }] } }
  expect:
    - { name: all answer, always: true, metric: nodes_answering, is: "== 4" }
    - { name: two halves, during: split, settle: 8s, metric: components, is: "== 2" }
    - { name: one again, after: split, within: 60s, metric: components, is: "== 1" }
`;

describe.runIf(available)('agents that ask', { timeout: 300_000 }, () => {
  beforeAll(() => installChart(['--set', 'controller.observeByAgentsAbove=3']), 200_000);
  afterAll(() => installChart(), 200_000);

  test('are read by the controller, and by nobody else', async () => {
    await using storm = await Storm.create('observe');
    await storm.apply(spec);
    await storm.enforced('net', 'split');
    const states = await storm.list<NetworkState>('networkstates');
    const orders = states.flatMap(({ schedule }) => schedule?.observe ?? []);
    expect(orders.map(({ groups }) => groups.map(({ name }) => name))).toEqual([['a', 'b']]);
    const [state] = states;
    const path = `/observations?testnet=${state?.testnet.uid}`;
    const [agent] = await podsOf('agent');
    if (agent === undefined) throw new TypeError('no agent');
    const asked = async (...args: readonly string[]) => {
      const account = [...args, '--namespace', release.namespace];
      const token = args.length === 0 ? '' : await kubectl(['create', 'token', ...account]);
      return await fetchIn(agent, { port: 9469, path, token });
    };
    const forAgents = '--audience=peerstorm-agent';
    expect(await asked()).toMatchObject({ status: 401 });
    expect(await asked('peerstorm-controller')).toMatchObject({ status: 401 });
    expect(await asked('peerstorm-agent', forAgents)).toMatchObject({ status: 401 });
    const { status, body } = await asked('peerstorm-controller', forAgents);
    expect(status, body).toBe(200);
    const nodes = new Set(readPage(body).heard.map(({ node }) => node));
    expect([...nodes].toSorted()).toEqual(['a-0', 'a-1', 'b-0', 'b-1']);
    const ended = await storm.finished('net');
    expect(ended, await storm.explain()).toMatchObject({
      verdict: 'passed',
      faults: [{ proof: 'proved' }],
    });
  });
});
