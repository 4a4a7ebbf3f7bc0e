import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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

test('a report directory that nothing came into goes again, with the parents made for it', async () => {
  await claimReportDirectory(join(home, 'kept'));
  {
    await using _claim = await claimReportDirectory(join(home, 'kept', 'a', 'b'));
    expect(existsSync(join(home, 'kept', 'a', 'b'))).toBe(true);
  }
  expect(readdirSync(home)).toEqual(['kept']);
  expect(readdirSync(join(home, 'kept'))).toEqual([]);
});

test('a report directory with a report in it stays', async () => {
  {
    await using _claim = await claimReportDirectory(join(home, 'a', 'b'));
    writeFileSync(join(home, 'a', 'b', 'report.json'), '{}');
  }
  expect(readdirSync(join(home, 'a', 'b'))).toEqual(['report.json']);
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
