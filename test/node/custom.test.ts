import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../../src/errors.ts';
import { custom } from '../../src/kinds/custom.ts';
import { findProgram } from '../../src/runtime/local/programs.ts';
import { requireTier } from '../require.ts';
import { eventually, KindNodes } from './kind-nodes.ts';

const missing = await findProgram('prometheus-alertmanager').then(() => '', messageOf);
const here = requireTier(
  'custom program',
  missing === '',
  `${missing}; Debian: apt-get install --no-install-recommends prometheus-alertmanager`,
);

// The very config of the example.
const example = z
  .object({ spec: z.object({ groups: z.tuple([z.object({ config: z.unknown() })]) }) })
  .parse(parse(readFileSync(new URL('../../examples/custom.yaml', import.meta.url), 'utf8')));
const config = custom.config.parse(example.spec.groups[0].config);

describe.skipIf(!here)('a program that nobody here wrote', () => {
  test('instances find each other by the templates and are observed', async () => {
    await using nodes = new KindNodes(custom, { config, dials: [[], [], []], seeds: [0, 1, 2] });
    expect(custom.check?.(config)).toEqual([]);
    await nodes.start(0, 1, 2);
    for (const index of [0, 1, 2]) {
      await eventually(async () => (await nodes.observe(index)).peers.length === 2);
    }
    await eventually(async () => {
      const { metrics } = await nodes.observe(0);
      return metrics?.['alertmanager_cluster_members'] === 3;
    });
    const { peers } = await nodes.observe(0);
    expect(peers.map(({ address }) => address).sort()).toEqual(
      [1, 2].map((index) => nodes.context(index).address),
    );
    // One is gone without a word: the others take it for failed.
    await nodes.stop(2);
    await eventually(async () => (await nodes.observe(0)).peers.length === 1);
  });
});
