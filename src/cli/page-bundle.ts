// Where the files of the page are: beside the compiled program when installed; in a checkout built
// when needed, into the user's cache, in a folder that is named by what they are built from.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder } from './bundles.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export async function findPage(onBuild: () => void): Promise<string> {
  if (!import.meta.url.endsWith('.ts')) return join(root, 'dist', 'page');
  return await cachedFolder(`page-${await hashOfSources()}`, async (folder) => {
    onBuild();
    const url = new URL('../../page/bundle.ts', import.meta.url).href;
    const { bundlePage } = (await import(url)) as {
      bundlePage: (folder: string) => Promise<unknown>;
    };
    await bundlePage(folder);
  });
}

/** Of everything that goes into it: its sources, what they share with the program, its packages. */
async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256');
  const page = await readdir(join(root, 'page'), { recursive: true });
  const paths = [
    ...page.map((name) => join('page', name)),
    ...['patch', 'state'].map((name) => join('src', 'web', `${name}.ts`)),
    join('src', 'network', 'graph.ts'),
    'package-lock.json',
  ];
  for (const path of paths.filter((one) => /\.(?:tsx?|json|css|html)$/.test(one)).toSorted()) {
    if (path.endsWith('.test.ts')) continue;
    hash.update(path).update(await readFile(join(root, path)));
  }
  return hash.digest('hex').slice(0, 16);
}
