// The dashboards against Grafana's own types, generated from its schema, without a Grafana.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireTier } from '../require.ts';

const folder = join(import.meta.dirname, '../../dashboards');
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const options = {
  cwd: join(import.meta.dirname, 'grafana'),
  env: { PATH: `${process.env['PATH'] ?? ''}:/usr/local/go/bin`, GOFLAGS: '' },
  reject: false,
} as const;
const available = requireTier(
  "dashboards against Grafana's types",
  execaSync('go', ['version'], options).exitCode === 0,
  'needs Go; see https://go.dev/doc/install',
);

describe.runIf(available)('Grafana', () => {
  let work: string;
  const checked = (path: string) => execa(join(work, 'check'), [path], { reject: false });
  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'grafana-'));
    const built = await execa('go', ['build', '-buildvcs=false', '-o', work, '.'], options);
    expect(built.exitCode, built.stderr).toBe(0);
    // Its compiler is slow the first time.
  }, 600_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test.each(files)('takes %s', async (name) => {
    const { exitCode, stderr } = await checked(join(folder, name));
    expect([exitCode, stderr]).toEqual([0, '']);
  });

  test.each([
    ['a panel', '"gridPos"', '"gridPosition"'],
    ['options of a panel', '"reduceOptions"', '"reducing"'],
    ['a query', '"legendFormat"', '"legend"'],
  ])('refuses a misspelt field of %s', async (_, right, wrong) => {
    const text = readFileSync(join(folder, 'network.json'), 'utf8');
    const path = join(work, 'wrong.json');
    writeFileSync(path, text.replace(right, wrong));
    const { exitCode, stderr } = await checked(path);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(JSON.parse(wrong))]);
  });
});
