// The libp2p host of a node, tuned so that a hundred of them idle on a laptop. What libp2p would do
// by itself about connections is switched off: whom to dial, whom to drop and when is decided in
// peers.ts and pings.ts alone, because the topology of a testnet is what the plan says. So the DHT
// asks connected peers only; what it learns are candidates.
import { isIPv4 } from 'node:net';
import { bootstrap } from '@libp2p/bootstrap';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type {
  ComponentLogger,
  Connection,
  Libp2p,
  Logger,
  Peer,
  PeerStore,
} from '@libp2p/interface';
import type { KadDHT } from '@libp2p/kad-dht';
import { noise } from '@libp2p/noise';
import { type Ping, ping } from '@libp2p/ping';
import { plaintext } from '@libp2p/plaintext';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { fail } from '../src/errors.ts';
import type { ReferenceNodeConfig, ReferencePeer } from '../src/kinds/reference-config.ts';
import { inBatches } from './batches.ts';
import { peerIdOf, privateKeyOf } from './keys.ts';
import type { Traffic } from './traffic.ts';

type Services = { identify: Identify; ping: Ping; dht?: KadDHT; gossip: GossipSub };
export type Host = Libp2p<Services>;

const dialTimeoutMs = 4_000;
const dayMs = 86_400_000;

/** Where gossip of blocks goes. */
export function topicOf(testnet: string): string {
  return `/peerstorm/${testnet}/blocks/1`;
}

/**
 * Not started yet. `mayDial` is asked for the peer id of everybody whom libp2p wants to dial;
 * `traffic` counts.
 */
export async function createHost(
  config: ReferenceNodeConfig,
  mayDial: (peer: string) => boolean,
  traffic: Traffic,
): Promise<Host> {
  // Names are looked up by peers.ts at each dial.
  const seeds = config.seeds.filter(({ address }) => isIPv4(address)).map(addressOf);
  // Told apart by address, so it is also where dials come from.
  const dialOpts = { localAddress: config.address, noDelay: true };
  const limit = config.inboundPeers;
  const host: Host = await createLibp2p<Services>({
    start: false,
    privateKey: privateKeyOf(config.identity),
    addresses: {
      listen: [`/ip4/${config.address}/tcp/${config.port}`],
      // To tell them is to sign them, for each peer anew; where all dials are planned nobody asks.
      ...(config.discovers ? {} : { announceFilter: () => [] }),
    },
    transports: [tcp({ dialOpts })],
    connectionEncrypters: [config.encryption === 'noise' ? inBatches(noise()) : plaintext()],
    streamMuxers: [yamux({ enableKeepAlive: false })],
    peerDiscovery: seeds.length === 0 ? [] : [bootstrap({ list: seeds, timeout: 0 })],
    connectionGater: {
      denyDialPeer: (peer) => !mayDial(peer.toString()),
      denyDialMultiaddr: () => false,
      denyInboundConnection: () => inboundOf(host).length >= limit,
    },
    connectionManager: {
      maxConnections: limit + config.outboundPeers + config.dials.length + 8,
      maxIncomingPendingConnections: 64,
      inboundConnectionThreshold: 64,
      inboundUpgradeTimeout: dialTimeoutMs,
      dialTimeout: dialTimeoutMs,
      addressDialTimeout: dialTimeoutMs,
      // One peer that hangs must not hold up streams to the others.
      outboundStreamProtocolNegotiationTimeout: dialTimeoutMs,
      inboundStreamProtocolNegotiationTimeout: dialTimeoutMs,
      reconnectRetries: 0,
    },
    connectionMonitor: { enabled: false },
    connectionProtector: () => traffic.protector,
    logger: silent,
    services: await servicesOf(config),
  });
  // Several may pass the gate at one moment, before any of them counts.
  host.addEventListener('connection:open', ({ detail }) => {
    if (detail.direction !== 'inbound' || inboundOf(host).length <= limit) return;
    detail.abort(fail('START_FAILED', 'enough inbound peers'));
  });
  noteOnce(host.peerStore);
  traffic.countGossip(host.services.gossip);
  return host;
}

/**
 * libp2p notes the protocol of every stream with the peer, under a lock and in bytes that are read
 * and written again. What is known needs no note.
 */
function noteOnce(peerStore: PeerStore): void {
  const known = new Map<string, Peer>();
  const merge = peerStore.merge.bind(peerStore);
  const patch = peerStore.patch.bind(peerStore);
  const keep = (peer: Peer): Peer => {
    known.set(peer.id.toString(), peer);
    return peer;
  };
  peerStore.patch = async (...args) => keep(await patch(...args));
  peerStore.merge = async (id, data, options) => {
    const peer = known.get(id.toString());
    const { protocols = [], ...rest } = data;
    const isKnown =
      Object.keys(rest).length === 0 && protocols.every((one) => peer?.protocols.includes(one));
    return peer !== undefined && isKnown ? peer : keep(await merge(id, data, options));
  };
}

function inboundOf(host: Host): readonly Connection[] {
  return host.getConnections().filter(({ direction }) => direction === 'inbound');
}

/** How each is tuned, and why. */
async function servicesOf({ testnet, discovers }: ReferenceNodeConfig) {
  return {
    identify: identify(),
    // One stream per peer lives as long as the connection (pings.ts): no timeout of the stream.
    ping: ping({ timeout: dayMs, maxInboundStreams: 4 }),
    // A tenth of what a node does from its start to its eighth peer: not where nobody asks it.
    ...(discovers ? { dht: await dhtOf(testnet) } : {}),
    gossip: gossipsub({
      allowedTopics: [topicOf(testnet)],
      globalSignaturePolicy: 'StrictNoSign',
      allowPublishToZeroTopicPeers: true,
      ignoreDuplicatePublishError: true,
      fallbackToFloodsub: false,
      tagMeshPeers: false,
      heartbeatInterval: 2_000,
      // No peer scoring: a cut makes honest peers break promises, and they would be shunned for it.
      scoreParams: {
        behaviourPenaltyWeight: 0,
        IPColocationFactorWeight: 0,
        decayInterval: 60_000,
      },
      maxInboundDataLength: 4_096,
    }),
  };
}

/** Loaded only where it is used: it is a quarter of the program. */
async function dhtOf(testnet: string) {
  const { kadDHT, passthroughMapper } = await import('@libp2p/kad-dht');
  return kadDHT({
    protocol: `/peerstorm/${testnet}/kad/1`,
    clientMode: false,
    kBucketSize: 8,
    alpha: 3,
    disjointPaths: 1,
    querySelfInterval: dayMs,
    initialQuerySelfInterval: 2_000,
    allowQueryWithZeroPeers: true,
    peerInfoMapper: passthroughMapper,
    reprovide: { interval: dayMs },
  });
}

export function addressOf(peer: ReferencePeer): string {
  const protocol = isIPv4(peer.address) ? 'ip4' : 'dns4';
  const id = peerIdOf(peer.identity).toString();
  return `/${protocol}/${peer.address}/tcp/${peer.port}/p2p/${id}`;
}

const nothing = (): void => {};
const mute: Logger = Object.assign(nothing, {
  enabled: false,
  trace: nothing,
  error: nothing,
  newScope: () => mute,
});
// libp2p formats its log lines even when nobody reads them.
const silent: ComponentLogger = { forComponent: () => mute };
