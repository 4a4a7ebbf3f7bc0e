import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeFiles } from './node-files.ts';

let base: string;
let home: string;
let secret: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'peerstorm-files-'));
  home = join(base, 'nodes', 'a-0');
  secret = join(base, 'secret');
  await mkdir(home, { recursive: true });
  await writeFile(secret, 'of somebody else');
});
afterEach(() => rm(base, { recursive: true, force: true }));

const write = (path: string) => writeFiles(home, { [path]: 'ours' }, undefined);

describe('a file of a node', () => {
  test('is written, also where one of an earlier start is', async () => {
    await write('conf/own.txt');
    await write('conf/own.txt');
    expect(await readFile(join(home, 'conf/own.txt'), 'utf8')).toBe('ours');
  });

  test.each(['own.txt', 'own.txt.new'])('takes the place of a link at %s', async (planted) => {
    await symlink(secret, join(home, planted));
    await write('own.txt');
    expect(await readFile(join(home, 'own.txt'), 'utf8')).toBe('ours');
    expect(await readFile(secret, 'utf8')).toBe('of somebody else');
  });

  test('is not written through a folder that became a link', async () => {
    await symlink(base, join(home, 'conf'));
    await expect(write('conf/secret')).rejects.toMatchObject({ code: 'START_FAILED' });
    expect(await readFile(secret, 'utf8')).toBe('of somebody else');
  });

  test.each(['../a-1/own.txt', '/etc/own.txt', '.'])('is not written to %s', async (path) => {
    await expect(write(path)).rejects.toMatchObject({ code: 'START_FAILED' });
  });
});
