import { describe, expect, test } from 'vitest';
import { claimOf, incarnationOf, type Pod } from './selection.ts';

type Parts = {
  readonly metadata?: Partial<Pod['metadata']>;
  readonly spec?: Pod['spec'];
  readonly status?: Pod['status'];
};

const owner = { apiVersion: 'peerstorm.dev/v1alpha1', kind: 'Testnet', name: 'net', uid: 'n1' };

function pod({ metadata = {}, spec = {}, status = {} }: Parts = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'net-full-3',
      namespace: 'tests',
      uid: 'p1',
      labels: { 'peerstorm.dev/testnet': 'net', 'peerstorm.dev/node': 'full-3' },
      ownerReferences: [owner],
      ...metadata,
    },
    spec: { nodeName: 'host-1', ...spec },
    status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ...status },
  };
}

test('a pod on this host that a Testnet owns is claimed for it', () => {
  expect(claimOf(pod(), 'host-1')).toEqual({
    uid: 'p1',
    pod: 'net-full-3',
    node: 'full-3',
    testnet: { namespace: 'tests', name: 'net', uid: 'n1' },
    ips: ['10.0.0.1', 'fd00::1'],
    initContainers: [],
    newest: { incarnation: 0 },
    gated: false,
    ahead: false,
    graceSeconds: 30,
  });
});

test('its gate, and that it was made ahead, are seen', () => {
  const metadata = { annotations: { 'peerstorm.dev/ahead': 'true' } };
  const spec = { initContainers: [{ name: 'sidecar' }, { name: 'gate' }] };
  expect(claimOf(pod({ metadata, spec }), 'host-1')).toMatchObject({ gated: true, ahead: true });
  const other = { initContainers: [{ name: 'sidecar' }] };
  expect(claimOf(pod({ spec: other }), 'host-1')).toMatchObject({ gated: false, ahead: false });
});

describe('no claim is made of a pod', () => {
  test.each<[string, Parts]>([
    ['of another host', { spec: { nodeName: 'host-2' } }],
    ['in the network of the host', { spec: { nodeName: 'host-1', hostNetwork: true } }],
    ['that is over', { status: { phase: 'Succeeded' } }],
    ['that has failed', { status: { phase: 'Failed' } }],
    ['without labels', { metadata: { labels: {} } }],
    ['without a node', { metadata: { labels: { 'peerstorm.dev/testnet': 'net' } } }],
    ['that nobody owns', { metadata: { ownerReferences: [] } }],
    ['that another kind owns', { metadata: { ownerReferences: [{ ...owner, kind: 'Job' }] } }],
    [
      'that a Testnet of another group owns',
      { metadata: { ownerReferences: [{ ...owner, apiVersion: 'else.dev/v1' }] } },
    ],
    [
      'that another Testnet owns than its label says',
      { metadata: { ownerReferences: [{ ...owner, name: 'other' }] } },
    ],
    [
      'whose node has no name of ours',
      {
        metadata: { labels: { 'peerstorm.dev/testnet': 'net', 'peerstorm.dev/node': 'a;b-0' } },
      },
    ],
  ])('%s', (_, parts) => {
    expect(claimOf(pod(parts), 'host-1')).toBeUndefined();
  });
});

describe('an order', () => {
  const withOrder = (text: string) =>
    claimOf(pod({ metadata: { annotations: { 'peerstorm.dev/order': text } } }), 'host-1');

  test('is read', () => {
    const order = {
      incarnation: 2,
      run: 'stopped',
      stop: { signal: 'SIGTERM', graceSeconds: 5 },
    };
    expect(withOrder(JSON.stringify(order))?.order).toEqual(order);
  });

  test.each([
    ['that is no JSON', '{', /no JSON/],
    ['with another word', '{"incarnation":0,"run":"rm -rf"}', /run:/],
    ['with a number below 0', '{"incarnation":-1,"run":"running"}', /incarnation:/],
    [
      'with a signal that is none of ours',
      '{"incarnation":0,"run":"stopped","stop":{"signal":"SIGUSR1","graceSeconds":1}}',
      /stop\.signal:/,
    ],
  ])('%s is a problem', (_, text, problem) => {
    const claim = withOrder(text);
    expect(claim?.order).toBeUndefined();
    expect(claim?.problem).toMatch(problem);
  });
});

describe('a container is an incarnation', () => {
  const status = (containerID: string, restartCount: number, last?: string) => ({
    containerStatuses: [
      { name: 'sidecar', restartCount: 9, containerID: 'containerd://other' },
      {
        name: 'node',
        restartCount,
        containerID: `containerd://${containerID}`,
        ...(last === undefined
          ? {}
          : { lastState: { terminated: { containerID: `containerd://${last}` } } }),
      },
    ],
  });
  const first = { annotations: { 'peerstorm.dev/first-incarnation': '4' } };

  test.each<[string, Parts, readonly [string, number]]>([
    ['the first of a pod', { status: status('a', 0) }, ['a', 0]],
    ['one that was started again', { status: status('b', 1, 'a') }, ['b', 1]],
    ['the one before', { status: status('b', 1, 'a') }, ['a', 0]],
    ['one that the kubelet has not told of', { status: status('b', 1, 'a') }, ['c', 2]],
    ['before the kubelet has told of any', {}, ['a', 0]],
    ['of a pod that was made anew', { metadata: first, status: status('a', 1) }, ['a', 5]],
  ])('%s', (_, parts, [container, incarnation]) => {
    const claim = claimOf(pod(parts), 'host-1');
    expect(claim && incarnationOf(claim, container)).toBe(incarnation);
  });
});
