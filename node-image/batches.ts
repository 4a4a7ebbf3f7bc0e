// What one turn of the event loop has to say through a connection goes out as one encrypted
// message, one write and one packet, not as several: opening a stream alone is four frames of
// yamux. Nothing is reordered, and the peer gets the same bytes. Nothing waits longer than for the
// end of the turn, except what yamux answers to each frame of data, however small: that there is
// room for so many bytes again. It goes along with whatever is sent next, or by itself once it is
// many bytes.
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface';

type Make<Components> = (components: Components) => ConnectionEncrypter;

/** The encrypter, with connections that send in batches. */
export function inBatches<Components>(make: Make<Components>): Make<Components> {
  return (components) => {
    const encrypter = make(components);
    const secureOutbound = encrypter.secureOutbound.bind(encrypter);
    const secureInbound = encrypter.secureInbound.bind(encrypter);
    return Object.assign(encrypter, {
      secureOutbound: async (...[raw, ...rest]: Parameters<typeof secureOutbound>) =>
        batched(await secureOutbound(inOnePiece(raw), ...rest)),
      secureInbound: async (...[raw, ...rest]: Parameters<typeof secureInbound>) =>
        batched(await secureInbound(inOnePiece(raw), ...rest)),
    });
  };
}

/** A message and the length before it are else two writes, two packets, and wake the peer twice. */
function inOnePiece<Raw extends Pick<MessageStream, 'send'>>(raw: Raw): Raw {
  const send = raw.send.bind(raw);
  const own: Pick<MessageStream, 'send'> = { send: (data) => send(data.subarray()) };
  return Object.assign(raw, own);
}

/** A quarter of what a peer may send without hearing that there is room again. */
const roomToTell = 64 * 1_024;

function batched(secured: SecuredConnection): SecuredConnection {
  const { connection } = secured;
  const send = connection.send.bind(connection);
  const close = connection.close.bind(connection);
  let batch: Uint8Array[] = [];
  let flushing: NodeJS.Immediate | undefined;
  /** Told of in the batch. */
  let room = 0;
  const flush = (): void => {
    const due = batch;
    batch = [];
    room = 0;
    clearImmediate(flushing);
    flushing = undefined;
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
      // A copy: who has sent something may use its bytes again.
      const bytes = data.slice();
      batch.push(bytes);
      const told = roomTold(bytes);
      room += told ?? 0;
      if (told === undefined || room >= roomToTell) flushing ??= setImmediate(flush);
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

/**
 * Of a frame that says nothing else: version 0, window update, no flags, the stream, the bytes
 * (https://github.com/hashicorp/yamux/blob/master/spec.md). What comes before yamux in a connection
 * begins with a length, which is not 0.
 */
function roomTold(frame: Uint8Array): number | undefined {
  if (frame.byteLength !== 12) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  return view.getUint32(0) === 0x00_01_00_00 ? view.getUint32(8) : undefined;
}
