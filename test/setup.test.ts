// bin/setup and bin/node on machines that lack something: a copy of them in a folder of its own,
// with a PATH that holds only what the machine is to have. Programs that would change the machine
// are fakes that write down how they were called.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const everywhere = ['sh', 'dirname', 'readlink', 'cat', 'rm', 'sed', 'touch', 'mktemp', 'env'];
const needed = ['nft', 'ip', 'tc', 'unshare', 'nsenter', 'setpriv', 'xargs'];
const nothing = 'exit 0';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerstorm-setup-'));
  for (const each of ['bin', 'path', 'node_modules']) mkdirSync(join(folder, each));
  copyFileSync(join(root, 'bin/node'), join(folder, 'bin/node'));
  // The sbin folders of this machine are not those of the machine that is played.
  const script = readFileSync(join(root, 'bin/setup'), 'utf8');
  const played = script.replace('PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"\n', '');
  expect(played).not.toBe(script);
  writeFileSync(join(folder, 'bin/setup'), played, { mode: 0o755 });
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), '{}');
  for (const name of everywhere) symlinkSync(whereIs(name), join(folder, 'path', name));
  symlinkSync(process.execPath, join(folder, 'path', 'node'));
  has('uname', 'echo Linux');
  has('id', 'echo 0');
  has('npm', record('npm'));
  has('apt-get', record('apt-get'));
  for (const name of needed) has(name, nothing);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function whereIs(name: string): string {
  const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return stdout.trim();
}

function has(name: string, script: string): void {
  const path = join(folder, 'path', name);
  rmSync(path, { force: true });
  writeFileSync(path, `#!${whereIs('sh')}\n${script}\n`);
  chmodSync(path, 0o755);
}

function lacks(...names: readonly string[]): void {
  for (const name of names) rmSync(join(folder, 'path', name), { force: true });
}

/** A script that writes down its arguments. */
function record(name: string): string {
  return `echo "${name} $*" >>"${folder}/calls"`;
}

function run(script: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(join(folder, 'bin', script), args, {
    env: { PATH: join(folder, 'path') },
    encoding: 'utf8',
  });
  let calls: string[] = [];
  try {
    calls = readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n');
  } catch {}
  return { status, stdout, stderr, calls };
}

describe('bin/setup', () => {
  test('does and says nothing when all is there', () => {
    expect(run('setup')).toEqual({ status: 0, stdout: '', stderr: '', calls: [] });
  });

  test('installs npm packages when the lockfile is newer than they are, and only then', () => {
    const later = new Date(Date.now() + 10_000);
    utimesSync(join(folder, 'package-lock.json'), later, later);
    const { status, stderr, calls } = run('setup');
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'setup: npm packages (npm ci)\n' });
    expect(calls).toEqual(['npm ci --ignore-scripts --no-audit --no-fund --loglevel=error']);
  });

  test('fetches a Node.js when the one on PATH is too old', () => {
    has('node', 'echo 20.20.2');
    const { stderr, calls } = run('setup');
    expect(stderr).toContain('setup: Node.js 24 into .toolchain (npm ci)\n');
    expect(calls[0]).toMatch(/^npm ci .*--prefix \.toolchain$/);
  });

  test('says that npm is missing', () => {
    rmSync(join(folder, 'node_modules/.package-lock.json'));
    lacks('npm');
    const { status, stderr } = run('setup');
    expect(status).toBe(3);
    expect(stderr).toContain('setup: needs npm; see https://nodejs.org/download\n');
  });

  test('installs what is missing when root, saying the command', () => {
    lacks('nft', 'tc');
    const { status, stderr, calls } = run('setup');
    const install = 'apt-get install -y --no-install-recommends nftables iproute2';
    expect({ status, stderr }).toEqual({ status: 0, stderr: `setup: ${install}\n` });
    expect(calls).toEqual(['apt-get update -q', install]);
  });

  test('uses sudo where it asks for no password', () => {
    lacks('nft');
    has('id', 'echo 1000');
    has('sudo', record('sudo'));
    const { status, stderr, calls } = run('setup');
    const install = 'apt-get install -y --no-install-recommends nftables';
    expect({ status, stderr }).toEqual({ status: 0, stderr: `setup: sudo ${install}\n` });
    expect(calls).toEqual([
      'sudo -n true',
      'sudo apt-get update -q',
      `sudo env DEBIAN_FRONTEND=noninteractive ${install}`,
    ]);
  });

  test.each([
    ['apt-get', 'apt-get install -y --no-install-recommends nftables iproute2 findutils'],
    ['dnf', 'dnf install -y nftables iproute iproute-tc findutils'],
    ['pacman', 'pacman -S --noconfirm nftables iproute2 findutils'],
  ])('without root and sudo prints the exact command for %s', (manager, command) => {
    lacks('nft', 'tc', 'xargs', 'apt-get');
    has(manager, record(manager));
    has('id', 'echo 1000');
    expect(run('setup')).toEqual({
      status: 3,
      stdout: '',
      stderr: `setup: missing: nftables iproute2 findutils. Please run: sudo ${command}\n`,
      calls: [],
    });
  });

  test('names what is missing where it knows no package manager', () => {
    lacks('setpriv', 'apt-get');
    const { status, stderr } = run('setup');
    expect(status).toBe(3);
    expect(stderr).toContain('missing: util-linux.');
  });

  test('shows why an installation failed', () => {
    lacks('ip');
    has('apt-get', 'echo "E: no such package" >&2; exit 100');
    const { status, stderr } = run('setup');
    expect(status).toBe(3);
    expect(stderr).toContain('E: no such package\nsetup: that failed; please run: apt-get install');
  });

  test('asks for nothing of Linux elsewhere', () => {
    has('uname', 'echo Darwin');
    lacks(...needed);
    expect(run('setup')).toMatchObject({ status: 0, calls: [] });
  });
});

describe('bin/node', () => {
  test('becomes the Node.js of PATH when that is new enough', () => {
    expect(run('node', '-p', 'process.version')).toMatchObject({
      status: 0,
      stdout: `${process.version}\n`,
    });
  });

  test.each([
    ['20.20.2', 'echo 20.20.2'],
    ['22.19.0', 'echo 22.19.0'],
    ['none', undefined],
  ])('refuses %s in one line', (found, script) => {
    if (script === undefined) lacks('node');
    else has('node', script);
    const line = `needs Node.js 24 or newer, found ${found}; see https://nodejs.org/download`;
    expect(run('node', '-e', '0')).toMatchObject({
      status: 3,
      stdout: '',
      stderr: `peerstorm: ${line}\n`,
    });
  });

  test('prefers the one of .toolchain', () => {
    const bin = join(folder, '.toolchain/node_modules/node-linux-any/bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'node'), `#!${whereIs('sh')}\necho "toolchain $*"\n`, { mode: 0o755 });
    has('node', 'echo 20.20.2');
    expect(run('node', 'x.ts').stdout).toBe('toolchain x.ts\n');
  });
});
