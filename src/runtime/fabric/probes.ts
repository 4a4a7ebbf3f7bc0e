// Fault probes: numbered UDP packets between nodes, sent and counted through sockets inside the
// nodes' namespaces. On a fabric both ends are of this process and read one clock, so delays are
// one-way; on a cluster the other end may be another agent's, which shares the round's key and
// start. A probe says what the network does to packets, whatever the node software does.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { fail } from '../../errors.ts';
import type { NodeName } from '../../names.ts';
import { systemClock } from '../clock.ts';
import type { ProbePair, ProbeResult } from '../runtime.ts';
import { createQueue } from './kernel-commands.ts';
import { createProbeSockets, maxSockets, probePort, type SocketPlace } from './probe-sockets.ts';

const maxPairs = 200;
const packetsPerSecond = 2_000;
/** After so many at once, what has arrived is read: a late timer has a lot to catch up with. */
const maxBurst = 10;

/** What agents of other hosts may be late by: their clocks, and their sockets. */
const slackMs = 500;

/** Payload: key (8 bytes), round, pair, number (4 each), sent at (double, milliseconds). */
const layout = { key: 0, round: 8, pair: 12, number: 16, sentAt: 20, length: 28 } as const;

type Tally = {
  readonly pair: ProbePair;
  /** Sent by this process? */
  readonly sends: boolean;
  /** Received by it? */
  readonly receives: boolean;
  readonly seen: Uint8Array;
  readonly delaysMs: number[];
  sent: number;
  received: number;
  reordered: number;
  highest: number;
  first: number;
  last: number;
};

export type ProbeOptions = {
  readonly placeOf: (node: NodeName) => SocketPlace;
  /** How long a packet may still be on its way after the last one was sent. */
  readonly longestDelayMs: number;
  readonly signal: AbortSignal;
};

/** A round in which several processes take part, each with the nodes that it has. */
export type SharedRound = Omit<ProbeOptions, 'placeOf'> & {
  /** Undefined: the node is not here. */
  readonly placeOf: (node: NodeName) => SocketPlace | undefined;
  readonly addressOf: (node: NodeName) => string | undefined;
  /** Eight bytes, and a number below 2^32: the same for all who take part. */
  readonly key: Uint8Array;
  readonly round: number;
  /** Epoch milliseconds; nothing is sent before. */
  readonly start: number;
};

/** What one process knows of a pair. */
export type PairHalves = {
  readonly result: ProbeResult;
  /** The sender is here. */
  readonly sends: boolean;
  /** The receiver is here. */
  readonly receives: boolean;
};

export class Prober implements AsyncDisposable {
  readonly #own = randomBytes(8);
  readonly #queue = createQueue();
  readonly #sockets = createProbeSockets((socket) => {
    socket.on('message', (payload) => this.#receive(payload));
    socket.on('error', (error) => {
      this.#error = error;
    });
  });
  #calls = 0;
  #key: Uint8Array = this.#own;
  #round = 0;
  #tallies: readonly Tally[] = [];
  #error: Error | undefined;

  /** One call at a time, so that the limit of packets a second holds for all of them. */
  async probe(pairs: readonly ProbePair[], options: ProbeOptions): Promise<readonly ProbeResult[]> {
    const { placeOf } = options;
    const own = { key: this.#own, start: 0, addressOf: (node: NodeName) => placeOf(node).address };
    return await this.#queue(async () => {
      this.#calls += 1;
      const halves = await this.#probe(pairs, { ...options, ...own, round: this.#calls });
      return halves.map(({ result }) => result);
    });
  }

  /** Takes part in a round: sends and counts for the nodes that are here. */
  async takePart(pairs: readonly ProbePair[], round: SharedRound): Promise<readonly PairHalves[]> {
    return await this.#queue(() => this.#probe(pairs, round));
  }

  /** Opens the sockets of these places ahead of a round. */
  async warm(places: readonly SocketPlace[], signal: AbortSignal): Promise<void> {
    await this.#queue(() => this.#sockets.open(places.slice(0, maxSockets), signal));
  }

  /** The namespace is going; a socket in it would keep it. */
  forget(netns: string): void {
    this.#sockets.close(netns);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sockets[Symbol.asyncDispose]();
  }

  async #probe(pairs: readonly ProbePair[], round: SharedRound): Promise<readonly PairHalves[]> {
    const { placeOf, longestDelayMs, signal, start } = round;
    const ends = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))];
    const names = ends.filter((name) => placeOf(name) !== undefined);
    assert(pairs.length <= maxPairs, `${pairs.length} pairs to probe`);
    assert(names.length <= maxSockets, `${names.length} namespaces to probe from`);
    const places = names.flatMap((name) => placeOf(name) ?? []);
    const opened = await this.#sockets.open(places, signal);
    const socketOf = new Map(names.map((name, at) => [name, opened[at]]));
    this.#key = round.key;
    this.#round = round.round;
    this.#tallies = pairs.map((pair) => newTally(pair, socketOf));
    this.#error = undefined;
    await systemClock.sleep(Math.max(0, start - systemClock.now()), signal);
    await this.#send({ socketOf, addressOf: round.addressOf, signal });
    const sentBy = Math.max(systemClock.now(), start + othersMs(this.#tallies));
    const deadline = sentBy + longestDelayMs + 200;
    const missing = () => this.#tallies.some(isMissing);
    while (systemClock.now() < deadline && missing()) await wait(10, undefined, { signal });
    // On a busy machine the deadline may pass before what has arrived was read.
    while (missing() && (await this.#readMore(signal)));
    const tallies = this.#tallies;
    this.#tallies = [];
    this.#throwError();
    return tallies.map(resultOf);
  }

  async #send({ socketOf, addressOf, signal }: SendOptions): Promise<void> {
    const started = systemClock.now();
    const pending: Promise<void>[] = [];
    let burst = 0;
    // Number by number over all pairs, so that all are measured over the same time.
    for (const [index, tally, number] of inRounds(this.#tallies)) {
      while (pending.length >= allowance(systemClock.now() - started)) {
        await wait(1, undefined, { signal });
        burst = 0;
      }
      if (burst >= maxBurst) {
        await turn(undefined, { signal });
        burst = 0;
      }
      burst += 1;
      const socket = socketOf.get(tally.pair.from);
      const to = addressOf(tally.pair.to);
      assert(socket !== undefined);
      // It has gone since the round was asked for.
      if (to === undefined) continue;
      const now = systemClock.now();
      tally.first ||= now;
      tally.last = now;
      const payload = this.#payload(index, number);
      pending.push(sendOne(socket, { payload, to, tally }));
    }
    await Promise.all(pending);
  }

  /** Reads what the sockets hold; false if that was nothing. */
  async #readMore(signal: AbortSignal): Promise<boolean> {
    const count = () => this.#tallies.reduce((sum, { received }) => sum + received, 0);
    const before = count();
    for (let turns = 0; turns < 3; turns += 1) await turn(undefined, { signal });
    return count() > before;
  }

  #throwError(): void {
    const cause = this.#error;
    if (cause === undefined) return;
    throw fail('COMMAND_FAILED', `a probe socket failed: ${cause.message}`, cause);
  }

  #payload(pair: number, number: number): Buffer {
    const payload = Buffer.alloc(layout.length);
    payload.set(this.#key, layout.key);
    payload.writeUInt32BE(this.#round, layout.round);
    payload.writeUInt32BE(pair, layout.pair);
    payload.writeUInt32BE(number, layout.number);
    payload.writeDoubleBE(systemClock.now(), layout.sentAt);
    return payload;
  }

  #receive(payload: Buffer): void {
    const now = systemClock.now();
    // A node may send what it likes to this port.
    if (payload.length !== layout.length) return;
    if (!payload.subarray(0, layout.round).equals(this.#key)) return;
    if (payload.readUInt32BE(layout.round) !== this.#round) return;
    const tally = this.#tallies[payload.readUInt32BE(layout.pair)];
    const number = payload.readUInt32BE(layout.number);
    if (tally === undefined || number >= tally.seen.length) return;
    tally.delaysMs.push(now - payload.readDoubleBE(layout.sentAt));
    if (tally.seen[number] === 1) return;
    tally.seen[number] = 1;
    tally.received += 1;
    if (number < tally.highest) tally.reordered += 1;
    tally.highest = Math.max(tally.highest, number);
  }
}

type SendOptions = {
  readonly socketOf: ReadonlyMap<NodeName, Socket | undefined>;
  readonly addressOf: (node: NodeName) => string | undefined;
  readonly signal: AbortSignal;
};

/** How many may have been sent by now. */
function allowance(elapsedMs: number): number {
  return 1 + (elapsedMs * packetsPerSecond) / 1_000;
}

/** How long those take to send who are elsewhere, at most. */
function othersMs(tallies: readonly Tally[]): number {
  const theirs = tallies.filter(({ sends, receives }) => receives && !sends);
  const packets = theirs.reduce((sum, { pair }) => sum + pair.count, 0);
  return packets === 0 ? 0 : (packets / packetsPerSecond) * 1_000 + slackMs;
}

function isMissing({ sends, receives, sent, received, pair }: Tally): boolean {
  return receives && received < (sends ? sent : pair.count);
}

function* inRounds(tallies: readonly Tally[]): Generator<[number, Tally, number]> {
  const rounds = Math.max(0, ...tallies.map(({ pair }) => pair.count));
  for (let number = 0; number < rounds; number += 1) {
    for (const [index, tally] of tallies.entries()) {
      if (tally.sends && number < tally.pair.count) yield [index, tally, number];
    }
  }
}

type Packet = { readonly payload: Buffer; readonly to: string; readonly tally: Tally };

function sendOne(socket: Socket, { payload, to, tally }: Packet): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.send(payload, probePort, to, (error) => {
    // One that the sender's own kernel cannot send was never in the network; one that a rule of
    // the sender's own refuses, as a reject in a pod does, is as good as lost there.
    if (error === null || (error as NodeJS.ErrnoException).code === 'EPERM') tally.sent += 1;
    resolve();
  });
  return promise;
}

function newTally(pair: ProbePair, here: ReadonlyMap<NodeName, unknown>): Tally {
  return {
    pair,
    sends: here.has(pair.from),
    receives: here.has(pair.to),
    seen: new Uint8Array(pair.count),
    delaysMs: [],
    sent: 0,
    received: 0,
    reordered: 0,
    highest: -1,
    first: 0,
    last: 0,
  };
}

function resultOf(tally: Tally): PairHalves {
  const { pair, sends, receives, sent, received, reordered, delaysMs, first, last } = tally;
  const { from, to } = pair;
  const result = { from, to, sent, received, reordered, delaysMs, sentAt: [first, last] } as const;
  return { result, sends, receives };
}
