import { createReadStream } from 'node:fs';

/** A file as text; a little more than is allowed, for whoever checks it to refuse. */
export async function readText(path: string, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: mostBytes + 1024 })) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
