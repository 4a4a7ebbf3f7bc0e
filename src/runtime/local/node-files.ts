// Files of a launch, written into a data directory whose owner is not trusted: what a node has put
// there in the meantime, links above all, must not lead us out of it. Nothing of the node runs now.
import { constants } from 'node:fs';
import { lchown, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fail } from '../../errors.ts';
import type { Launch } from '../../kinds/kind.ts';

/** Makes the directory and writes all files, each whole or not at all. */
export async function writeFiles(
  directory: string,
  files: Launch['files'],
  uid: number | undefined,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await give(directory, uid);
  for (const [path, content] of Object.entries(files)) {
    const target = resolve(directory, path);
    if (!target.startsWith(directory + sep)) {
      throw fail('START_FAILED', `the file "${path}" lies outside the node's data directory`);
    }
    await makeFolders(directory, dirname(target), uid);
    const draft = `${target}.new`;
    await rm(draft, { recursive: true, force: true });
    // Fails where there is something, a link included: open(2), O_EXCL.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    await using file = await open(draft, flags, 0o600);
    await file.writeFile(content);
    if (uid !== undefined) await file.chown(uid, uid);
    await rename(draft, target);
  }
}

/** As `mkdir -p`, but a link on the way is refused. */
async function makeFolders(from: string, to: string, uid: number | undefined): Promise<void> {
  let folder = from;
  for (const name of relative(from, to).split(sep)) {
    if (name === '') continue;
    folder = join(folder, name);
    await mkdir(folder).catch(ignoreExisting);
    if (!(await lstat(folder)).isDirectory()) {
      throw fail('START_FAILED', `${folder} was replaced: it is no folder`);
    }
    await give(folder, uid);
  }
}

async function give(path: string, uid: number | undefined): Promise<void> {
  if (uid !== undefined) await lchown(path, uid, uid);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
