// `bin/node bin/bundle.ts peerstorm|node FOLDER`: what an image is made of, without Docker:
// JavaScript with the licences of what is in it. The CLI, which is also controller and agent, is
// one file, has the gate of nodes beside it, and lies as deep as in a checkout, so that it finds
// its package.json, and beside it what report.html is made with, which is read as text and not run.
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram, bundleReferenceNode } from '../node-image/bundle.ts';
import { rehearse } from '../src/cli/bundles.ts';
import { licencesOf } from './licences.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const reportAssets = ['package.json', 'LICENSE', 'dist/uPlot.iife.min.js', 'dist/uPlot.min.css'];
const images: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  peerstorm: bundlePeerstorm,
  node: bundleNode,
};

const [name = '', target = ''] = process.argv.slice(2);
const bundle = images[name];
if (bundle === undefined || target === '') {
  process.stderr.write(`usage: bin/bundle.ts ${Object.keys(images).join('|')} FOLDER\n`);
  process.exit(2);
}
const folder = resolve(target);
process.chdir(root);
await rm(folder, { recursive: true, force: true });
await bundle(folder);

async function bundlePeerstorm(to: string): Promise<void> {
  const main = join(to, 'dist/cli/main.js');
  const inputs = await bundleProgram('src/cli/main.ts', main);
  await chmod(main, 0o755);
  await copy('bin/gate', join(to, 'gate'));
  await chmod(join(to, 'gate'), 0o755);
  await copy('package.json', join(to, 'package.json'));
  for (const asset of reportAssets) {
    const path = join('node_modules/uplot', asset);
    await copy(path, join(to, path));
  }
  await writeFile(join(to, 'licenses.txt'), await licencesOf(inputs));
}

async function bundleNode(to: string): Promise<void> {
  const inputs = await bundleReferenceNode(to);
  // For this Node.js and this architecture; others take no notice of it.
  await rehearse(to);
  await writeFile(join(to, 'licenses.txt'), await licencesOf(inputs));
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}
