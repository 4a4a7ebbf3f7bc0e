// Full nodes and miners: follow the chain, pass it on, serve it to others.
import type { Connection } from '@libp2p/interface';
import type { Chain } from './chain.ts';
import { joinGossip, type Verdict } from './gossip.ts';
import type { Host } from './host.ts';
import type { Added, Block } from './ledger.ts';
import { answerFrom, catchUp, protocolOf, serve } from './sync.ts';

/** A random peer is asked for news when nothing has come for so long. */
const quietMs = 20_000;

export class Follower {
  readonly syncs = { succeeded: 0, failed: 0 };
  readonly #host: Host;
  readonly #chain: Chain;
  readonly #testnet: string;
  readonly #protocol: string;
  readonly #random: () => number;
  readonly #asking = new Set<string>();
  /** Whom to ask once more when they have answered: there was a new reason meanwhile. */
  readonly #again = new Set<string>();
  #caughtUp: () => void = () => {};
  #publish: (block: Block) => void = () => {};
  #lastSeen = -1;
  /** The tip that the neighbours were last told of. */
  #told = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(
    parts: { host: Host; chain: Chain },
    options: { testnet: string; random: () => number },
  ) {
    this.#host = parts.host;
    this.#chain = parts.chain;
    this.#random = options.random;
    this.#testnet = options.testnet;
    this.#protocol = protocolOf(options.testnet);
  }

  /** Before the host starts: whoever connects learns at once what is spoken here. */
  async prepare(): Promise<void> {
    const { ledger } = this.#chain;
    const answer = answerFrom(ledger, (connection) => this.#pull(connection));
    await serve(this.#host, this.#testnet, (request, connection) => {
      const blocks = answer(request, connection);
      // Who asks and is not above us has nothing to tell.
      if (request.height <= ledger.tip.height) this.#caughtUp();
      return blocks;
    });
    // Called when a peer is known to speak it: after every connect. Who is asked by somebody with a
    // longer chain asks in turn, so it is enough that the dialler asks.
    await this.#host.register(this.#protocol, {
      onConnect: (_, connection) => {
        if (connection.direction === 'outbound') this.#pull(connection);
      },
    });
  }

  /** After the host has started. */
  start(): void {
    const gossip = joinGossip(this.#host, this.#testnet, (block, from) => this.#judge(block, from));
    this.#publish = gossip.publish;
    this.#timer = setInterval(() => this.#check(), quietMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Calls whenever a peer has told all it has. */
  onCaughtUp(call: () => void): void {
    this.#caughtUp = call;
  }

  mined(block: Block): void {
    this.#chain.accept(block, 'mined');
    this.#publish(block);
  }

  #judge(block: Block, from: string): Verdict {
    const added = this.#chain.accept(block, 'gossip');
    if (added.outcome === 'orphan') {
      const connection = this.#host.getConnections().find((c) => c.remotePeer.toString() === from);
      if (connection !== undefined) this.#pull(connection);
    }
    return verdicts[added.outcome];
  }

  #check(): void {
    const { last } = this.#chain.receptions;
    const quiet = last === this.#lastSeen;
    this.#lastSeen = last;
    if (!quiet) return;
    const connections = this.#host.getConnections();
    const connection = connections[Math.floor(this.#random() * connections.length)];
    if (connection !== undefined) this.#pull(connection);
  }

  #pull(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    if (this.#asking.has(peer)) {
      this.#again.add(peer);
      return;
    }
    this.#asking.add(peer);
    void this.#catchUp(connection).finally(() => {
      this.#asking.delete(peer);
      if (this.#again.delete(peer) && connection.status === 'open') this.#pull(connection);
    });
  }

  async #catchUp(connection: Connection): Promise<void> {
    const { ledger } = this.#chain;
    const before = ledger.tip;
    const accept = (blocks: readonly Block[]): void => {
      for (const block of blocks) this.#chain.accept(block, 'sync');
    };
    try {
      await catchUp(connection, this.#protocol, { ledger, accept });
      this.syncs.succeeded += 1;
      this.#caughtUp();
    } catch {
      // Whoever is connected next is asked anyway.
      this.syncs.failed += 1;
    }
    if (ledger.tip !== before) this.#tell(ledger.tip);
  }

  /**
   * Asks all neighbours from the new height, so that those below it ask in turn. Gossip of the tip
   * would not do: whoever passed it on before having its parents cannot send it a second time, and
   * those it went to asked too early.
   */
  #tell({ hash }: Block): void {
    if (hash === this.#told) return;
    this.#told = hash;
    for (const connection of this.#host.getConnections()) this.#pull(connection);
  }
}

const verdicts: Readonly<Record<Added['outcome'], Verdict>> = {
  connected: 'relay',
  // Who has no parents for it may have neighbours who do.
  orphan: 'relay',
  known: 'ignore',
  invalid: 'reject',
};
