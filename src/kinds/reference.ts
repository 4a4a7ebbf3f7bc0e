// The reference node: a small honest P2P node of our own (libp2p, a longest-chain ledger, simulated
// mining), and the adversary of eclipses. It runs everywhere without anything to install, so it is
// what the examples and the compliance suite use. The program is node-image/, bundled; the file
// that it is started with is declared in reference-config.ts.
import { z } from 'zod';
import type { Observation } from '../network/observation.ts';
import { grammars, quantity } from '../quantities/quantities.ts';
import type { Kind, Launch, LaunchContext, NodeReply, PeerReference, ReadContext } from './kind.ts';
import type { ReferenceNodeConfig, ReferencePeer } from './reference-config.ts';

const port = z.int().min(1).max(65_535);

const config = z.strictObject({
  blockInterval: z
    .string()
    .regex(grammars.duration.pattern, `a duration such as ${grammars.duration.examples}`)
    .default('10s')
    .describe('Mean time between blocks of the whole network.'),
  hashShare: z
    .number()
    .positive()
    .max(1_000_000)
    .default(1)
    .describe('Weight of each miner of the group in finding blocks.'),
  outboundPeers: z
    .int()
    .min(0)
    .max(1_000)
    .optional()
    .describe(
      'Look for peers until so many are connected; default: the dials of the topology, or 8.',
    ),
  inboundPeers: z.int().min(0).max(100_000).default(1_000).describe('Accept so many at most.'),
  encryption: z.enum(['noise', 'plaintext']).default('noise').describe('Of the connections.'),
  port: port.default(4001).describe('Where peers connect.'),
  httpPort: port.default(8080).describe('Where it is observed.'),
});

export type ReferenceConfig = z.infer<typeof config>;

/** What a node without dials looks for. */
const defaultOutboundPeers = 8;

// Measured: two threads less a node; a smaller young generation costs a tenth more at the start.
export const referenceEnvironment = {
  NODE_OPTIONS: '--max-semi-space-size=8 --v8-pool-size=1',
  UV_THREADPOOL_SIZE: '1',
} as const;

/**
 * For Node.js on a host. Measured: a fifth less of what a node takes in its first quarter of a
 * minute, as garbage of its start is not looked for again and again, for 10 MiB more of each.
 */
export const referenceNodeFlags = ['--no-memory-reducer', '--min-semi-space-size=4'] as const;

export const reference: Kind<ReferenceConfig> = {
  name: 'reference',
  protocol: () => 'reference',
  roles: ['full', 'miner', 'adversary'],
  config,
  needsRoutable: false,
  launch,
  ready: ({ httpPort }) => ({
    type: 'request',
    request: { type: 'http', port: httpPort, path: '/healthz' },
  }),
  observe: ({ httpPort }, { previous }) => [
    { type: 'http', port: httpPort, path: `/observation${sinceOf(previous)}` },
  ],
  read,
  expositions: ({ httpPort }) => [{ type: 'http', port: httpPort, path: '/metrics' }],
};

function launch(context: LaunchContext<ReferenceConfig>): Launch {
  const file = `${JSON.stringify(nodeConfig(context), undefined, 2)}\n`;
  return {
    argv: ['node:reference', '--config', 'node.json'],
    env: referenceEnvironment,
    files: { 'node.json': file },
    stop: { signal: 'SIGTERM', graceSeconds: 3 },
  };
}

/** What is in the node's own file. */
export function nodeConfig(context: LaunchContext<ReferenceConfig>): ReferenceNodeConfig {
  const { name, testnet, role, address, identity, dials, seeds, nodes } = context;
  const { encryption, inboundPeers, httpPort } = context.config;
  const network = networkOf(nodes);
  const refer = (peers: readonly PeerReference[]): ReferencePeer[] =>
    peers.map((peer) => ({
      name: peer.name,
      address: peer.address,
      port: network.ports.get(peer.name) ?? context.config.port,
      identity: peer.identity,
    }));
  return {
    name,
    testnet,
    role: role === 'miner' || role === 'adversary' ? role : 'full',
    address,
    port: context.config.port,
    httpPort,
    identity,
    encryption,
    dials: refer(dials),
    seeds: refer(seeds),
    discovers: discovers(context) || network.searches,
    outboundPeers: outboundOf(context),
    inboundPeers,
    ...(role === 'miner' ? { meanBlockMs: meanBlockMs(context.config, network.hashShares) } : {}),
  };
}

/** A topology that names dials is not to be blurred by peers that a node finds by itself. */
function outboundOf(context: LaunchContext<ReferenceConfig>): number {
  const { dials, config } = context;
  const wanted = discovers(context) ? defaultOutboundPeers : 0;
  return config.outboundPeers ?? Math.max(dials.length, wanted);
}

function discovers(context: LaunchContext<ReferenceConfig>): boolean {
  return context.discovers ?? context.dials.length === 0;
}

function secondsOf(duration: string): number {
  return quantity('duration', duration) / 1000;
}

/** Poisson processes add up: with these means the miners together find one block an interval. */
function meanBlockMs({ blockInterval, hashShare }: ReferenceConfig, hashShares: number): number {
  return quantity('duration', blockInterval) / (hashShare / hashShares);
}

type Nodes = LaunchContext<ReferenceConfig>['nodes'];
type Network = {
  readonly hashShares: number;
  readonly ports: ReadonlyMap<string, number>;
  /** Somebody is to find more peers than it is told of. */
  readonly searches: boolean;
};

const networks = new WeakMap<Nodes, Network>();

/** What a node must know of all others; once per testnet, not once per node. */
function networkOf(nodes: Nodes): Network {
  const known = networks.get(nodes);
  if (known !== undefined) return known;
  const ports = new Map<string, number>();
  let hashShares = 0;
  let searches = false;
  for (const node of nodes) {
    const parsed = config.safeParse(node.config);
    if (!parsed.success) continue;
    ports.set(node.name, parsed.data.port);
    searches ||= parsed.data.outboundPeers !== undefined;
    if (node.role === 'miner') hashShares += parsed.data.hashShare;
  }
  const network = { hashShares, ports, searches };
  networks.set(nodes, network);
  return network;
}

/** Receptions after the last that was read count; without one, none do. */
function sinceOf(previous: Observation | undefined): string {
  return previous?.cursor === undefined ? '' : `?since=${previous.cursor}`;
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const observation = z.object({
  peers: z.array(z.object({ address: z.ipv4(), direction: z.enum(['inbound', 'outbound']) })),
  height: z.int().min(0).optional(),
  tip: hash.optional(),
  ancestors: z.array(hash).max(64).optional(),
  reorgs: z.object({ count: z.int().min(0), depths: z.array(z.int().min(1)).max(64) }).optional(),
  cursor: z.int().min(0),
  propagationSeconds: z.array(z.number().min(0)).max(1_024),
  propagatedBlocks: z.array(hash).max(1_024).default([]),
  metrics: z.record(z.string(), z.number()),
});

function read(
  replies: readonly NodeReply[],
  { config: { blockInterval } }: ReadContext<ReferenceConfig>,
): Observation {
  const [reply] = replies;
  if (reply?.status !== 200) throw new TypeError(`/observation answered ${reply?.status}`);
  const { height, tip, ancestors, reorgs, ...rest } = observation.parse(JSON.parse(reply.body));
  const blocks = rest.metrics['peerstorm_reference_blocks_total{via="mined"}'] ?? 0;
  const lateSeconds = rest.metrics['peerstorm_reference_block_lateness_seconds_total'] ?? 0;
  return {
    ...rest,
    ...(blocks === 0
      ? {}
      : { mining: { blocks, lateSeconds, intervalSeconds: secondsOf(blockInterval) } }),
    ...(height === undefined ? {} : { height }),
    ...(tip === undefined ? {} : { tip }),
    ...(ancestors === undefined ? {} : { ancestors }),
    ...(reorgs === undefined ? {} : { reorgs }),
  };
}
