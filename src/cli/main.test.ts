import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test, vi } from 'vitest';

// Each is a process.
vi.setConfig({ testTimeout: 30_000 });
const main = join(import.meta.dirname, 'main.ts');

test.each([
  ['help', 0, 'Usage: peerstorm [options] [command]'],
  ['help fault apply', 0, 'Usage: peerstorm fault apply [options] <file>'],
  ['help tes', 2, "error: unknown command 'tes'\n(Did you mean test?)"],
  ['fault help aply', 2, "error: unknown command 'aply'\n(Did you mean apply?)"],
  ['help qqqqqqqq', 2, "error: unknown command 'qqqqqqqq'\n  Run `peerstorm --help`."],
])('peerstorm %s ends with %i', async (words, exit, says) => {
  const args = [main, ...words.split(' ')];
  const { exitCode, stdout, stderr } = await execa(process.execPath, args, { reject: false });
  expect(exitCode).toBe(exit);
  const [said, silent] = exit === 0 ? [stdout, stderr] : [stderr, stdout];
  expect(said.slice(0, says.length)).toBe(says);
  expect(silent).toBe('');
});
