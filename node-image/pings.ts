// Is the peer at the other end still there? TCP does not tell: it stays established through a
// silent cut, and may take minutes after the heal to find out that it works again. So whoever
// dialled a connection pings through it every 5 s, on one stream that lives as long as it does, and
// gives up after three misses running: no answer on its side, no ping on the other. (If both sides
// pinged it would tell no more, as a cut of either direction stops pings or answers.)
// Giving up means to reset, not to close: a farewell would wait in the same dead queue.
import type { Connection, Stream } from '@libp2p/interface';
import { fail } from '../src/errors.ts';
import type { Host } from './host.ts';
import { log } from './log.ts';

const pingIntervalMs = 5_000;
const missesAllowed = 3;
// https://github.com/libp2p/specs/blob/master/ping/ping.md: 32 bytes, echoed; a stream may be used
// again and again.
const protocol = '/ipfs/ping/1.0.0';
const payload = new Uint8Array(32).fill(0x70);

type Pulse = {
  /** Of ours, or of the peer if it dialled; undefined while there is none that works. */
  stream: Stream | undefined;
  opening: boolean;
  /** Of the ping that has no answer yet. */
  sentAt: number | undefined;
  /** Something has come since the beat before. */
  heard: boolean;
  /** Beats running in which nothing came. */
  misses: number;
  everHeard: boolean;
};

export class Pings {
  /** Connections given up. */
  dropped = 0;
  /** The newest round trip to any peer. */
  roundTripSeconds = 0;
  readonly #host: Host;
  readonly #pulses = new WeakMap<Connection, Pulse>();
  #timer: NodeJS.Timeout | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  start(): void {
    this.#timer = setInterval(() => {
      for (const connection of this.#host.getConnections()) this.#beat(connection);
    }, pingIntervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Something has come through it, and nothing that was due is missing. */
  isAlive(connection: Connection): boolean {
    const pulse = this.#pulses.get(connection);
    return pulse?.everHeard === true && pulse.misses === 0;
  }

  #beat(connection: Connection): void {
    const known = this.#pulses.get(connection);
    const pulse = known ?? newPulse();
    if (known === undefined) {
      this.#pulses.set(connection, pulse);
    } else {
      pulse.misses = pulse.heard ? 0 : pulse.misses + 1;
      pulse.heard = false;
    }
    if (pulse.misses >= missesAllowed) this.#giveUp(connection);
    else if (connection.direction === 'outbound') this.#ping(connection, pulse);
    else this.#listen(connection, pulse);
  }

  #giveUp(connection: Connection): void {
    this.dropped += 1;
    const peer = connection.remotePeer.toString();
    log('info', 'connection dropped: three pings missed', { peer });
    connection.abort(fail('TIMEOUT', `${missesAllowed} pings missed`));
  }

  #ping(connection: Connection, pulse: Pulse): void {
    if (pulse.stream !== undefined) {
      // Bytes in a stream are not lost: one ping that is on its way is enough.
      if (pulse.sentAt === undefined) send(pulse.stream, pulse);
      return;
    }
    if (!pulse.opening) void this.#open(connection, pulse);
  }

  async #open(connection: Connection, pulse: Pulse): Promise<void> {
    pulse.opening = true;
    try {
      const signal = AbortSignal.timeout(missesAllowed * pingIntervalMs);
      const stream = await connection.newStream(protocol, { signal });
      this.#watch(stream, pulse);
      send(stream, pulse);
    } catch {
      // A miss; the next beat tries again.
    }
    pulse.opening = false;
  }

  /** The peer has dialled: hear its pings, which libp2p answers. */
  #listen(connection: Connection, pulse: Pulse): void {
    if (pulse.stream !== undefined) return;
    const stream = connection.streams.find((s) => s.protocol === protocol && s.status === 'open');
    if (stream === undefined) return;
    pulse.heard = true;
    this.#watch(stream, pulse);
  }

  #watch(stream: Stream, pulse: Pulse): void {
    pulse.stream = stream;
    stream.addEventListener('message', () => {
      pulse.heard = true;
      pulse.everHeard = true;
      pulse.misses = 0;
      if (pulse.sentAt === undefined) return;
      this.roundTripSeconds = (performance.now() - pulse.sentAt) / 1_000;
      pulse.sentAt = undefined;
    });
    stream.addEventListener('close', () => {
      pulse.stream = undefined;
      pulse.sentAt = undefined;
    });
  }
}

function newPulse(): Pulse {
  return {
    stream: undefined,
    opening: false,
    sentAt: undefined,
    heard: false,
    misses: 0,
    everHeard: false,
  };
}

function send(stream: Stream, pulse: Pulse): void {
  pulse.sentAt = performance.now();
  stream.send(payload);
}
