// One reference node, put together: a libp2p host, the peers it keeps, the chain it follows (or, as
// an adversary, does not), the blocks it mines, and what it shows. Guarantees: when start() has
// resolved it listens and answers; stop() leaves nothing open; all randomness of its own is seeded
// by its identity.

import type { ReferenceNodeConfig } from '../src/kinds/reference-config.ts';
import { randomOf } from '../src/random.ts';
import { playDead } from './adversary.ts';
import { ancestorsShown, Chain } from './chain.ts';
import { Follower } from './follow.ts';
import { createHost, type Host } from './host.ts';
import { serveHttp } from './http.ts';
import type { Block } from './ledger.ts';
import { log } from './log.ts';
import { expose, flatten, PropagationHistogram, type Readings } from './measurements.ts';
import { type Miner, startMining } from './mining.ts';
import { Peers } from './peers.ts';
import { Pings } from './pings.ts';
import type { Reception, Via } from './receptions.ts';
import { openStore, type Store } from './store.ts';
import { Targets } from './targets.ts';
import { Traffic } from './traffic.ts';

/** A miner waits so long for a first peer's chain before it mines on its own. */
const aloneMs = 5_000;

export type RunningNode = { readonly stop: () => Promise<void> };

type Parts = {
  readonly config: ReferenceNodeConfig;
  readonly host: Host;
  readonly peers: Peers;
  readonly pings: Pings;
  readonly store: Store;
  readonly chain: Chain;
  readonly follower: Follower | undefined;
  readonly received: Record<Via, number>;
  readonly propagation: PropagationHistogram;
  readonly traffic: Traffic;
};

/** The state is kept in `directory`. */
export async function startNode(
  config: ReferenceNodeConfig,
  directory: string,
): Promise<RunningNode> {
  const parts = await assemble(config, directory);
  const { host, peers, pings, store, follower } = parts;
  if (follower === undefined) {
    await playDead(host, config.testnet);
  } else {
    await follower.prepare();
    await host.start();
    follower.start();
  }
  pings.start();
  peers.start();
  const miner = mineWhenReady(parts);
  const shown = shownOf({ ...parts, miner });
  const http = await serveHttp(shown, { address: config.address, port: config.httpPort });
  const { name, role } = config;
  log('info', 'started', { name, role, peerId: host.peerId.toString(), starts: store.starts });
  return {
    stop: async () => {
      miner.stop();
      follower?.stop();
      peers.stop();
      pings.stop();
      http.closeAllConnections();
      http.close();
      await host.stop();
      store.close();
    },
  };
}

async function assemble(config: ReferenceNodeConfig, directory: string): Promise<Parts> {
  const { testnet, identity, role } = config;
  const store = openStore(directory, { testnet, identity });
  const draws = (what: string) => randomOf(identity, what, store.starts);
  const targets = new Targets(draws('targets'));
  const traffic = new Traffic();
  const mayDial = (peer: string) => targets.get(peer)?.dialling === true;
  const host = await createHost(config, mayDial, traffic);
  const pings = new Pings(host);
  const peers = new Peers({ host, pings, targets }, { config, random: draws('peers') });
  const received = { gossip: 0, sync: 0, mined: 0, stored: 0 };
  const propagation = new PropagationHistogram();
  const startedAt = Date.now();
  const seen = (reception: Reception): void => {
    received[reception.via] += 1;
    if (isNews(reception, startedAt)) propagation.add(secondsOf(reception));
  };
  const chain = new Chain(store, { testnet, seen });
  const follower =
    role === 'adversary'
      ? undefined
      : new Follower({ host, chain }, { testnet, random: draws('follow') });
  return { config, host, peers, pings, store, chain, follower, received, propagation, traffic };
}

function mineWhenReady({ config, store, chain, follower }: Parts): Miner {
  const { name, identity, meanBlockMs: meanMs } = config;
  if (follower === undefined || meanMs === undefined) {
    return { stop: () => {}, lateSeconds: () => 0 };
  }
  let miner: Miner | undefined;
  let alone: NodeJS.Timeout | undefined;
  const options = { name, identity, starts: store.starts, meanMs };
  const found = (block: Block): void => follower.mined(block);
  const begin = (): void => {
    clearTimeout(alone);
    miner ??= startMining(() => chain.ledger.tip, found, options);
  };
  alone = setTimeout(begin, aloneMs);
  follower.onCaughtUp(begin);
  return {
    stop: () => {
      clearTimeout(alone);
      follower.onCaughtUp(() => {});
      miner?.stop();
    },
    lateSeconds: () => miner?.lateSeconds() ?? 0,
  };
}

type Mining = Parts & { readonly miner: Miner };

function shownOf(parts: Mining) {
  const { chain, propagation } = parts;
  const startedAt = Date.now();
  return {
    observation: (since: number) => observationOf(parts, { since, startedAt }),
    events: (since: number) => ({
      last: chain.receptions.last,
      receptions: chain.receptions.since(since),
    }),
    metrics: () => expose(read(parts), propagation),
  };
}

function observationOf(parts: Mining, { since, startedAt }: { since: number; startedAt: number }) {
  const { config, peers, chain, follower, propagation } = parts;
  const { receptions, ledger, reorgs, depths } = chain;
  // A restart counts from 1 again: everything is news to who has seen more than there is.
  const from = Number.isFinite(since) && since > receptions.last ? 0 : since;
  const seen = Number.isFinite(from) ? receptions.since(from) : [];
  const news = seen.filter((reception) => isNews(reception, startedAt));
  return {
    name: config.name,
    role: config.role,
    peers: peers.list(),
    // An adversary has no chain, and so no say in what the network agrees on.
    ...(follower === undefined
      ? {}
      : {
          height: ledger.tip.height,
          tip: ledger.tip.hash,
          ancestors: ledger.ancestors(ancestorsShown),
          reorgs: { count: reorgs, depths },
        }),
    cursor: receptions.last,
    propagationSeconds: news.map(secondsOf),
    propagatedBlocks: news.map(({ hash }) => hash),
    metrics: flatten(read(parts), propagation),
  };
}

/** Blocks from before our start did not take long to come: we did. */
function isNews({ via, created }: Reception, startedAt: number): boolean {
  return (via === 'gossip' || via === 'sync') && created >= startedAt;
}

/** Not below 0: clocks of two hosts differ. */
function secondsOf({ created, received }: Reception): number {
  return Math.max(0, received - created) / 1_000;
}

function read({ chain, peers, pings, follower, received, traffic, miner }: Mining): Readings {
  const list = peers.list();
  const count = (direction: string): number =>
    list.filter((peer) => peer.direction === direction).length;
  const { user, system } = process.cpuUsage();
  return {
    peerstorm_reference_height: { '': chain.ledger.tip.height },
    peerstorm_reference_orphans: { '': chain.ledger.orphanCount },
    peerstorm_reference_peers: { inbound: count('inbound'), outbound: count('outbound') },
    peerstorm_reference_round_trip_seconds: { '': pings.roundTripSeconds },
    peerstorm_reference_blocks_total: {
      gossip: received.gossip,
      sync: received.sync,
      mined: received.mined,
    },
    peerstorm_reference_block_lateness_seconds_total: { '': miner.lateSeconds() },
    peerstorm_reference_invalid_blocks_total: { '': chain.invalid },
    peerstorm_reference_reorgs_total: { '': chain.reorgs },
    peerstorm_reference_reorg_blocks_total: { '': chain.reorgBlocks },
    peerstorm_reference_dials_total: { ...peers.dials },
    peerstorm_reference_dropped_peers_total: { '': pings.dropped },
    peerstorm_reference_syncs_total: { ...(follower?.syncs ?? { succeeded: 0, failed: 0 }) },
    peerstorm_reference_gossip_messages_total: { ...traffic.messages },
    peerstorm_reference_gossip_duplicates_total: { '': traffic.duplicates },
    peerstorm_reference_traffic_bytes_total: { ...traffic.bytes },
    peerstorm_reference_cpu_seconds_total: { '': (user + system) / 1e6 },
    peerstorm_reference_resident_memory_bytes: { '': process.memoryUsage.rss() },
  };
}
