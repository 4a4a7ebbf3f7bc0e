import { describe, expect, test } from 'vitest';
import { nodeContainer, sharesProcessNumbers } from './containers.ts';
import type { PodProcess, ProcessTable } from './processes.ts';

type Row = readonly [container: string | undefined, command: string, state?: string];

/** Oldest first; the pid is the row. */
function world(rows: readonly Row[]) {
  const processes = rows.map(([container, command], pid): PodProcess => {
    const of = container === undefined ? {} : { container };
    return { pid, pod: 'p', command, startTicks: pid, ...of };
  });
  const table: Pick<ProcessTable, 'stat' | 'startedAt'> = {
    stat: ({ pid }) => {
      const [, command = '', state = 'S'] = rows[pid] ?? [];
      return state === 'gone' ? undefined : { command, state, parent: 0, startTicks: pid };
    },
    startedAt: ({ startTicks }) => startTicks,
  };
  return { table, processes };
}

describe('the container of a node among the processes of its pod', () => {
  const sandbox = ['s', 'pause'] as const;
  type Found = { id: string; frozen: boolean; pids: readonly number[] } | undefined;

  test.each<[string, readonly Row[], Found]>([
    ['is none before it begins', [sandbox], undefined],
    [
      'is the one beside the sandbox',
      [sandbox, ['n', 'node']],
      { id: 'n', frozen: false, pids: [1] },
    ],
    ['is not an init container', [sandbox, ['g', 'node']], undefined],
    [
      'has all of its processes',
      [sandbox, ['n', 'sh'], ['n', 'node']],
      { id: 'n', frozen: false, pids: [1, 2] },
    ],
    [
      'is the newer one of two',
      [sandbox, ['n', 'a'], ['m', 'a']],
      { id: 'm', frozen: false, pids: [2] },
    ],
    [
      'is frozen when all of it is, but for what has ended',
      [sandbox, ['n', 'a', 'T'], ['n', 'b', 'Z'], ['n', 'c', 't']],
      { id: 'n', frozen: true, pids: [1, 2, 3] },
    ],
    [
      'is not frozen while one goes on',
      [sandbox, ['n', 'a', 'T'], ['n', 'b', 'R']],
      { id: 'n', frozen: false, pids: [1, 2] },
    ],
    ['is none when all of it has ended', [sandbox, ['n', 'a', 'Z'], ['n', 'b', 'gone']], undefined],
    ['is none while the runtime makes it', [sandbox, ['n', 'runc:[2:INIT]']], undefined],
    [
      'may be in a pod without a sandbox',
      [['n', 'bitcoind']],
      { id: 'n', frozen: false, pids: [0] },
    ],
    [
      'may itself be called pause',
      [sandbox, ['n', 'pause']],
      { id: 'n', frozen: false, pids: [1] },
    ],
    [
      'is not what only sits in the cgroup of the pod',
      [sandbox, [undefined, 'conmon'], ['n', 'a']],
      { id: 'n', frozen: false, pids: [2] },
    ],
  ])('%s', (_, rows, expected) => {
    const { table, processes } = world(rows);
    const found = nodeContainer(table, { processes, initContainers: ['g'] });
    const seen = found && {
      id: found.id,
      frozen: found.frozen,
      pids: found.processes.map(({ pid }) => pid),
    };
    expect(seen).toEqual(expected);
  });
});

describe('process numbers are shared with the host', () => {
  test.each([
    ['when there is one number, and it is ours', 'Name:\tnode\nNSpid:\t42\nVmPeak: 1', 42, true],
    ['not when there is one for each namespace', 'NSpid:\t4711\t42\n', 42, false],
    ['not when it is another', 'NSpid:\t4711\n', 42, false],
    ['not when nothing is said', 'Name:\tnode\n', 42, false],
  ])('%s', (_, status, ...[pid, expected]) => {
    expect(sharesProcessNumbers(status, pid)).toBe(expected);
  });
});
