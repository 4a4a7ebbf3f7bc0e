// Every ruleset that is compiled is one that a kernel takes, and reads back as what was meant.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, renewLease, skeleton } from '../../src/faults/compile.ts';
import { tableDifferences } from '../../src/faults/readback.ts';
import type { Ruleset } from '../../src/faults/ruleset.ts';
import { confirmed } from '../../src/runtime/enforcement/kernel-state.ts';
import { measured } from '../bench/compile.ts';
import { type World, worldArbitrary } from '../interpreter/world.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerstorm-ruleset-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The listings of our table after each group of steps, for a user without privileges. */
function inKernel(groups: readonly (readonly string[])[]): readonly string[] {
  const files = groups.flatMap((steps, at) =>
    steps.map((text, step) => {
      const file = join(folder, `${at}-${step}.${step === steps.length - 1 ? 'last' : 'nft'}`);
      writeFileSync(file, text);
      return file;
    }),
  );
  const list = 'case "$f" in *.last) nft list table inet peerstorm; echo "== end";; esac';
  const script = `for f; do nft -f "$f" || exit 1; ${list}; done`;
  const argv = ['--user', '--map-root-user', '--net', 'bash', '-c', script, 'steps', ...files];
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const output = execFileSync('unshare', argv, { encoding: 'utf8', env, maxBuffer: 2 ** 28 });
  return output.split('== end\n').slice(0, -1);
}

/** All faults, then one fewer each time. */
function rulesetsOf(world: World): readonly Ruleset[] {
  const rulesets: Ruleset[] = [];
  for (let left = world.faults.length; left >= 0; left -= 1) {
    const previous = rulesets.at(-1);
    rulesets.push(
      compile({
        generation: rulesets.length + 1,
        ...(previous === undefined ? {} : { previous }),
        base: world.base,
        effects: world.faults.slice(0, left).flat(),
        addresses: world.addresses,
        minors: previous?.minors ?? new Map(),
        faultIds: world.faultIds,
      }),
    );
  }
  return rulesets;
}

describe('a kernel', () => {
  test('takes rulesets one after the other and holds what each says', () => {
    fc.assert(
      fc.property(worldArbitrary({ bursts: false }), (world) => {
        const rulesets = rulesetsOf(world);
        const steps = rulesets.map(({ load, flip, retire }) => [
          ...load,
          flip + renewLease(10),
          ...(retire === '' ? [] : [retire]),
        ]);
        const [, ...listings] = inKernel([[skeleton()], ...steps]);
        for (const [at, ruleset] of rulesets.entries()) {
          const found = listings[at] ?? '';
          expect(tableDifferences(ruleset, found)).toEqual([]);
          // What was retired is gone: nothing of an older generation is left.
          const names = [...found.matchAll(/^\t(?:chain|map) g(\d+)/gm)].map(
            ([, number]) => number,
          );
          expect(new Set(names)).toEqual(new Set([`${ruleset.faults.number}`]));
        }
      }),
      { numRuns: 8 },
    );
  });

  test('takes 10,000 nodes in 32 sides from a user without privileges', () => {
    const { ruleset } = measured(10_000, 32);
    const listings = inKernel([[skeleton(), ...ruleset.load, ruleset.flip]]);
    expect(tableDifferences(ruleset, listings.at(-1) ?? '')).toEqual([]);
    expect(ruleset.load.length).toBeGreaterThan(10);
  });

  test('shows when somebody else changes our table', () => {
    const { ruleset } = measured(10, 2);
    const meddle = [
      'add rule inet peerstorm g1_d1 accept\n',
      'delete element inet peerstorm g1_src { 10.64.0.3 : 2 }\n',
      'flush chain inet peerstorm active\n',
    ].join('');
    const listings = inKernel([[skeleton(), ...ruleset.load, ruleset.flip, meddle]]);
    expect(tableDifferences(ruleset, listings.at(-1) ?? '')).toEqual([
      "active differs: lacks 'goto g1'",
      "g1_d1 differs: has 'accept'",
      "g1_src differs: lacks '10.64.0.3 : 2'",
    ]);
  });

  test('is believed to differ when it is read so twice', async () => {
    const { ruleset } = measured(10, 2);
    const [right = ''] = inKernel([[skeleton(), ...ruleset.load, ruleset.flip]]);
    const wrong = right.replace('10.64.0.3 : ', '10.64.0.99 : ');
    const of = (stdout: string) => ({ ok: true, stdout, message: '' });
    const drift = async (first: string, second: string) => {
      const tool = async () => of(second);
      const expected = {
        place: { kind: 'fabric' },
        ruleset,
        classes: [],
        deviceOf: () => '',
      } as const;
      return (await confirmed(expected, { listing: of(first), tool })).drift;
    };
    expect(await drift(wrong, right)).toBeUndefined();
    expect(await drift(wrong, wrong)).toContain("lacks '10.64.0.3 : 2', has '10.64.0.99 : 2'");
    expect(await drift(right, '')).toBeUndefined();
  });
});
