// The samples, applied as a user applies them, in a namespace that is `restricted`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasCluster, Storm } from './harness.ts';

const samples = join(import.meta.dirname, '../../manifests/samples');
const available = hasCluster('test/cluster/run.test.ts');
const sample = (name: string) => readFileSync(join(samples, `${name}.yaml`), 'utf8');

describe.runIf(available)('a sample', { timeout: 300_000 }, () => {
  test('split-and-heal passes: the network was cut, and is one again', async () => {
    await using storm = await Storm.create('run-split');
    await storm.apply(sample('split-and-heal'));
    const status = await storm.finished('split-and-heal');
    expect(status, await storm.explain()).toMatchObject({ verdict: 'passed', exitCode: 0 });
    expect(status.nodes).toMatchObject({ planned: 24 });
    expect(status.faults).toMatchObject([{ name: 'split', kind: 'partition' }]);
    const { start = '', end = '' } = status.faults?.[0] ?? {};
    expect(Date.parse(end) - Date.parse(start)).toBe(20_000);
    expect(status.expectations?.map(({ status: verdict }) => verdict)).toEqual(
      Array.from({ length: 7 }, () => 'passed'),
    );
    const conditions = Object.fromEntries(status.conditions.map((each) => [each.type, each]));
    expect(conditions).toMatchObject({
      Accepted: { status: 'True' },
      Finished: { status: 'True', reason: 'Passed' },
      Succeeded: { status: 'True' },
    });
  });

  test('eclipse passes', async () => {
    await using storm = await Storm.create('run-eclipse');
    await storm.apply(sample('eclipse'));
    expect(await storm.finished('eclipse'), await storm.explain()).toMatchObject({
      verdict: 'passed',
    });
  });

  test('bitcoin-split passes with real nodes', async () => {
    await using storm = await Storm.create('run-bitcoin');
    const text = sample('bitcoin-split').replace('bitcoin/bitcoin:29.0', 'peerstorm-bitcoind:test');
    await storm.apply(text);
    expect(await storm.finished('bitcoin-split', 240), await storm.explain()).toMatchObject({
      verdict: 'passed',
    });
  });
});
