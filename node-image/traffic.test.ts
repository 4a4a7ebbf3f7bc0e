import { expect, test } from 'vitest';
import { type ConnectionInside, type GossipInside, Traffic } from './traffic.ts';

test('bytes count as they come and as the socket took them', () => {
  const traffic = new Traffic();
  const came: number[] = [];
  const connection: ConnectionInside = {
    onData: (data) => came.push(data.byteLength),
    sendData: (data) => ({ sentBytes: Math.min(data.byteLength, 10) }),
  };
  traffic.countBytes(connection);
  connection.onData(new Uint8Array(7));
  connection.onData(new Uint8Array(5));
  expect(connection.sendData(new Uint8Array(25))).toEqual({ sentBytes: 10 });
  expect(came).toEqual([7, 5]);
  expect(traffic.bytes).toEqual({ received: 12, sent: 10 });
});

test('messages count once for each peer that they come from or reach', async () => {
  const traffic = new Traffic();
  const done: string[] = [];
  const gossip: GossipInside = {
    score: { duplicateMessage: () => done.push('duplicate') },
    handleReceivedRpc: async () => {
      done.push('received');
    },
    sendRpc: (to) => to !== 'gone',
    sendRpcInBatch: (to) => {
      to.delete('gone');
    },
  };
  traffic.countMessages(gossip);
  await gossip.handleReceivedRpc('a', { messages: [1, 2] });
  await gossip.handleReceivedRpc('a', { messages: [] });
  gossip.score.duplicateMessage('a');
  expect(done).toEqual(['received', 'received', 'duplicate']);
  expect(gossip.sendRpc('a', { messages: [1] })).toBe(true);
  expect(gossip.sendRpc('gone', { messages: [1] })).toBe(false);
  gossip.sendRpcInBatch(new Set(['a', 'b', 'gone']), { messages: [1, 2] });
  expect(traffic.messages).toEqual({ received: 2, sent: 5 });
  expect(traffic.duplicates).toBe(1);
});
