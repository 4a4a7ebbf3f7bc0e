// Keeps a node connected. The dials of the plan are held for ever; if more outbound peers are
// wanted than the plan names, seeds and what the DHT has found fill the rest, and once that is full
// one of them is changed for another now and then: two halves of a network that have each filled up
// on their own side would otherwise never meet again. Whatever is lost is dialled again at once,
// then with growing pauses of a few seconds at most (targets.ts).
import { lookup } from 'node:dns/promises';
import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { ReferenceNodeConfig } from '../src/kinds/reference-config.ts';
import { addressOf, type Host } from './host.ts';
import { peerIdOf } from './keys.ts';
import type { Pings } from './pings.ts';
import type { Target, Targets } from './targets.ts';

export type Peer = {
  readonly peer: string;
  /** IPv4, no port. */
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
};

// Each wake-up of an idle process costs 0.15 ms (measured): a tick a second, not ten, and hardly
// any while everything is as it should be.
const tickMs = { restless: 1_000, settled: 5_000 };
/** So long after a connection has come or gone there may be something to do. */
const restlessMs = 15_000;
const changes = ['connection:open', 'connection:close'] as const;
const lastingMs = 5_000;
const changeMs = 15_000;
const lookupMs = { first: 2_000, longest: 60_000, timeout: 5_000 };

export class Peers {
  readonly dials = { succeeded: 0, failed: 0 };
  readonly #host: Host;
  readonly #pings: Pings;
  readonly #targets: Targets;
  readonly #random: () => number;
  /** How many outbound peers the plan has not named. */
  readonly #open: number;
  #timer: NodeJS.Timeout | undefined;
  #lookup = { at: 0, pause: lookupMs.first, running: false };
  #changeAt = 0;
  #restlessUntil = 0;

  constructor(
    parts: { host: Host; pings: Pings; targets: Targets },
    options: { config: ReferenceNodeConfig; random: () => number },
  ) {
    this.#host = parts.host;
    this.#pings = parts.pings;
    this.#targets = parts.targets;
    this.#random = options.random;
    const { dials, seeds, outboundPeers } = options.config;
    this.#open = Math.max(0, outboundPeers - dials.length);
    for (const [kind, peers] of [
      ['dial', dials],
      ['seed', seeds],
    ] as const) {
      for (const peer of peers) {
        this.#targets.add(peerIdOf(peer.identity).toString(), addressOf(peer), kind);
      }
    }
  }

  start(): void {
    this.#changeAt = Date.now() + changeMs;
    for (const change of changes) {
      this.#host.addEventListener(change, this.#changed);
    }
    this.#changed();
    this.#tick(Date.now());
  }

  stop(): void {
    for (const change of changes) {
      this.#host.removeEventListener(change, this.#changed);
    }
    clearTimeout(this.#timer);
  }

  readonly #changed = (): void => {
    const now = Date.now();
    const wasSettled = this.#restlessUntil <= now;
    this.#restlessUntil = now + restlessMs;
    if (wasSettled) this.#schedule(tickMs.restless);
  };

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const now = Date.now();
      const isSettled = this.#tick(now) && now >= this.#restlessUntil;
      this.#schedule(isSettled ? tickMs.settled : tickMs.restless);
    }, ms);
  }

  /** Each peer once, however many connections there are to it. */
  list(): readonly Peer[] {
    return [...byPeer(this.#host.getConnections())].map(([peer, connections]) => {
      const shown = connections.find((c) => this.#pings.isAlive(c)) ?? connections[0];
      if (shown === undefined) throw new TypeError('a peer without a connection');
      return { peer, address: ipOf(shown), direction: shown.direction };
    });
  }

  /** Is everybody there who is wanted? */
  #tick(now: number): boolean {
    const peers = byPeer(this.#host.getConnections());
    const connected = new Set(peers.keys());
    for (const connections of peers.values()) this.#merge(connections);
    for (const connection of [...peers.values()].flat()) {
      const target = this.#targets.get(connection.remotePeer.toString());
      if (target !== undefined && now - connection.timeline.open > lastingMs) {
        this.#targets.lasted(target);
      }
    }
    for (const target of this.#targets.due(['dial'], now, connected)) this.#dial(target);
    if (this.#open > 0) this.#fill(peers, now);
    return this.#open === 0 && this.#targets.missing('dial', connected) === 0;
  }

  #fill(peers: ReadonlyMap<string, readonly Connection[]>, now: number): void {
    const connected = new Set(peers.keys());
    const filled = [...peers.values()].flat().filter((c) => this.#isExtra(c));
    const missing = this.#open - filled.length - this.#targets.diallingCount;
    if (missing > 0) {
      const candidates = this.#targets.due(['seed', 'found'], now, connected).slice(0, missing);
      for (const candidate of candidates) this.#dial(candidate);
      if (candidates.length < missing) this.#look(now);
      return;
    }
    this.#lookup.pause = lookupMs.first;
    if (now < this.#changeAt) return;
    this.#changeAt = now + changeMs * (0.5 + this.#random());
    const [candidate] = this.#targets.due(['found', 'seed'], now, connected);
    const leaving = filled[Math.floor(this.#random() * filled.length)];
    if (candidate === undefined) this.#look(now);
    else this.#dial(candidate, () => void leaving?.close().catch(() => {}));
  }

  #isExtra(connection: Connection): boolean {
    const kind = this.#targets.get(connection.remotePeer.toString())?.kind;
    return connection.direction === 'outbound' && kind !== 'dial';
  }

  #dial(target: Target, then?: () => void): void {
    target.dialling = true;
    void this.#tryToDial(target, then);
  }

  async #tryToDial(target: Target, then?: () => void): Promise<void> {
    try {
      await this.#host.dial(multiaddr(await lookedUp(target.address)));
      this.dials.succeeded += 1;
      then?.();
    } catch {
      this.dials.failed += 1;
    }
    target.dialling = false;
    // Also after success: a peer that takes us and drops us is to be left alone for a while.
    this.#targets.tried(target, Date.now());
  }

  /** Takes what libp2p has heard of, and asks the DHT for more; less often if that is in vain. */
  #look(now: number): void {
    const lookup = this.#lookup;
    if (lookup.running || now < lookup.at) return;
    lookup.running = true;
    this.#lookUp()
      .catch(() => {})
      .finally(() => {
        lookup.running = false;
        lookup.at = Date.now() + lookup.pause * (0.5 + 0.5 * this.#random());
        lookup.pause = Math.min(lookupMs.longest, lookup.pause * 2);
      });
  }

  async #lookUp(): Promise<void> {
    const key = Uint8Array.from({ length: 32 }, () => Math.floor(this.#random() * 256));
    const signal = AbortSignal.timeout(lookupMs.timeout);
    try {
      const events = this.#host.services.dht?.getClosestPeers(key, { signal }) ?? [];
      for await (const event of events) {
        if (event.name !== 'PEER_RESPONSE') continue;
        for (const { id, multiaddrs } of event.closer) this.#found(id.toString(), multiaddrs);
      }
    } finally {
      for (const { id, addresses } of await this.#host.peerStore.all()) {
        this.#found(
          id.toString(),
          addresses.map(({ multiaddr }) => multiaddr),
        );
      }
    }
  }

  #found(peer: string, addresses: readonly { toString: () => string }[]): void {
    const address = addresses.map(String).find((text) => text.startsWith('/ip4/'));
    if (address === undefined || peer === this.#host.peerId.toString()) return;
    const full = address.includes('/p2p/') ? address : `${address}/p2p/${peer}`;
    this.#targets.add(peer, full, 'found');
  }

  /**
   * Two nodes that dial each other at one moment have two connections. Both keep the one that the
   * smaller peer id has dialled, once both are known to work.
   */
  #merge(connections: readonly Connection[]): void {
    const alive = connections.filter((c) => c.status === 'open' && this.#pings.isAlive(c));
    if (alive.length < 2) return;
    const self = this.#host.peerId.toString();
    const dialler = (c: Connection): string =>
      c.direction === 'outbound' ? self : c.remotePeer.toString();
    const [, ...rest] = alive.toSorted((a, b) => (dialler(a) < dialler(b) ? -1 : 1));
    for (const connection of rest) connection.close().catch(() => {});
  }
}

function byPeer(connections: readonly Connection[]): ReadonlyMap<string, Connection[]> {
  const open = connections.filter(({ status }) => status === 'open');
  return Map.groupBy(open, ({ remotePeer }) => remotePeer.toString());
}

/** Peers are told apart by their addresses, so a name is looked up before the dial, each time. */
async function lookedUp(address: string): Promise<string> {
  const [, protocol, name = '', ...rest] = address.split('/');
  if (protocol !== 'dns4') return address;
  const found = await lookup(name, { family: 4 });
  return ['', 'ip4', found.address, ...rest].join('/');
}

function ipOf(connection: Connection): string {
  const [host] = connection.remoteAddr.getComponents();
  return host?.value ?? '';
}
