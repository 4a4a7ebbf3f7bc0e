// The example that declares delays, in a kernel that has netem.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import type { Report } from '../../src/report/result.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'peerstorm-wan-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

// That kernel is an ordinary process with late timers. A run in it may be void for that, which is
// what its report must say then; the delay must be there all the same.
const timing = /event_loop|cpu_|began .* late|its (?:delay|jitter) was|too few/;

test('example wan holds what it claims, and its delay is there', async () => {
  const argv = ['test', 'examples/wan.yaml', '--report', directory, '--timeout', '8m'];
  const { exitCode, all } = await execa('bin/peerstorm', argv, {
    cwd: root,
    env: { PEERSTORM_STATE_DIR: join(directory, 'state') },
    all: true,
    reject: false,
  });
  const report = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')) as Report;
  const other = report.problems.filter((problem) => !timing.test(problem));
  expect(other, all).toEqual([]);
  expect(exitCode, all).toBe(report.problems.length === 0 ? 0 : 3);
  expect(report.expectations.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed']);
  const [detour] = report.faults;
  expect(detour?.asked['delayMs']).toBe(100);
  expect(detour?.measured['delayMs']).toBeGreaterThan(95);
  expect(detour?.measured['delayMs']).toBeLessThan(150);
}, 600_000);
