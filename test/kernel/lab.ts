// A small network for tests: fresh namespaces with a fabric in them, and what is needed to look at
// it from all sides. Everything is gone when the lab is disposed of.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { PeerstormError } from '../../src/errors.ts';
import type { Impairment, PlacedEffect, ScheduledEffect } from '../../src/faults/effect.ts';
import { type NodeName, nodeName } from '../../src/names.ts';
import type {
  Capability,
  Enforcement,
  ProbePair,
  ProbeResult,
  Schedule,
} from '../../src/runtime/runtime.ts';
import type { Answer, Output } from './driver.ts';
import { asUser, type User } from './users.ts';

export type Lab = AsyncDisposable & {
  readonly names: readonly NodeName[];
  add(names: readonly string[]): Promise<void>;
  /** Puts these in force, and nothing else. Starts now and has no end unless it says so. */
  enforce(
    effects: readonly TestEffect[],
    options?: { base?: readonly PlacedEffect[]; leaseSeconds?: number },
  ): Promise<void>;
  enforcement(): Promise<Enforcement>;
  probe(pairs: readonly ProbePair[]): Promise<readonly ProbeResult[]>;
  /** Shares of the packets that arrived, by `from to`, of `count` for each pair. */
  arrivals(pairs: readonly (readonly [string, string])[], count?: number): Promise<Arrivals>;
  features(): Promise<readonly Capability[]>;
  addressOf(node: string): string;
  /** In the router's namespaces. */
  command(program: string, args: readonly string[], input?: string): Promise<Output>;
  /** A program in a node's namespace; its standard output. */
  inNode(node: string, argv: readonly string[]): Promise<string>;
  /** JavaScript in a node's namespace, with `print`; what it printed. */
  script(node: string, code: string): Promise<string>;
  killFabric(): Promise<void>;
  close(): Promise<void>;
};

export type Arrivals = Readonly<Record<string, number>>;
export type TestEffect = Omit<ScheduledEffect, 'start'> & { readonly start?: number };

export const names = (...list: readonly string[]): readonly NodeName[] => list.map(nameOf);

export function nameOf(text: string): NodeName {
  const [group = '', index] = text.split('-');
  return nodeName(group, Number(index));
}

export function pair(from: string, to: string, count: number): ProbePair {
  return { from: nameOf(from), to: nameOf(to), count };
}

/** One effect, in force from now until it is taken away. */
export function effect(
  fault: string,
  [from, to]: readonly [readonly string[], readonly string[]],
  impairment: Impairment,
): TestEffect {
  return { fault, from: names(...from), to: names(...to), impairment };
}

/** Both directions. */
export function both(
  fault: string,
  [one, other]: readonly [readonly string[], readonly string[]],
  impairment: Impairment,
): TestEffect[] {
  return [effect(fault, [one, other], impairment), effect(fault, [other, one], impairment)];
}

export type LabOptions = {
  readonly user: User;
  readonly nodes: readonly string[];
  readonly packets?: 'mtu' | 'gso';
  readonly leaseSeconds?: number;
};

export async function openLab(options: LabOptions): Promise<Lab> {
  const driver = startDriver(options.user);
  const call = <T>(method: string, ...args: unknown[]) => driver.call<T>(method, ...args);
  const { packets = 'mtu', leaseSeconds = 10 } = options;
  const all: NodeName[] = [];
  // Known here, because tests go on without the fabric's process.
  const netnsOf = new Map<NodeName, string>();
  let generation = 0;
  const lab: Lab = {
    names: all,
    async add(list) {
      const nodes = list.map((name, at) => ({ name, address: addressOf(all.length + at) }));
      await call('add', nodes);
      all.push(...names(...list));
      for (const name of names(...list)) netnsOf.set(name, await call('netns', name));
    },
    async enforce(effects, { base = [], leaseSeconds: lease = leaseSeconds } = {}) {
      generation += 1;
      const now = Date.now() - 5;
      await call('enforce', {
        generation,
        leaseSeconds: lease,
        base,
        effects: effects.map((one) => ({ start: now, ...one })),
      } satisfies Schedule);
    },
    enforcement: async () => {
      // What is returned is at most a second old; so ask, let it be read, and ask again.
      await call('enforcement');
      await wait(50);
      return await call<Enforcement>('enforcement');
    },
    probe: async (pairs) => await call<readonly ProbeResult[]>('probe', pairs),
    async arrivals(pairs, count = 20) {
      const asked = pairs.map(([from, to]) => pair(from, to, count));
      const results = await lab.probe(asked);
      return Object.fromEntries(
        results.map(({ from, to, sent, received }) => [`${from} ${to}`, received / sent]),
      );
    },
    addressOf: (node) => addressOf(all.indexOf(nameOf(node))),
    features: async () => await call<readonly Capability[]>('features'),
    command: async (program, args, input = '') =>
      await call<Output>('command', program, args, input),
    async inNode(node, argv) {
      const netns = netnsOf.get(nameOf(node)) ?? '';
      const { exitCode, stdout, stderr } = await lab.command('nsenter', [
        `--net=${netns}`,
        ...argv,
      ]);
      assert.equal(exitCode, 0, `${argv.join(' ')}: ${stderr}`);
      return stdout.trim();
    },
    script: (node, code) => lab.inNode(node, [process.execPath, '-e', preamble + code]),
    killFabric: async () => {
      await call('killFabric');
    },
    close: async () => {
      await call('close');
    },
    [Symbol.asyncDispose]: () => driver.end(),
  };
  await call('open', { packets, leaseSeconds });
  await lab.add(options.nodes);
  return lab;
}

export const preamble = `
  const net = require('node:net'), dgram = require('node:dgram');
  const print = (value) => process.stdout.write(String(value) + '\\n');
  const quit = (value) => { print(value); setTimeout(() => process.exit(0), 1); };
`;

export function addressOf(index: number): string {
  return `10.64.${Math.floor(index / 200)}.${(index % 200) + 1}`;
}

/** All ordered pairs of different names. */
export function pairsOf(list: readonly string[]): readonly (readonly [string, string])[] {
  return list.flatMap((from) => list.filter((to) => to !== from).map((to) => [from, to] as const));
}

/** Waits until it holds; tells what it saw last if it never does. */
export async function until<T>(
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  limitMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    assert(Date.now() < deadline, `not within ${limitMs} ms; last: ${JSON.stringify(value)}`);
    await wait(50);
  }
}

function startDriver(user: User) {
  const argv = [...asUser(user), process.execPath, `${import.meta.dirname}/driver.ts`, 'keeper'];
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    cwd: '/',
    env: { PATH: process.env['PATH'], HOME: '/tmp' },
  });
  const waiting = new Map<number, PromiseWithResolvers<string>>();
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  child.on('message', (answer: Answer) => {
    const promise = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) {
      const { code, message } = answer.error;
      promise?.reject(new PeerstormError(code, message));
    } else promise?.resolve(answer.result);
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) {
      reject(new PeerstormError('INTERNAL', `the driver has ended with ${code}`));
    }
  });
  let lastId = 0;
  return {
    async call<T>(method: string, ...args: unknown[]): Promise<T> {
      lastId += 1;
      const promise = Promise.withResolvers<string>();
      if (!child.connected) promise.reject(new PeerstormError('INTERNAL', 'no driver any more'));
      else child.send({ id: lastId, method, args });
      waiting.set(lastId, promise);
      const value: T = JSON.parse(await promise.promise);
      return value;
    },
    async end() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
