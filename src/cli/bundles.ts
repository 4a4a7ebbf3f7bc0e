// Where the bundled nodes are: in the user's cache, in a folder that is named by what they are made
// from. They are bundled there in a checkout, and copied there when installed; then one start is
// rehearsed, so that all later ones are cheaper (node-image/load.ts).
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { access, cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { referenceEnvironment, referenceNodeFlags } from '../kinds/reference.ts';
import type { Bundles } from '../runtime/local/programs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const installed = import.meta.url.endsWith('.ts') ? undefined : join(root, 'dist', 'reference');

export async function findBundles(onBuild: () => void): Promise<Bundles> {
  try {
    return { reference: await cached(onBuild) };
  } catch (error) {
    if (installed === undefined) throw error;
    // There is no place to write: it can be run as it is.
    return { reference: installed };
  }
}

async function cached(onBuild: () => void): Promise<string> {
  return await cachedFolder(`reference-${await hashOfParts()}`, async (fresh) => {
    onBuild();
    if (installed === undefined) await bundleInto(fresh);
    else await cp(installed, fresh, { recursive: true });
    // Without, nodes start slower, and that is all.
    await rehearse(fresh).catch(() => {});
  });
}

/** A folder of the user's cache, filled if there is none of that name. */
export async function cachedFolder(
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'peerstorm');
  const path = join(cache, name);
  if (!(await isThere(path))) await make(path, fill);
  return path;
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function make(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  await mkdir(fresh, { recursive: true });
  try {
    await fill(fresh);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Others may make it at the same time: the first to finish is as good as the last.
    if (!(await isThere(path))) throw error;
  }
}

async function bundleInto(folder: string): Promise<void> {
  const { bundleReferenceNode } = (await import(
    new URL('../../node-image/bundle.ts', import.meta.url).href
  )) as { bundleReferenceNode: (folder: string) => Promise<void> };
  await bundleReferenceNode(folder);
}

/** Two nodes meet on loopback. Rejects with what they said where they do not. */
export async function rehearse(folder: string): Promise<void> {
  const env = { ...referenceEnvironment };
  const options = {
    env,
    extendEnv: false,
    stdin: 'ignore',
    timeout: 30_000,
  } as const;
  await execa(process.execPath, [...referenceNodeFlags, folder, '--prepare'], options);
}

async function hashOfParts(): Promise<string> {
  const hash = createHash('sha256').update(`${process.version} ${process.arch}`);
  if (installed === undefined) await addSources(hash);
  // The program's name has a hash of it.
  else hash.update((await readdir(installed)).toSorted().join());
  return hash.digest('hex').slice(0, 16);
}

/** Of everything that goes into the bundle: the node's sources, what it imports, its packages. */
async function addSources(hash: Hash): Promise<void> {
  const sources = await readdir(join(root, 'node-image'), { recursive: true });
  const kinds = await readdir(join(root, 'src', 'kinds'));
  const paths = [
    ...sources.map((name) => join('node-image', name)),
    ...kinds.map((name) => join('src', 'kinds', name)),
    ...['random', 'errors', 'names'].map((name) => join('src', `${name}.ts`)),
    join('src', 'quantities', 'quantities.ts'),
    join('src', 'metrics', 'catalog.ts'),
    'package-lock.json',
  ];
  for (const path of paths.filter((one) => /\.(?:ts|json)$/.test(one)).toSorted()) {
    if (path.endsWith('.test.ts')) continue;
    hash.update(path).update(await readFile(join(root, path)));
  }
}
