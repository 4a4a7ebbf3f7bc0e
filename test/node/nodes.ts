// Real reference nodes for tests and measurements: processes on loopback addresses, with random
// free ports, under a temporary folder; all gone when the network is disposed of.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleReferenceNode } from '../../node-image/bundle.ts';
import { rehearse } from '../../src/cli/bundles.ts';
import { reference, referenceEnvironment, referenceNodeFlags } from '../../src/kinds/reference.ts';
import type { ReferenceNodeConfig, ReferencePeer } from '../../src/kinds/reference-config.ts';
import { nodeName } from '../../src/names.ts';
import type { Observation } from '../../src/network/observation.ts';
import { hashHex } from '../../src/random.ts';

export type TestNode = {
  readonly config: ReferenceNodeConfig;
  readonly directory: string;
  /** What it has written so far, stdout and stderr. */
  output: string;
  process?: ChildProcess;
};

/** What differs from a full node without peers; dials and seeds are names of nodes made before. */
export type Wanted = Partial<Omit<ReferenceNodeConfig, 'dials' | 'seeds' | 'name'>> & {
  readonly dials?: readonly string[];
  readonly seeds?: readonly string[];
};

/** The bundled node, in a folder of its own. */
export async function bundle(): Promise<AsyncDisposable & { readonly path: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'peerstorm-bundle-'));
  const path = join(directory, 'reference');
  await bundleReferenceNode(path);
  await rehearse(path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export class TestNetwork implements AsyncDisposable {
  readonly nodes = new Map<string, TestNode>();
  readonly #directory = mkdtempSync(join(tmpdir(), 'peerstorm-nodes-'));
  readonly #bundle: string;

  constructor(bundle: string) {
    this.#bundle = bundle;
  }

  /** Writes its config; it is not started. A name that is there already gets a new config. */
  async add(name: string, wanted: Wanted = {}): Promise<TestNode> {
    const before = this.nodes.get(name);
    const { dials = [], seeds = [], ...rest } = wanted;
    const refer = (names: readonly string[]): ReferencePeer[] =>
      names.map((other) => {
        const { name, address, port, identity } = this.node(other).config;
        return { name, address, port, identity };
      });
    const config: ReferenceNodeConfig = {
      name,
      testnet: 'test',
      role: 'full',
      address: before?.config.address ?? `127.7.${process.pid % 250}.${this.nodes.size + 1}`,
      port: before?.config.port ?? (await freePort()),
      httpPort: before?.config.httpPort ?? (await freePort()),
      identity: hashHex('test', name),
      encryption: 'noise',
      discovers: true,
      outboundPeers: dials.length,
      inboundPeers: 100,
      ...rest,
      dials: refer(dials),
      seeds: refer(seeds),
    };
    const directory = join(this.#directory, name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'node.json'), JSON.stringify(config));
    const node = {
      config,
      directory,
      output: '',
      ...(before?.process === undefined ? {} : { process: before.process }),
    };
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): TestNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new TypeError(`no node ${name}`);
    return node;
  }

  /** Resolves when it answers. */
  async start(...names: string[]): Promise<void> {
    for (const name of names) this.launch(name);
    for (const name of names) await eventually(() => this.get(name, '/healthz'), 10_000);
  }

  launch(name: string, args = ['--config', 'node.json']): ChildProcess {
    const node = this.node(name);
    const child = spawn(process.execPath, [...referenceNodeFlags, this.#bundle, ...args], {
      cwd: node.directory,
      env: { ...process.env, ...referenceEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      node.output += chunk.toString('utf8');
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    node.process = child;
    return child;
  }

  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.node(name).process?.kill(signal);
    return await this.exited(name);
  }

  /** Its exit code; null if it was never started, or ended by a signal. */
  async exited(name: string): Promise<number | null> {
    const child = this.node(name).process;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    return child.exitCode;
  }

  async get(name: string, path: string): Promise<string> {
    const { address, httpPort } = this.node(name).config;
    const response = await fetch(`http://${address}:${httpPort}${path}`, {
      signal: AbortSignal.timeout(2_000),
    });
    if (!response.ok) throw new TypeError(`${path}: ${response.status}`);
    return await response.text();
  }

  async observe(name: string): Promise<Observation> {
    const body = await this.get(name, '/observation');
    const node = { ...this.node(name).config, name: nodeName(name, 0) };
    const config = reference.config.parse({});
    return reference.read([{ status: 200, body }], { config, node, previous: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.nodes.keys()].map((name) => this.stop(name, 'SIGKILL')));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Asks again and again until it neither throws nor is false; fails after `withinMs`. */
export async function eventually<T>(ask: () => Promise<T>, withinMs = 30_000): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== false) return answer;
      if (Date.now() > end)
        throw new TypeError(`still not so after ${withinMs} ms: ${String(ask)}`);
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}
