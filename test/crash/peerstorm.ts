// Runs `bin/peerstorm` as a user does, in folders of its own, so that a test can end any part of it
// and then look at everything that could have been left behind.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/report/result.ts';
import {
  type Found,
  type Identity,
  isThere,
  type Part,
  processesOf,
  treeOf,
} from '../processes.ts';
import { requireTier } from '../require.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const bin = join(root, 'bin', 'peerstorm');

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
};

export type Command = {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<Ended>;
};

/** The folders of one test; nothing may be written elsewhere. */
export class Place implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'ps-'));
  readonly state = join(this.folder, 'state');
  readonly report = join(this.folder, 'report');
  readonly #before = hostTraces();
  readonly #seen: Identity[] = [];

  constructor() {
    for (const name of ['tmp', 'home', 'work']) mkdirSync(join(this.folder, name));
  }

  directory(testnet: string): string {
    return join(this.state, testnet);
  }

  start(args: readonly string[], program: readonly string[] = [bin]): Command {
    const [first = bin, ...rest] = program;
    const child = spawn(first, [...rest, ...args], {
      cwd: program[0] === bin ? join(this.folder, 'work') : root,
      env: {
        ...process.env,
        PEERSTORM_STATE_DIR: this.state,
        TMPDIR: join(this.folder, 'tmp'),
        // What is built once for all runs stays where it is.
        XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
        HOME: join(this.folder, 'home'),
        NO_COLOR: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal, output }));
    });
    return { child, output: () => output, ended };
  }

  async run(args: readonly string[]): Promise<Ended> {
    return await this.start(args).ended;
  }

  /** Waits for that part of a testnet; fails when the command ends before. */
  async find(command: Command, testnet: string, part: Part): Promise<Found> {
    while (true) {
      const over = isOver(command.child);
      const found = processesOf(this.directory(testnet), testnet).find((one) => one.part === part);
      if (found !== undefined) return found;
      if (over) throw new TypeError(`no ${part}: ${command.output()}`);
      await wait(5);
    }
  }

  /** Whatever is there of a testnet now must not be there in the end, by whatever name. */
  remember(testnet: string): void {
    for (const { pid } of processesOf(this.directory(testnet), testnet)) {
      this.#seen.push(...treeOf(pid));
    }
  }

  /** Waits until the command has said it. */
  async said(command: Command, words: string): Promise<void> {
    while (!command.output().includes(words)) {
      const over = isOver(command.child);
      await wait(20);
      if (over && !command.output().includes(words)) {
        throw new TypeError(`never said "${words}": ${command.output()}`);
      }
    }
  }

  readReport(): Report {
    return JSON.parse(readFileSync(join(this.report, 'report.json'), 'utf8')) as Report;
  }

  /**
   * What is left of testnets on this machine. A network namespace lives as long as a process or a
   * mount holds it, and takes its interfaces with it; so these are all that can be left.
   */
  leftovers(...testnets: readonly string[]): readonly string[] {
    const processes = testnets.flatMap((testnet) =>
      processesOf(this.directory(testnet), testnet).map(
        ({ pid, argv }) => `process ${pid}: ${argv.join(' ')}`,
      ),
    );
    const orphans = this.#seen.filter(isThere).map(({ pid }) => `process ${pid}`);
    const host = hostTraces().filter((trace) => !this.#before.includes(trace));
    return [...processes, ...orphans, ...host, ...this.#strayFiles()];
  }

  /** Paths below our folder that are neither state nor report. */
  #strayFiles(): readonly string[] {
    return ['tmp', 'home', 'work'].flatMap((name) =>
      readdirSync(join(this.folder, name)).map((entry) => `file ${name}/${entry}`),
    );
  }

  /** Of runs. */
  stateEntries(): readonly string[] {
    return existsSync(this.state) ? readdirSync(this.state) : [];
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function isOver({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Interfaces, mounts and named network namespaces of the host. */
function hostTraces(): readonly string[] {
  const netns = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return [
    ...Object.keys(networkInterfaces()).map((name) => `interface ${name}`),
    ...readdirSync('/sys/class/net').map((name) => `interface ${name}`),
    ...readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => `mount ${line}`),
    ...netns.map((name) => `netns ${name}`),
  ];
}

export const canRun = ((): boolean => {
  const user = process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  const probe = ['--net', '--mount', '--pid', '--fork', 'nft', 'list', 'ruleset'];
  const { status } = spawnSync('unshare', [...user, ...probe]);
  return requireTier('crash', status === 0, 'needs nft and network namespaces');
})();

/** A network of four that runs until something ends it. */
export const endless = `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: endless }
spec:
  duration: 10m
  groups:
    - { name: boot, count: 1, kind: reference, bootstrap: true, config: { encryption: plaintext } }
    - { name: full, count: 3, kind: reference, config: { encryption: plaintext } }
  topology: { model: full-mesh }
  faults:
    - { name: cut, at: 2s, for: 5m, partition: { sides: [{ group: boot }] } }
  expect:
    - { name: whole, at: 1s, metric: components, is: "== 1" }
`;

/** The same, over after a second. */
export const short = endless
  .replace('duration: 10m', 'duration: 2s')
  .replace(/ {2}faults:\n.*\n/, '');
