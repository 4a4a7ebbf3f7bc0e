// What one turn of the event loop has to say through a connection goes out as one encrypted message
// and one write, not as several: opening a stream alone is four frames of yamux. Nothing waits
// longer than for the end of the turn, nothing is reordered, and the peer gets the same bytes.
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface';

type Make<Components> = (components: Components) => ConnectionEncrypter;

/** The encrypter, with connections that send in batches. */
export function inBatches<Components>(make: Make<Components>): Make<Components> {
  return (components) => {
    const encrypter = make(components);
    const secureOutbound = encrypter.secureOutbound.bind(encrypter);
    const secureInbound = encrypter.secureInbound.bind(encrypter);
    return Object.assign(encrypter, {
      secureOutbound: async (...args: Parameters<typeof secureOutbound>) =>
        batched(await secureOutbound(...args)),
      secureInbound: async (...args: Parameters<typeof secureInbound>) =>
        batched(await secureInbound(...args)),
    });
  };
}

function batched(secured: SecuredConnection): SecuredConnection {
  const { connection } = secured;
  const send = connection.send.bind(connection);
  const close = connection.close.bind(connection);
  let batch: Uint8Array[] = [];
  const flush = (): void => {
    const due = batch;
    batch = [];
    if (due.length === 0 || connection.status !== 'open') return;
    try {
      send(due.length === 1 && due[0] !== undefined ? due[0] : Buffer.concat(due));
    } catch (error) {
      connection.abort(error instanceof Error ? error : new TypeError(String(error)));
    }
  };
  const own: Pick<MessageStream, 'send' | 'close'> = {
    send: (data) => {
      if (connection.status !== 'open') return send(data);
      if (batch.length === 0) setImmediate(flush);
      // A copy: who has sent something may use its bytes again.
      batch.push(data.slice());
      return !connection.writableNeedsDrain;
    },
    close: async (options) => {
      flush();
      await close(options);
    },
  };
  Object.assign(connection, own);
  return secured;
}
