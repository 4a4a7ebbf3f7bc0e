import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Invocation } from './command.ts';
import { pageRequest } from './page.ts';
import { finishedRun } from './replay.ts';

const asked = (options: Invocation['options'], always = false) =>
  pageRequest({ options }, { always });

describe('a page', () => {
  test('is served when it is asked for', () => {
    expect(asked({})).toBeUndefined();
    expect(asked({ web: true })).toEqual({ port: 0, control: false });
    expect(asked({ web: '8080' })).toEqual({ port: 8080, control: false });
    expect(asked({ webControl: true })).toEqual({ port: 0, control: true });
  });

  test('is served on a terminal unless it is not wanted', () => {
    expect(asked({}, true)).toEqual({ port: 0, control: false });
    expect(asked({ web: false }, true)).toBeUndefined();
  });

  test.each(['testnet.yaml', '65536', '-1', '80.5'])('has no port %s', (web) => {
    expect(() => asked({ web })).toThrow(/--web must be a port/);
  });
});

test('a folder without a report is said to be none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'no-report-'));
  try {
    await expect(finishedRun(folder)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('no report directory'),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
