// What a node can see and do on the machine it runs on.
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asUser, users } from './users.ts';

type Result = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };
type Told = {
  readonly results: readonly Result[];
  readonly failed: readonly Result[];
  readonly stopped: { readonly seconds: number; readonly exit: Record<string, unknown> };
  readonly absent: string;
  readonly pausedDead: string;
  readonly newest: readonly string[];
  readonly killed: { readonly exit: Record<string, unknown>; readonly strays: number };
};

describe.each(users)('as %s', (user) => {
  test('a node sees its own data and processes, and writes nowhere else', () => {
    const told = runDriver(user, [
      'cat conf/own.txt && echo yes >written && echo yes >/tmp/written && cat written',
      'ls -A "$HOME/../.." "$HOME/.." && ls -A /run',
      'for d in / /etc /usr /var /proc /sys; do touch "$d/x" && echo "$d"; done',
      'ls /proc | grep -c "^[0-9]"; kill -9 1',
      'cat /proc/self/status | grep -E "^(CapEff|CapBnd|NoNewPrivs)" | tr -d "\\t"',
      'cat conf/own.txt; cat /etc/shadow 2>/dev/null; ls -A /dev | tr "\\n" " "; sysctl -w net.ipv4.ip_forward=1',
      'kill -SEGV $$',
    ]);
    const [own, around, writes, processes, rights, own2, signalled] = told.results;
    expect(own?.stdout).toBe('a-0yes');
    expect(around?.stdout).toMatch(/^\S+:\na-0\n\n\S+:\nnodes\nview$/);
    expect(writes?.stdout).toBe('');
    // The first process, the program and its sleep, and this command's own.
    expect(Number(processes?.stdout)).toBeLessThan(9);
    expect(rights?.stdout).toBe('CapEff:0000000000000000\nCapBnd:0000000000000000\nNoNewPrivs:1');
    expect(own2?.stdout).toMatch(/^a-0fd full null random shm stderr stdin stdout urandom zero $/);
    expect(own2?.exitCode).not.toBe(0);
    expect(signalled?.exitCode).toBe(128 + 11);
  });

  test('what is no program is said to be none; one ends by its stop signal, or is killed with all that it has started', () => {
    const told = runDriver(user, []);
    expect(told.stopped.exit).toMatchObject({ signal: 'SIGTERM', code: null, asked: true });
    expect(told.stopped.seconds).toBeLessThan(10);
    expect(told.failed).toEqual([
      { exitCode: 127, stdout: '', stderr: 'a-0: missing-program: not found' },
      { exitCode: 126, stdout: '', stderr: 'a-0: /etc/passwd: Permission denied' },
      { exitCode: 0, stdout: '', stderr: '' },
    ]);
    expect(told.absent).toContain('a-0 is not running');
    expect(told.pausedDead).toBe('exited');
    expect(told.newest).toEqual(['deaf']);
    // After the grace, with what it has left in a session of its own.
    expect(told.killed).toMatchObject({ exit: { signal: 'SIGKILL', asked: true }, strays: 0 });
  });
});

function runDriver(user: string, commands: readonly string[]): Told {
  const base = mkdtempSync(join(tmpdir(), 'peerstorm-isolation-'));
  try {
    const directory = join(base, 'state', 'net');
    mkdirSync(directory, { recursive: true });
    for (const name of ['control.sock', 'state.json']) writeFileSync(join(directory, name), '');
    if (user !== 'root') for (const path of [base, join(base, 'state'), directory]) chown(path);
    const driver = join(import.meta.dirname, 'isolation-driver.ts');
    const [program = '', ...args] = asUser(user as 'root');
    const argv = [...args, process.execPath, driver, directory, JSON.stringify(commands)];
    const { stdout, stderr } = spawnSync(program, argv, {
      cwd: '/',
      encoding: 'utf8',
      timeout: 100_000,
      env: { PATH: process.env['PATH'], HOME: '/tmp' },
    });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as Told;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function chown(path: string): void {
  if (process.getuid?.() === 0) chownSync(path, 65_534, 65_534);
}
