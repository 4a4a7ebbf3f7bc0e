// What a node sends and receives, counted: one addition for each message and each chunk, nothing
// else. gossipsub's own metrics come all or none, some hundred series with labels and histograms;
// so only the few methods that everything passes through are counted here. No 'message' listener on
// a connection: the first one makes it hand out what it has kept for who reads it later.
import type { GossipSub } from '@libp2p/gossipsub';
import type { ConnectionProtector } from '@libp2p/interface';
import { fail } from '../src/errors.ts';

/** What the counts need of gossipsub; nothing of it is in the type that it exports. */
type Passed = { readonly messages: readonly unknown[] };
export type GossipInside = {
  readonly score: { duplicateMessage: (...args: readonly unknown[]) => void };
  handleReceivedRpc: (from: unknown, rpc: Passed) => Promise<void>;
  sendRpc: (to: string, rpc: Passed) => boolean;
  sendRpcInBatch: (to: Set<string>, rpc: Passed) => void;
};

/** What they need of a connection: below encryption, above the socket. */
export type ConnectionInside = {
  onData: (data: { readonly byteLength: number }) => void;
  sendData: (data: { readonly byteLength: number }) => { readonly sentBytes: number };
};

export class Traffic {
  readonly bytes = { received: 0, sent: 0 };
  /** Copies of blocks; an RPC without one is none. */
  readonly messages = { received: 0, sent: 0 };
  /** Messages received that had come before. */
  duplicates = 0;

  /** As libp2p wants it: it shows every connection to its protector before anything is sent. */
  readonly protector: ConnectionProtector = {
    protect: async (connection) => {
      if (!isConnection(connection)) throw unknown('connections of libp2p');
      this.countBytes(connection);
      return connection;
    },
  };

  countGossip(gossip: GossipSub): void {
    if (!isGossip(gossip)) throw unknown('gossipsub');
    this.countMessages(gossip);
  }

  countBytes(connection: ConnectionInside): void {
    const onData = connection.onData.bind(connection);
    const sendData = connection.sendData.bind(connection);
    connection.onData = (data) => {
      this.bytes.received += data.byteLength;
      onData(data);
    };
    connection.sendData = (data) => {
      const result = sendData(data);
      this.bytes.sent += result.sentBytes;
      return result;
    };
  }

  countMessages(gossip: GossipInside): void {
    const { score } = gossip;
    const duplicateMessage = score.duplicateMessage.bind(score);
    const handleReceivedRpc = gossip.handleReceivedRpc.bind(gossip);
    const sendRpc = gossip.sendRpc.bind(gossip);
    const sendRpcInBatch = gossip.sendRpcInBatch.bind(gossip);
    score.duplicateMessage = (...args) => {
      this.duplicates += 1;
      duplicateMessage(...args);
    };
    gossip.handleReceivedRpc = (from, rpc) => {
      this.messages.received += rpc.messages.length;
      return handleReceivedRpc(from, rpc);
    };
    gossip.sendRpc = (to, rpc) => {
      const sent = sendRpc(to, rpc);
      if (sent) this.messages.sent += rpc.messages.length;
      return sent;
    };
    gossip.sendRpcInBatch = (to, rpc) => {
      sendRpcInBatch(to, rpc);
      // Whom it could not reach is no longer in the set.
      this.messages.sent += to.size * rpc.messages.length;
    };
  }
}

function isConnection(value: object): value is ConnectionInside {
  return hasMethods(value, ['onData', 'sendData']);
}

function isGossip(value: object): value is GossipInside {
  const score: unknown = Reflect.get(value, 'score');
  return (
    hasMethods(value, ['handleReceivedRpc', 'sendRpc', 'sendRpcInBatch']) &&
    hasMethods(score, ['duplicateMessage'])
  );
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

/** Better no node than counts that stay 0. */
function unknown(what: string): Error {
  return fail('START_FAILED', `${what} changed inside: traffic.ts cannot count what passes them`);
}
