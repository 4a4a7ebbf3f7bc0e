// The licences of packages that are inside a bundle: MIT and alike ask that the notice goes with
// every copy, and a bundle is one.
import { readdir, readFile } from 'node:fs/promises';
import { z } from 'zod';

const manifestSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** Of the packages that these files belong to; paths are relative to the working directory. */
export async function licencesOf(inputs: readonly string[]): Promise<string> {
  const folder = /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/;
  const folders = new Set(inputs.flatMap((path) => folder.exec(path)?.[0] ?? []));
  const notices = await Promise.all([...folders].toSorted().map(noticeOf));
  return notices.join(`\n${'-'.repeat(80)}\n\n`);
}

async function noticeOf(folder: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
  const { name, version, license } = manifestSchema.parse(manifest);
  const files = (await readdir(folder)).filter((file) => /^(?:licen[cs]e|notice)/i.test(file));
  const texts = await Promise.all(files.map((file) => readFile(`${folder}/${file}`, 'utf8')));
  return [`${name} ${version} (${license})\n`, ...texts].join('\n');
}
