// Programs as single files that need nothing but Node: the reference node, what every runtime
// starts; and whatever else goes into an image.
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile } from 'esbuild';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  minify: true,
  legalComments: 'none',
  logLevel: 'silent',
  metafile: true,
} as const satisfies BuildOptions;

/**
 * A folder to start with `node FOLDER`. Takes about a second; whether it is needed is for the
 * caller to know. Gives the paths of what is in it, relative to the working directory.
 */
export async function bundleReferenceNode(folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    ...common,
    entryPoints: [ours('main.ts')],
    outdir: folder,
    entryNames: 'program-[hash]',
    // A function of what load.ts gives it. As CommonJS, so that only what is used of Node's own
    // modules is loaded: importing node:http as a module loads the whole of fetch.
    format: 'cjs',
    banner: { js: '(function(require,module){' },
    footer: { js: '})' },
  });
  const [program = ''] = Object.keys(metafile.outputs);
  await build({
    ...common,
    entryPoints: [ours('load.ts')],
    outfile: join(folder, 'main.js'),
    format: 'cjs',
    define: { PROGRAM: JSON.stringify(basename(program)), 'import.meta.dirname': '__dirname' },
  });
  const manifest = { type: 'commonjs', main: 'main.js' };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest)}\n`);
  return inputsOf(metafile);
}

function ours(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Gives the paths of what is in it, relative to the working directory. */
export async function bundleProgram(entry: string, outFile: string): Promise<readonly string[]> {
  const { metafile } = await build({
    ...common,
    entryPoints: [entry],
    outfile: outFile,
    format: 'esm',
    // It can be run by its name; and some dependencies are CommonJS and call require() for Node's
    // own modules.
    banner: {
      js: '#!/usr/bin/env node\nimport{createRequire as r}from"node:module";const require=r(import.meta.url);',
    },
  });
  return inputsOf(metafile);
}

function inputsOf({ outputs }: Metafile): readonly string[] {
  return Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
}
