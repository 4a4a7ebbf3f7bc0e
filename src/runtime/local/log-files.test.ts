import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeName } from '../../names.ts';
import { lastLines, readLog } from './log-files.ts';

const node = nodeName('full', 0);
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'logs-'));
  path = join(folder, 'full-0.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function linesOf(): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const lines: string[] = [];
  for await (const { text } of readLog(path, node, { follow: false, signal })) lines.push(text);
  return lines;
}

describe('a log that is read', () => {
  test.each([
    ['', []],
    ['one\ntwo\n', ['one', 'two']],
    ['one\n\nno end', ['one', '', 'no end']],
    ['grüße ✓\n', ['grüße ✓']],
  ])('%j gives %j', async (text, lines) => {
    writeFileSync(path, text);
    expect(await linesOf()).toEqual(lines);
  });

  test('that is not there has no lines', async () => {
    expect(await linesOf()).toEqual([]);
  });

  test('is whole, however it falls into the pieces that are read', async () => {
    const lines = Array.from(
      { length: 5_000 },
      (_, index) => `${index} ${'ä✓'.repeat(index % 40)}`,
    );
    writeFileSync(path, `${lines.join('\n')}\n`);
    expect(await linesOf()).toEqual(lines);
  });

  test('with a line without end is given in pieces, and nothing is lost', async () => {
    const text = 'x'.repeat(300_000);
    writeFileSync(path, text);
    const pieces = await linesOf();
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe(text);
  });

  test('and followed has new lines as they come, from before the file is there', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    writeFileSync(`${path}.other`, '');
    const waiting: (() => void)[] = [];
    const reading = (async () => {
      for await (const { text } of readLog(path, node, { follow: true, signal: stop.signal })) {
        lines.push(text);
        waiting.shift()?.();
      }
    })();
    const next = (text: string) => {
      const come = new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
      appendFileSync(path, text);
      return come;
    };
    await next('first\n');
    appendFileSync(path, 'sec');
    await next('ond\n');
    stop.abort();
    await reading;
    expect(lines).toEqual(['first', 'second']);
  });
});

test.each([
  ['', []],
  ['one\ntwo\nthree\n', ['two', 'three']],
  ['one', ['one']],
])('the last lines of %j are %j', async (text, lines) => {
  writeFileSync(path, text);
  expect((await lastLines(path, 2)).filter((line) => line !== '')).toEqual(lines);
});

test('the last lines of a log that is not there are none', async () => {
  expect(await lastLines(path, 2)).toEqual([]);
});
