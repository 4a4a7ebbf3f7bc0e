// One log file per node: read to its end, then followed.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { NodeName } from '../../names.ts';
import type { LogLine } from '../runtime.ts';

const pollMs = 200;
const longestLine = 64 * 1024;

export function logPath(directory: string, node: string): string {
  return join(directory, 'logs', `${node}.log`);
}

/** Lines so far, then, with `follow`, new ones until the signal is aborted. */
export async function* readLog(
  path: string,
  node: NodeName,
  options: { readonly follow: boolean; readonly signal: AbortSignal; readonly fromByte?: number },
): AsyncIterable<LogLine> {
  await using file = await openLog(path, options);
  if (file === undefined) return;
  let position = options.fromByte ?? 0;
  const decoder = new TextDecoder();
  const buffer = Buffer.alloc(longestLine);
  let rest = '';
  while (true) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    position += bytesRead;
    if (bytesRead === 0) {
      if (!options.follow || options.signal.aborted) break;
      await wait(pollMs, undefined, { signal: options.signal }).catch(() => undefined);
      continue;
    }
    const lines = (rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split(
      '\n',
    );
    rest = lines.pop() ?? '';
    for (const text of lines) yield { node, text };
    if (rest.length > longestLine) {
      yield { node, text: rest };
      rest = '';
    }
  }
  if (rest !== '') yield { node, text: rest };
}

async function openLog(
  path: string,
  options: { readonly follow: boolean; readonly signal: AbortSignal },
): Promise<FileHandle | undefined> {
  while (true) {
    const file = await open(path, 'r').catch(() => undefined);
    if (file !== undefined || !options.follow || options.signal.aborted) return file;
    // Not started yet.
    await wait(pollMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

/** In bytes; 0 if there is none yet. */
export async function logSize(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** The last lines of a log, for messages about a node that died. */
export async function lastLines(path: string, count: number): Promise<readonly string[]> {
  await using file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return [];
  const { size } = await file.stat();
  const length = Math.min(size, 16 * 1024);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.toString('utf8').trimEnd().split('\n').slice(-count);
}
