import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface';
import { expect, test } from 'vitest';
import { inBatches } from './batches.ts';

/** A connection through an encrypter that encrypts nothing, and what it has written. */
async function connection() {
  const written: string[] = [];
  const raw = {
    status: 'open',
    writableNeedsDrain: false,
    send: (data: Uint8Array) => {
      written.push(Buffer.from(data).toString('hex'));
      return true;
    },
    close: async () => {},
  } as unknown as MessageStream;
  const encrypter = inBatches(
    () =>
      ({
        secureOutbound: async (stream: MessageStream) => ({ connection: { ...stream } }),
        secureInbound: async () => {},
      }) as unknown as ConnectionEncrypter,
  )({});
  const secured = await encrypter.secureOutbound(raw);
  const send = (hex: string) => secured.connection.send(Buffer.from(hex, 'hex'));
  const turn = async () => await new Promise((resolve) => setImmediate(resolve));
  return { written, send, turn, close: async () => await secured.connection.close() };
}

/** Of yamux: there is room again for so many bytes in the third stream. */
const room = (bytes: number) => `0001000000000003${bytes.toString(16).padStart(8, '0')}`;
/** The same with a flag: it opens the stream. */
const opening = `0001000100000003${'0'.repeat(8)}`;

test('what one turn has to say is one write, in its order', async () => {
  const { written, send, turn } = await connection();
  send('aa');
  send(opening);
  send('bb');
  expect(written).toEqual([]);
  await turn();
  expect(written).toEqual([`aa${opening}bb`]);
});

test('that there is room again waits for company', async () => {
  const { written, send, turn } = await connection();
  send(room(32));
  await turn();
  send(room(5));
  await turn();
  expect(written).toEqual([]);
  send('aa');
  await turn();
  expect(written).toEqual([`${room(32)}${room(5)}aa`]);
});

test('but not if it is much, nor if the connection closes', async () => {
  const { written, send, turn, close } = await connection();
  send(room(60_000));
  await turn();
  expect(written).toEqual([]);
  send(room(6_000));
  await turn();
  expect(written).toEqual([`${room(60_000)}${room(6_000)}`]);
  send(room(1));
  await close();
  expect(written.slice(1)).toEqual([room(1)]);
});
