// Network namespaces as the pods of one host: each has eth0 with addresses of both families on one
// bridge, and an enforcer in this process, which acts from outside. All of it is gone with the
// processes that hold the namespaces.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { execa } from 'execa';
import type { PlacedEffect } from '../../src/faults/effect.ts';
import type { NodeName } from '../../src/names.ts';
import { systemPath } from '../../src/runtime/fabric/kernel-commands.ts';
import { Prober } from '../../src/runtime/fabric/probes.ts';
import { openPodEnforcer, type PodEnforcer } from '../../src/runtime/kubernetes/pod-enforcer.ts';
import type { ProbePair, ProbeResult, Schedule } from '../../src/runtime/runtime.ts';
import { type Arrivals, nameOf, names, pair, preamble, type TestEffect } from './lab.ts';

export type Pods = AsyncDisposable & {
  readonly nodes: readonly NodeName[];
  netns(node: string): string;
  enforcer(node: string): PodEnforcer;
  /** What is there now goes on by itself; the new one knows nothing of it. */
  restart(): Promise<void>;
  enforce(effects: readonly TestEffect[], options?: EnforceOptions): Promise<void>;
  schedule(effects: readonly TestEffect[], options?: EnforceOptions): Schedule;
  readonly addresses: ReadonlyMap<NodeName, readonly string[]>;
  probe(pairs: readonly ProbePair[]): Promise<readonly ProbeResult[]>;
  arrivals(pairs: readonly (readonly [string, string])[], count?: number): Promise<Arrivals>;
  addressOf(node: string): string;
  addressIpv6Of(node: string): string;
  /** `outside` is the bridge's own namespace. */
  inNode(node: string, argv: readonly string[]): Promise<string>;
  script(node: string, code: string): Promise<string>;
};

export type EnforceOptions = {
  readonly base?: readonly PlacedEffect[];
  readonly leaseSeconds?: number;
  readonly openEgress?: boolean;
};

export const outside = { v4: '10.70.255.254', v6: 'fd00:70::ffff' };
export const faultIds = new Map(
  ['cut', 'flaky', 'narrow', 'slow', 'other', 'early', 'planned'].map((name, at) => [name, at]),
);

export async function openPods(list: readonly string[]): Promise<Pods> {
  const nodes = names(...list);
  const host = hold();
  const holders = nodes.map(() => hold());
  const netnsOf = new Map<string, string>(nodes.map((node, at) => [node, pathOf(holders[at])]));
  netnsOf.set('outside', pathOf(host));
  const addresses = new Map(
    nodes.map((node, at) => [node, [`10.70.${at >> 7}.${(at & 127) + 1}`, `fd00:70::${at + 1}`]]),
  );
  const inside = async (netns: string, argv: readonly string[], input = '') => {
    const result = await execa('nsenter', [`--net=${netns}`, ...argv], {
      input,
      env: { PATH: systemPath() },
    });
    return result.stdout.trim();
  };
  const netns = (node: string) => netnsOf.get(node) ?? '';
  const pids = holders.map(({ pid = 0 }) => pid);
  await started([host, ...holders]);
  await inside(netns('outside'), ['ip', '-batch', '-'], bridgeLines(pids));
  for (const node of nodes) {
    await inside(netns(node), ['ip', '-batch', '-'], podLines(addresses.get(node) ?? []));
  }
  const open = (self: NodeName) =>
    openPodEnforcer({ self, netns: netns(self), leaseSeconds: 60, faultIds });
  const enforcers = new Map<string, PodEnforcer>();
  for (const node of nodes) enforcers.set(node, await open(node));
  const prober = new Prober();
  let generation = 0;
  const pods: Pods = {
    nodes,
    netns,
    addresses,
    enforcer(node) {
      const found = enforcers.get(node);
      assert(found !== undefined);
      return found;
    },
    async restart() {
      for (const node of nodes) {
        await enforcers.get(node)?.dispose('leave');
        enforcers.set(node, await open(node));
      }
    },
    schedule(effects, { base = [], leaseSeconds = 60 } = {}) {
      generation += 1;
      const now = Date.now() - 5;
      const scheduled = effects.map((one) => ({ start: now, ...one }));
      return { generation, leaseSeconds, base, effects: scheduled };
    },
    async enforce(effects, options = {}) {
      const { openEgress = true } = options;
      const schedule = pods.schedule(effects, options);
      const all = [...enforcers.values()];
      await Promise.all(all.map((one) => one.enforce(schedule, addresses, { openEgress })));
    },
    probe: async (pairs) =>
      await prober.probe(pairs, {
        placeOf: (node) => ({ netns: netns(node), address: pods.addressOf(node) }),
        longestDelayMs: Math.max(...[...enforcers.values()].map((one) => one.longestDelayMs())),
        signal: AbortSignal.timeout(60_000),
      }),
    async arrivals(pairs, count = 20) {
      const results = await pods.probe(pairs.map(([from, to]) => pair(from, to, count)));
      return Object.fromEntries(
        results.map(({ from, to, sent, received }) => [`${from} ${to}`, received / sent]),
      );
    },
    addressOf: (node) => addresses.get(nameOf(node))?.[0] ?? '',
    addressIpv6Of: (node) => addresses.get(nameOf(node))?.[1] ?? '',
    inNode: (node, argv) => inside(netns(node), argv),
    script: (node, code) => inside(netns(node), [process.execPath, '-e', preamble + code]),
    async [Symbol.asyncDispose]() {
      await prober[Symbol.asyncDispose]();
      for (const one of enforcers.values()) await one.dispose('leave').catch(() => undefined);
      for (const child of [host, ...holders]) child.kill('SIGKILL');
    },
  };
  return pods;
}

/** A process that does nothing but hold a namespace, for as long as we live. */
function hold(): ChildProcess {
  const argv = ['--net', 'sh', '-c', 'echo up; exec cat'];
  return spawn('unshare', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function started(children: readonly ChildProcess[]): Promise<void> {
  for (const { stdout } of children) if (stdout !== null) await once(stdout, 'data');
}

function pathOf(child: ChildProcess | undefined): string {
  return `/proc/${child?.pid ?? 0}/ns/net`;
}

function bridgeLines(pids: readonly number[]): string {
  const lines = [
    'link set lo up',
    'link add br0 type bridge',
    `address add ${outside.v4}/16 dev br0`,
    `address add ${outside.v6}/64 dev br0 nodad`,
    'link set br0 up',
    ...pids.flatMap((pid, at) => [
      `link add v${at} type veth peer name eth0 netns ${pid}`,
      `link set v${at} master br0`,
      `link set v${at} up`,
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function podLines([v4 = '', v6 = '']: readonly string[]): string {
  const lines = [
    'link set lo up',
    `address add ${v4}/16 dev eth0`,
    `address add ${v6}/64 dev eth0 nodad`,
    'link set eth0 up',
  ];
  return `${lines.join('\n')}\n`;
}
