// The page as three files that need nothing else: index.html, page.js, page.css.
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/**
 * Takes about a second; whether it is needed is for the caller to know. Gives the paths of what is
 * in it, relative to the working directory.
 */
export async function bundlePage(folder: string): Promise<readonly string[]> {
  const inputs = new Set<string>();
  await build({
    root: fileURLToPath(new URL('.', import.meta.url)),
    configFile: false,
    envFile: false,
    publicDir: false,
    base: './',
    logLevel: 'error',
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2023',
      modulePreload: false,
      cssCodeSplit: false,
      rolldownOptions: {
        output: { entryFileNames: 'page.js', assetFileNames: 'page[extname]' },
      },
    },
    plugins: [
      {
        name: 'inputs',
        generateBundle(_, files) {
          for (const file of Object.values(files)) {
            for (const id of file.type === 'chunk' ? file.moduleIds : []) {
              inputs.add(relative(process.cwd(), id.replace(/\?.*$/, '')));
            }
          }
        },
      },
    ],
  });
  return [...inputs];
}
