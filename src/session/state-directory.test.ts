import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  claimRunDirectory,
  holderOf,
  releaseRunDirectory,
  runDirectory,
  runningTestnets,
  socketPath,
  stateDirectory,
} from './state-directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-'));
  vi.stubEnv('PEERSTORM_STATE_DIR', join(folder, 'state'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** As a process leaves it that is gone: the number is in use again, by another process. */
const staleLock = (testnet: string, content = { pid: process.pid, start: '1' }) =>
  writeFileSync(join(stateDirectory(), `${testnet}.lock`), JSON.stringify(content));

describe('the state directory', () => {
  test.each([
    [{ PEERSTORM_STATE_DIR: '/a', XDG_STATE_HOME: '/b' }, '/a'],
    [{ XDG_STATE_HOME: '/b' }, '/b/peerstorm'],
  ])('for %j is %s', (environment, path) => {
    expect(stateDirectory(environment)).toBe(path);
  });

  test('by default is in the home directory', () => {
    expect(stateDirectory({})).toMatch(/\/\.local\/state\/peerstorm$/);
  });

  test('must not be longer than the path of a unix socket', () => {
    const directory = `/${'x'.repeat(107 - '//control.sock'.length)}`;
    expect(socketPath(directory)).toHaveLength(107);
    expect(() => socketPath(`${directory}y`)).toThrow(/PEERSTORM_STATE_DIR/);
  });

  test('that is too long is refused before anything is made', async () => {
    vi.stubEnv('PEERSTORM_STATE_DIR', join(folder, 'x'.repeat(120)));
    await expect(claimRunDirectory('net')).rejects.toMatchObject({ code: 'USAGE' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a name', () => {
  test('is taken by whoever claims it, and free again when it is released', async () => {
    const directory = await claimRunDirectory('net');
    expect(directory).toBe(runDirectory('net'));
    expect([await runningTestnets(), await holderOf('net')]).toEqual([['net'], process.pid]);
    await expect(claimRunDirectory('net')).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await releaseRunDirectory('net');
    expect([await runningTestnets(), await holderOf('net')]).toEqual([[], undefined]);
    expect(readdirSync(stateDirectory())).toEqual([]);
  });

  test('does not keep others from theirs', async () => {
    await claimRunDirectory('one');
    await claimRunDirectory('two');
    expect(await runningTestnets()).toEqual(['one', 'two']);
  });

  test('whose holder is gone is free, and what it left is cleared away', async () => {
    const directory = await claimRunDirectory('net');
    writeFileSync(join(directory, 'state.json'), '{}');
    staleLock('net');
    expect(await runningTestnets()).toEqual([]);
    expect(await claimRunDirectory('net')).toBe(directory);
    expect(readdirSync(directory)).toEqual([]);
    expect(await runningTestnets()).toEqual(['net']);
    expect(readdirSync(stateDirectory()).toSorted()).toEqual(['net', 'net.lock']);
  });

  test.each(['', 'no json', '{"pid":0,"start":""}'])('with the lock %j is free', async (text) => {
    await claimRunDirectory('net');
    writeFileSync(join(stateDirectory(), 'net.lock'), text);
    expect(await runningTestnets()).toEqual([]);
    await claimRunDirectory('net');
    expect(await runningTestnets()).toEqual(['net']);
  });

  test('that many want at once goes to one', async () => {
    await claimRunDirectory('net');
    staleLock('net');
    const claims = Array.from({ length: 8 }, () => claimRunDirectory('net'));
    const settled = await Promise.allSettled(claims);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('is nobody else to look into', async () => {
    const directory = await claimRunDirectory('net');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(stateDirectory()).mode & 0o777).toBe(0o700);
    expect(existsSync(join(stateDirectory(), 'net.lock'))).toBe(true);
  });
});
