import { expect, test } from 'vitest';
import { type NodeName, nodeName } from '../names.ts';
import { hashHex } from '../random.ts';
import type { Role } from '../spec/schema.ts';
import type { LaunchContext, PeerReference } from './kind.ts';
import { nodeConfig, type ReferenceConfig, reference } from './reference.ts';
import { referenceNodeConfig } from './reference-config.ts';

const nodes: LaunchContext<ReferenceConfig>['nodes'] = [
  member(nodeName('boot', 0), 'full', { port: 5001 }),
  member(nodeName('fast', 0), 'miner', { blockInterval: '12s', hashShare: 3 }),
  member(nodeName('slow', 0), 'miner', { blockInterval: '12s' }),
  member(nodeName('slow', 1), 'miner', { blockInterval: '12s' }),
  member(nodeName('slow', 2), 'miner', { blockInterval: '12s' }),
  member(nodeName('evil', 0), 'adversary'),
];

function member(name: NodeName, role: Role, config: object = {}) {
  return { name, role, config: reference.config.parse(config) };
}

function peer(name: NodeName): PeerReference {
  return { name, address: '10.64.0.9', identity: hashHex('test', name) };
}

function contextOf(
  name: string,
  changes: Partial<LaunchContext<ReferenceConfig>> = {},
): LaunchContext<ReferenceConfig> {
  const node = nodes.find((n) => n.name === name) ?? expect.fail(name);
  return {
    ...peer(node.name),
    testnet: 'tour',
    randomSeed: 7,
    group: name.slice(0, name.lastIndexOf('-')),
    index: 0,
    role: node.role,
    region: '',
    dataDirectory: '/data',
    seeds: [],
    dials: [],
    config: reference.config.parse(node.config),
    nodes,
    ...changes,
  };
}

const two = [peer(nodeName('slow', 0)), peer(nodeName('boot', 0))];

test('the file that it writes is one that the node accepts', () => {
  const context = contextOf('fast-0', { dials: two, seeds: two });
  const { files, argv } = reference.launch(context);
  expect(argv).toEqual(['node:reference', '--config', 'node.json']);
  const written: unknown = JSON.parse(files['node.json'] ?? '');
  expect(referenceNodeConfig.parse(written)).toEqual(nodeConfig(context));
});

test.each([
  ['fast-0', 24_000],
  ['slow-0', 72_000],
  ['boot-0', undefined],
  ['evil-0', undefined],
] as const)('%s finds a block every %s ms in the mean', (name, meanBlockMs) => {
  expect(nodeConfig(contextOf(name)).meanBlockMs).toBe(meanBlockMs);
});

test('all miners together find one block an interval', () => {
  const means = nodes.map(({ name }) => nodeConfig(contextOf(name)).meanBlockMs);
  const perMs = means.filter((ms) => ms !== undefined).reduce((sum, ms) => sum + 1 / ms, 0);
  expect(1 / perMs).toBeCloseTo(12_000);
});

test('others are told with the ports that they have', () => {
  const { dials } = nodeConfig(contextOf('fast-0', { dials: two }));
  expect(dials.map(({ port }) => port)).toEqual([4001, 5001]);
});

const asked = { config: reference.config.parse({ outboundPeers: 5 }) };
test.each([
  ['dials of a topology are all there is', { dials: two }, 2],
  ['without dials it looks for some', {}, 8],
  ['a topology may leave it without any', { discovers: false }, 0],
  ['a discovery with dials goes on beyond them', { dials: two, discovers: true }, 8],
  ['what the group asks for counts', { dials: two, ...asked }, 5],
] as const)('%s', (_, changes, outboundPeers) => {
  expect(nodeConfig(contextOf('boot-0', changes)).outboundPeers).toBe(outboundPeers);
});

test.each([
  { blockInterval: '10' },
  { hashShare: 0 },
  { encryption: 'none' },
  { port: 70_000 },
  { colour: 'red' },
])('the config %j is refused', (config) => {
  expect(reference.config.safeParse(config).success).toBe(false);
});

const node = peer(nodeName('boot', 0));
const config = reference.config.parse({ httpPort: 9000 });
const seen = {
  name: 'boot-0',
  role: 'full',
  peers: [{ peer: '12D3', address: '10.64.0.2', direction: 'inbound' }],
  height: 2,
  tip: 'ab'.repeat(32),
  ancestors: ['ab'.repeat(32), 'cd'.repeat(32)],
  reorgs: { count: 1, depths: [2] },
  cursor: 7,
  propagationSeconds: [0.1],
  propagatedBlocks: ['ef'.repeat(32)],
  metrics: { peerstorm_reference_height: 2 },
};

function read(body: object, status = 200) {
  const reply = { status, body: JSON.stringify(body) };
  return reference.read([reply], { config, node, previous: undefined });
}

test('an answer is read as it is, without what is no observation', () => {
  const { name: _name, role: _role, ...rest } = seen;
  const peers = [{ address: '10.64.0.2', direction: 'inbound' }];
  expect(read(seen)).toEqual({ ...rest, peers });
});

test('an adversary has no say in the chain', () => {
  const { height: _h, tip: _t, ancestors: _a, reorgs: _r, ...adversary } = seen;
  expect(read(adversary)).not.toHaveProperty('tip');
});

test.each([
  ['another status', seen, 500],
  ['no peers', { ...seen, peers: undefined }, 200],
  ['a tip that is no hash', { ...seen, tip: 'x' }, 200],
])('%s is not understood', (_, body, status) => {
  expect(() => read(body, status)).toThrow();
});

test('receptions are asked for from where the sample before ended', () => {
  const previous = read(seen);
  const path = (context: Parameters<typeof reference.observe>[1]) =>
    reference.observe(config, context);
  expect(path({ config, node, previous: undefined })).toEqual([
    { type: 'http', port: 9000, path: '/observation' },
  ]);
  expect(path({ config, node, previous })).toMatchObject([{ path: '/observation?since=7' }]);
});
