// Nodes of a kind as the kind says they are launched and asked, on loopback addresses: real
// programs, no runtime. All gone, with their data, when disposed of.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Kind, LaunchContext, NodeReply, NodeRequest } from '../../src/kinds/kind.ts';
import { nodeName } from '../../src/names.ts';
import type { Observation } from '../../src/network/observation.ts';
import { hashHex } from '../../src/random.ts';
import { resolveProgram } from '../../src/runtime/local/programs.ts';
import { askNode } from '../../src/runtime/node-request.ts';

type Running = { readonly process: ChildProcess; readonly ended: Promise<number | null> };

export class KindNodes<Config> implements AsyncDisposable {
  readonly contexts: readonly LaunchContext<Config>[];
  readonly #kind: Kind<Config>;
  readonly #directory = mkdtempSync(join(tmpdir(), 'peerstorm-kind-'));
  readonly #running = new Map<number, Running>();
  readonly #previous = new Map<number, Observation>();
  readonly #output = new Map<number, string>();

  /** `dials[i]` are the indexes of those that node i dials; `seeds` are seeds of all others. */
  constructor(
    kind: Kind<Config>,
    options: {
      readonly config: Config;
      readonly dials: readonly (readonly number[])[];
      readonly seeds?: readonly number[];
    },
  ) {
    this.#kind = kind;
    const { config, dials, seeds = [] } = options;
    const references = dials.map((_, index) => ({
      name: nodeName('node', index),
      address: `127.8.${process.pid % 250}.${index + 1}`,
      identity: hashHex('test', index),
    }));
    const pick = (indexes: readonly number[]) =>
      indexes.flatMap((index) => references[index] ?? []);
    this.contexts = references.map((reference, index) => ({
      ...reference,
      testnet: 'test',
      randomSeed: 1,
      group: 'node',
      index,
      role: 'full',
      region: '',
      dataDirectory: join(this.#directory, reference.name),
      seeds: pick(seeds.filter((seed) => seed !== index)),
      dials: pick(dials[index] ?? []),
      config,
      nodes: references.map(({ name }) => ({ name, role: 'full', config })),
    }));
  }

  context(index: number): LaunchContext<Config> {
    const context = this.contexts[index];
    if (context === undefined) throw new TypeError(`no node ${index}`);
    return context;
  }

  /** Resolves when all are ready. */
  async start(...indexes: readonly number[]): Promise<void> {
    for (const index of indexes) await this.#launch(index);
    for (const index of indexes) await this.#ready(index);
  }

  async #launch(index: number): Promise<void> {
    const context = this.context(index);
    const { argv, env, files } = this.#kind.launch(context);
    mkdirSync(context.dataDirectory, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      const file = join(context.dataDirectory, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const [program, ...rest] = await resolveProgram(argv, {});
    const child = spawn(program, rest, {
      cwd: context.dataDirectory,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      this.#output.set(index, this.output(index) + chunk.toString('utf8'));
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.once('exit', resolve);
    this.#running.set(index, { process: child, ended: promise });
    this.#previous.delete(index);
  }

  async #ready(index: number): Promise<void> {
    const context = this.context(index);
    const readiness = this.#kind.ready(context.config, context);
    if (readiness.type !== 'request') throw new TypeError('only requests are tried here');
    await eventually(async () => {
      const { status } = await this.ask(index, readiness.request);
      return status >= 200 && status < 300;
    });
  }

  /** Ends it as the kind says; resolves with its exit code. */
  async stop(index: number): Promise<number | null> {
    const running = this.#running.get(index);
    this.#running.delete(index);
    running?.process.kill(this.#kind.launch(this.context(index)).stop.signal);
    return (await running?.ended) ?? null;
  }

  output(index: number): string {
    return this.#output.get(index) ?? '';
  }

  async ask(index: number, request: NodeRequest): Promise<NodeReply> {
    return await askNode(this.context(index).address, request, AbortSignal.timeout(5_000));
  }

  async replies(index: number): Promise<readonly NodeReply[]> {
    const { config, ...node } = this.context(index);
    const previous = this.#previous.get(index);
    const replies: NodeReply[] = [];
    for (const request of this.#kind.observe(config, { config, node, previous })) {
      replies.push(await this.ask(index, request));
    }
    return replies;
  }

  async observe(index: number): Promise<Observation> {
    const { config, ...node } = this.context(index);
    const previous = this.#previous.get(index);
    const observation = this.#kind.read(await this.replies(index), { config, node, previous });
    this.#previous.set(index, observation);
    return observation;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process, ended } of this.#running.values()) {
      process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Resolves once the condition holds; what it throws counts as no. */
export async function eventually(
  condition: () => Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const signal = AbortSignal.timeout(limitMs);
  for (let last: unknown; ; ) {
    const yes = await condition().catch((error: unknown) => {
      last = error;
      return false;
    });
    if (yes) return;
    if (signal.aborted) throw new TypeError(`not within ${limitMs} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
