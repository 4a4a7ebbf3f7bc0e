// What `npm install -g peerstorm` gives: packed, installed under a prefix of its own, and run from
// there as a user would, with nothing of the checkout around it.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Of one command: an example takes 40 s, on a machine that is busy more. */
const limitMs = 280_000;
const nodeFolder = dirname(process.execPath);

let home = '';
let tarball = '';
let installed = '';

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peerstorm-package-'));
  const env = { PATH: `${nodeFolder}:${process.env['PATH'] ?? ''}` };
  await execa({ cwd: root, env })`npm pack --silent --pack-destination ${home}`;
  const [name = ''] = (await readdir(home)).filter((file) => file.endsWith('.tgz'));
  tarball = join(home, name);
  const prefix = join(home, 'prefix');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await execa({ cwd: home, env })`npm install -g --prefix ${prefix} ${quiet} ${tarball}`;
  installed = join(prefix, 'lib', 'node_modules', 'peerstorm');
}, 300_000);

afterAll(() => rm(home, { recursive: true, force: true }));

/** The command as installed, far from the checkout, with a home of its own. */
function peerstorm(args: readonly string[], path = `${nodeFolder}:${process.env['PATH'] ?? ''}`) {
  const command = join(home, 'prefix', 'bin', 'peerstorm');
  const env = { PATH: path, HOME: home, NO_COLOR: '1' };
  const options = { cwd: home, env, extendEnv: false, reject: false, timeout: limitMs } as const;
  return execa(command, args, options);
}

describe('the package', () => {
  test('holds the program, the examples and nothing of the workshop', async () => {
    const files = await readdir(installed, { recursive: true });
    const ours = files.filter((file) => !file.startsWith('node_modules'));
    expect(ours).toContain('dist/reference/main.js');
    expect(ours).toEqual(
      expect.arrayContaining(
        ['index.html', 'page.js', 'page.css'].map((name) => `dist/page/${name}`),
      ),
    );
    expect(ours).toContain('examples/split-and-heal.yaml');
    expect(ours).toEqual(
      expect.arrayContaining(['dashboards/network.json', 'dashboards/rules.yaml']),
    );
    expect(ours).toContain('LICENSE');
    expect(ours.filter((file) => /\.ts$|\.test\.|^test|^src/.test(file))).toEqual([]);
  });

  test('depends on no package of the reference node and the page, which are bundled', async () => {
    const packages = await readdir(join(installed, 'node_modules'));
    expect(
      packages.filter((name) => /libp2p|esbuild|typescript|vite|preact|d3-|playwright/.test(name)),
    ).toEqual([]);
  });

  test.each([
    { of: 'reference.licenses.txt', atLeast: 20 },
    { of: 'page/licenses.txt', atLeast: 4 },
  ])('comes with the licences of what is bundled ($of)', async ({ of, atLeast }) => {
    const text = await readFile(join(installed, 'dist', of), 'utf8');
    const licences = [...text.matchAll(/^\S+ \d\S* \((.*)\)$/gm)].map((match) => match[1] ?? '');
    expect(licences.length).toBeGreaterThanOrEqual(atLeast);
    expect(licences.filter((licence) => !/\b(?:MIT|Apache-2\.0|BSD|ISC)\b/.test(licence))).toEqual(
      [],
    );
  });

  test('is as publint wants it', async () => {
    const bytes = await readFile(tarball);
    const archive = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const { messages, pkg } = await publint({ pack: { tarball: archive }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });
});

describe('the installed command', () => {
  test('says its version', async () => {
    const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const { stdout } = await peerstorm(['--version']);
    expect(manifest).toMatchObject({ version: stdout });
  });

  test('says what this machine can do', async () => {
    const { exitCode, stdout } = await peerstorm(['doctor', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ versions: { node: process.versions.node } });
    expect(exitCode).toBe(0);
  });

  test('runs an example, and takes paths from where it was called', async () => {
    const spec = 'prefix/lib/node_modules/peerstorm/examples/restart.yaml';
    const run = await peerstorm(['test', spec, '--report', 'report']);
    expect(run.stderr).not.toContain('building');
    expect([run.exitCode, run.stdout]).toEqual([0, expect.stringContaining('PASSED')]);
    const report: unknown = JSON.parse(await readFile(join(home, 'report/report.json'), 'utf8'));
    expect(report).toMatchObject({ verdict: 'passed' });
    expect(await readdir(join(home, 'report'))).toEqual(
      expect.arrayContaining(['report.html', 'junit.xml', 'metrics.om', 'plan.json', 'logs']),
    );
  }, 300_000);

  test('runs an example in simulated time', async () => {
    const spec = join(installed, 'examples', 'eclipse.yaml');
    const run = await peerstorm(['test', spec, '--runtime', 'memory', '--report', 'simulated']);
    expect([run.exitCode, run.stdout]).toEqual([0, expect.stringContaining('PASSED')]);
  });

  test('shows that run again on a page', async () => {
    const command = join(home, 'prefix', 'bin', 'peerstorm');
    const env = { PATH: `${nodeFolder}:${process.env['PATH'] ?? ''}`, HOME: home };
    const options = { cwd: home, env, extendEnv: false, reject: false } as const;
    const watching = execa(command, ['watch', '--replay', 'simulated'], options);
    for await (const line of watching) {
      const response = await fetch(line.replace(/^page: /, ''));
      expect(await response.text()).toContain('page.js');
      watching.kill('SIGINT');
    }
    expect(await watching).toMatchObject({ exitCode: 0 });
  });

  test('says in one line that a Node.js is too old', async () => {
    const fake = join(home, 'old');
    await mkdir(fake);
    await writeFile(join(fake, 'node'), '#!/bin/sh\necho 20.20.2\n');
    await chmod(join(fake, 'node'), 0o755);
    const { exitCode, stderr, stdout } = await peerstorm(['--version'], `${fake}:/usr/bin:/bin`);
    expect({ exitCode, stderr, stdout }).toEqual({
      exitCode: 3,
      stderr:
        'peerstorm: needs Node.js 24 or newer, found 20.20.2; see https://nodejs.org/download',
      stdout: '',
    });
  });
});

describe('npm run peerstorm', () => {
  test('takes paths from where it was called', async () => {
    const env = { PATH: `${nodeFolder}:${process.env['PATH'] ?? ''}` };
    const cwd = join(root, 'examples');
    const { stdout } = await execa({ cwd, env })`npm run -s peerstorm -- validate restart.yaml`;
    expect(stdout).toMatch(/^restart\.yaml: ok/);
  });
});
