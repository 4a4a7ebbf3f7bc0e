// From a cut to a network that is cut: compiling it, loading it into a kernel namespace of its own
// (as an unprivileged user may), and the flip that puts it in force.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { compile, renewLease, skeleton } from '../../src/faults/compile.ts';
import type { PlacedEffect } from '../../src/faults/effect.ts';
import type { Ruleset } from '../../src/faults/ruleset.ts';
import { type NodeName, nodeName } from '../../src/names.ts';
import type { BenchResult } from './result.ts';

/** Milliseconds to compile, load and flip a cut in two of 100, 1,000 and 10,000 nodes. */
export async function benchCompile(): Promise<BenchResult[]> {
  const cuts = [100, 1_000, 10_000].flatMap((count) => {
    const { addresses, ruleset, milliseconds } = measured(count, 2);
    const name = `cut in two of ${addresses.size} addresses`;
    const loaded = inKernel(ruleset);
    return [
      { name: `${name}: compile`, unit: 'ms', value: milliseconds },
      { name: `${name}: load`, unit: 'ms', value: loaded.load },
      { name: `${name}: flip`, unit: 'ms', value: loaded.flip, most: 50 },
    ];
  });
  const { ruleset, milliseconds } = measured(10_000, 32);
  const sides = 'cut in 32 of 10000 addresses';
  const loaded = inKernel(ruleset);
  return [
    ...cuts,
    { name: `${sides}: compile`, unit: 'ms', value: milliseconds },
    { name: `${sides}: load`, unit: 'ms', value: loaded.load },
    { name: `${sides}: flip`, unit: 'ms', value: loaded.flip, most: 50 },
  ];
}

/** Addresses are cut into so many sides; the best of five compilations. */
export function measured(count: number, sides: number) {
  const nodes = Array.from({ length: count }, (_, index) => nodeName('n', index));
  const addresses = new Map(nodes.map((node, at) => [node, [`10.64.${at >> 8}.${at & 255}`]]));
  const effects = cutInto(nodes, sides);
  const compileOnce = () =>
    compile({
      generation: 1,
      base: [],
      effects,
      addresses,
      minors: new Map(),
      faultIds: new Map([['cut', 0]]),
    });
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    compileOnce();
    return performance.now() - start;
  });
  return { addresses, ruleset: compileOnce(), milliseconds: rounded(Math.min(...times)) };
}

function cutInto(nodes: readonly NodeName[], sides: number): readonly PlacedEffect[] {
  return Array.from({ length: sides }, (_, side) => ({
    fault: 'cut',
    from: nodes.filter((_, at) => at % sides === side),
    to: nodes.filter((_, at) => at % sides !== side),
    impairment: { kind: 'drop' as const },
  }));
}

/** Milliseconds of each step, the start of the nft process included. */
function inKernel(ruleset: Ruleset): { readonly load: number; readonly flip: number } {
  const folder = mkdtempSync(join(tmpdir(), 'peerstorm-bench-'));
  try {
    const texts = [skeleton(), ...ruleset.load, ruleset.flip + renewLease(10)];
    const files = texts.map((text, at) => {
      const file = join(folder, `${at}.nft`);
      writeFileSync(file, text);
      return file;
    });
    const script =
      'for f; do a=$(date +%s%N); nft -f "$f" || exit 1; echo $(($(date +%s%N) - a)); done';
    const argv = ['--user', '--map-root-user', '--net', 'bash', '-c', script, 'bench', ...files];
    const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
    const output = execFileSync('unshare', argv, { encoding: 'utf8', env });
    const [, ...steps] = output
      .trim()
      .split('\n')
      .map((text) => Number(text) / 1e6);
    const flip = steps.pop() ?? 0;
    return { load: rounded(steps.reduce((sum, step) => sum + step, 0)), flip: rounded(flip) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function rounded(milliseconds: number): number {
  return Number(milliseconds.toPrecision(3));
}
