// A testnet that runs, and Debian's Prometheus beside it, with the very files that
// `up --prometheus` has written.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../', import.meta.url));

export type Series = {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
};

export interface Watcher extends AsyncDisposable {
  /** Over all of the time since the start. */
  range(expr: string): Promise<readonly Series[]>;
  labelValues(label: string, selector: string): Promise<readonly string[]>;
  /** Any other path of Prometheus' API: its `data`. */
  api(path: string, query?: Readonly<Record<string, string>>): Promise<unknown>;
  /** The page of the run. */
  page(): Promise<string>;
}

export async function watchTestnet(spec: string, testnet: string): Promise<Watcher> {
  const home = await mkdtemp(join(tmpdir(), 'peerstorm-watched-'));
  const run = start('bin/peerstorm', ['up', spec, '--prometheus', '--quiet'], {
    PEERSTORM_STATE_DIR: home,
  });
  const folder = join(home, testnet, 'prometheus');
  const started = Date.now() / 1000;
  const processes = [run];
  const end = async () => {
    for (const { child } of processes.toReversed()) await stop(child);
    await rm(home, { recursive: true, force: true });
  };
  try {
    // Written when the files for Prometheus are there.
    const address = async () =>
      await readFile(join(home, testnet, 'metrics.url'), 'utf8').catch(() => '');
    await until(async () => (await address()).endsWith('\n'), run);
    const port = await freePort();
    const prometheus = start('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    processes.push(prometheus);
    const api = await apiAt(`http://127.0.0.1:${port}`, prometheus);
    const pageUrl = (await address()).trim();
    return {
      ...queriesOf(api, started),
      page: async () => await (await fetch(pageUrl)).text(),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

const rangeAnswer = z.object({
  result: z.array(
    z.object({
      metric: z.record(z.string(), z.string()),
      values: z.array(z.tuple([z.number(), z.string()])),
    }),
  ),
});

export type Queries = Pick<Watcher, 'range' | 'labelValues' | 'api'>;

/** `started`: seconds since 1970. */
export function queriesOf(api: Watcher['api'], started: number): Queries {
  return {
    api,
    range: async (query) => {
      const end = Date.now() / 1000;
      const times = { start: `${started}`, end: `${end}`, step: '1' };
      return rangeAnswer.parse(await api('query_range', { query, ...times })).result;
    },
    labelValues: async (label, selector) =>
      z.array(z.string()).parse(await api(`label/${label}/values`, { 'match[]': selector })),
  };
}

const answer = z.object({
  status: z.enum(['success', 'error']),
  data: z.unknown(),
  error: z.string().optional(),
});

/** Of a Prometheus that may still be starting. */
export async function apiAt(url: string, prometheus: Started): Promise<Watcher['api']> {
  const api: Watcher['api'] = async (path, query = {}) => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
    const { status, data, error } = answer.parse(await response.json());
    if (status === 'error') throw new TypeError(`${path} ${JSON.stringify(query)}: ${error}`);
    return data;
  };
  const answers = async () => (await api('status/config').catch(() => undefined)) !== undefined;
  await until(answers, prometheus);
  return api;
}

export type Started = { readonly child: ChildProcess; readonly said: () => string };

export function start(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Started {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return { child, said: () => said };
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Fails when the process that is to bring it about has ended. */
async function until(isSo: () => Promise<boolean>, { child, said }: Started): Promise<void> {
  while (!(await isSo())) {
    if (child.exitCode !== null) throw new TypeError(`${child.spawnfile} has ended: ${said()}`);
    await wait(100);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
