// `npm run build`: what is published goes to dist. The compiler starts at the programs that are run
// (the files of tsconfig.build.json), so that tests and generators stay out by themselves; the
// reference node and the page come beside them as bundles, since their packages are no
// dependencies of users, with the licences of what is in them.
import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { bundleReferenceNode } from '../node-image/bundle.ts';
import { bundlePage } from '../page/bundle.ts';
import { licencesOf } from './licences.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
process.chdir(root);

await rm('dist', { recursive: true, force: true });
await execa({ preferLocal: true, stdio: 'inherit' })`tsc -p tsconfig.build.json`;
const node = await bundleReferenceNode('dist/reference');
await writeFile('dist/reference.licenses.txt', await licencesOf(node));
const page = await bundlePage(`${root}dist/page`);
await writeFile('dist/page/licenses.txt', await licencesOf(page));
