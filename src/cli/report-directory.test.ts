import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { claimReportDirectory } from './report-directory.ts';

const home = mkdtempSync(join(tmpdir(), 'peerstorm-test-'));
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('a report directory is made with its parents, and may be there already', async () => {
  await claimReportDirectory(join(home, 'a', 'b'));
  await claimReportDirectory(join(home, 'a', 'b'));
  expect(readdirSync(join(home, 'a'))).toEqual(['b']);
});

test.each([
  ['a file', () => join(home, 'file')],
  ['something under a file', () => join(home, 'file', 'sub')],
  ['a place where nothing can be made', () => '/proc/peerstorm-report'],
])('%s is refused before anything starts', async (_, target) => {
  await claimReportDirectory(home);
  writeFileSync(join(home, 'file'), '');
  await expect(claimReportDirectory(target())).rejects.toMatchObject({
    code: 'REPORT_UNWRITABLE',
    message: expect.stringContaining(`no report can go to ${target()}: `),
  });
});
