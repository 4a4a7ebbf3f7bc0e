// Versions of what a run consists of.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { execa } from 'execa';

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { readonly version: string };

export const { version } = manifest;

/** For the report: what a run was made with. */
export async function versions(): Promise<Readonly<Record<string, string>>> {
  const nft = await execa('nft', ['--version'], { reject: false, timeout: 5_000 });
  const ip = await execa('ip', ['-V'], { reject: false, timeout: 5_000 });
  return {
    peerstorm: version,
    node: process.versions.node,
    kernel: release(),
    ...(nft.stdout ? { nft: numberIn(nft.stdout) } : {}),
    ...(ip.stdout ? { iproute2: numberIn(ip.stdout.replace(/.*iproute2-/, '')) } : {}),
  };
}

function numberIn(text: string): string {
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? text.trim();
}
