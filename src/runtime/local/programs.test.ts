import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { referenceNodeFlags } from '../../kinds/reference.ts';
import { findProgram, resolveProgram } from './programs.ts';

let folder: string;
const put = (name: string, mode = 0o755) => {
  const path = join(folder, name);
  writeFileSync(path, '');
  chmodSync(path, mode);
  return path;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'programs-'));
  vi.stubEnv('PATH', `relative:${join(folder, 'none')}:${folder}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('a program', () => {
  test('without a slash is looked up on PATH, in folders with an absolute path only', async () => {
    const path = put('some-node');
    expect(await resolveProgram(['some-node', '-x', 'a b'], {})).toEqual([path, '-x', 'a b']);
  });

  test('with a path is that one', async () => {
    const path = put('other');
    expect(await findProgram(path)).toBe(path);
  });

  test('may be named by the environment', async () => {
    put('bitcoin-d');
    const mine = put('my-own');
    vi.stubEnv('PEERSTORM_BITCOIN_D', mine);
    expect(await findProgram('bitcoin-d')).toBe(mine);
  });

  test.each(['missing', './missing', '/missing'])('%s that is not there says so', async (name) => {
    await expect(findProgram(name)).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
    await expect(findProgram(name)).rejects.toThrow(/PEERSTORM_\w*MISSING/);
  });

  test('that cannot be executed is not there', async () => {
    put('text', 0o644);
    await expect(findProgram('text')).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
  });
});

describe('a bundled node', () => {
  const bundles = { reference: '/bundles/reference.js' };

  test('is run by this Node.js', async () => {
    expect(await resolveProgram(['node:reference', '--config', 'a'], bundles)).toEqual([
      process.execPath,
      ...referenceNodeFlags,
      '/bundles/reference.js',
      '--config',
      'a',
    ]);
  });

  test('has the flags for Node.js before it', async () => {
    const argv = ['--node-flag=--jitless', '--node-flag=-v', 'x', '--node-flag=late'] as const;
    expect(await resolveProgram(['node:reference', ...argv], bundles)).toEqual([
      process.execPath,
      ...referenceNodeFlags,
      '--jitless',
      '-v',
      '/bundles/reference.js',
      'x',
      '--node-flag=late',
    ]);
  });

  test('that nobody has bundled fails', async () => {
    await expect(resolveProgram(['node:other'], bundles)).rejects.toMatchObject({
      code: 'START_FAILED',
    });
  });
});
