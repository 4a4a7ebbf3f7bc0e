// Catching up: one request and one answer on a libp2p stream of their own. The asker sends its
// height and a locator (hashes of its main chain, ever sparser); the answer is the other's main
// chain above the first hash that both have, a page at a time, and nothing at all when that chain
// is not longer. Sizes and times are bounded on both sides; a peer that breaks the bounds
// loses the stream. Asked for on connect, when a block without a parent arrives, when the other has
// asked from above us, and of a random peer when it has been quiet, so that a block which gossip
// lost does not stay unknown.
import type { Connection, Stream } from '@libp2p/interface';
import * as z from 'zod';
import { fail } from '../src/errors.ts';
import { readBlock, writeBlock } from './block-text.ts';
import type { Host } from './host.ts';
import type { Block, Ledger } from './ledger.ts';

const pageSize = 500;
/** A page of blocks of ordinary length, and then some. */
const maxAnswerBytes = 256 * 1024;
const maxRequestBytes = 8 * 1024;
const timeoutMs = 5_000;

const request = z.strictObject({
  height: z.int().min(0),
  locator: z
    .array(z.string().regex(/^[0-9a-f]{64}$/))
    .min(1)
    .max(64),
});
type Request = { readonly height: number; readonly locator: readonly string[] };

export function protocolOf(testnet: string): string {
  return `/peerstorm/${testnet}/sync/1`;
}

/** Answers others. What `answer` gives is what they get. */
export async function serve(
  host: Host,
  testnet: string,
  answer: (request: Request, connection: Connection) => readonly Block[],
): Promise<void> {
  const handle = async (stream: Stream, connection: Connection): Promise<void> => {
    try {
      const text = await readAll(stream, maxRequestBytes);
      const blocks = answer(request.parse(JSON.parse(text)), connection);
      await writeAll(stream, blocks.map(writeBlock).join('\n'));
    } catch (error) {
      stream.abort(error instanceof Error ? error : fail('START_FAILED', 'bad request'));
    }
  };
  await host.handle(protocolOf(testnet), handle, { maxInboundStreams: 2, maxOutboundStreams: 2 });
}

/** `ahead` is called when the one who asks says that its chain is the longer one. */
export function answerFrom(
  ledger: Ledger,
  ahead: (connection: Connection) => void,
): (request: Request, connection: Connection) => readonly Block[] {
  return ({ height, locator }, connection) => {
    if (height > ledger.tip.height) ahead(connection);
    return height >= ledger.tip.height ? [] : ledger.after(locator, pageSize);
  };
}

/** Asks until the peer has no more; gives each page to `accept`. Throws what the stream throws. */
export async function catchUp(
  connection: Connection,
  protocol: string,
  { ledger, accept }: { ledger: Ledger; accept: (blocks: readonly Block[]) => void },
): Promise<void> {
  let last: Block | undefined;
  for (;;) {
    // A fork longer than a page is no main chain of ours yet: go on where the page ended.
    const known = ledger.locator();
    const locator = last === undefined ? known : [last.hash, ...known];
    const blocks = await ask(connection, protocol, { height: ledger.tip.height, locator });
    const next = blocks.at(-1);
    if (next === undefined || next.hash === last?.hash) return;
    accept(blocks);
    if (blocks.length < pageSize) return;
    last = next;
  }
}

async function ask(
  connection: Connection,
  protocol: string,
  message: Request,
): Promise<readonly Block[]> {
  const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(timeoutMs) });
  try {
    await writeAll(stream, JSON.stringify(message));
    const text = await readAll(stream, maxAnswerBytes);
    const lines = text === '' ? [] : text.split('\n');
    return lines.map((line) => {
      const block = readBlock(line);
      if (block === undefined) throw fail('CONTACT_LOST', 'the peer sent something else');
      return block;
    });
  } catch (error) {
    stream.abort(error instanceof Error ? error : fail('CONTACT_LOST', 'no answer'));
    throw error;
  }
}

async function writeAll(stream: Stream, text: string): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  if (text !== '' && !stream.send(Buffer.from(text))) await stream.onDrain({ signal });
  await stream.close({ signal });
}

/** Everything until the other side closes. */
async function readAll(stream: Stream, limit: number): Promise<string> {
  const late = setTimeout(
    () => stream.abort(fail('TIMEOUT', `no answer in ${timeoutMs} ms`)),
    timeoutMs,
  );
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      size += chunk.byteLength;
      if (size > limit) throw fail('CONTACT_LOST', `more than ${limit} bytes`);
      chunks.push(chunk.subarray());
    }
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks).toString('utf8');
}
