// An agent on a host with pods: what it does to their networks and processes, and what it does not.
import { once } from 'node:events';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { resources } from '../../src/runtime/kubernetes/api.ts';
import type { WireEffect } from '../../src/runtime/kubernetes/objects.ts';
import { idOf, openAgentLab, stateOf } from './agent-lab.ts';
import { until } from './lab.ts';
import { allUsers } from './users.ts';

const nodes = ['a-0', 'b-0', 'c-0'];
const ab = [
  ['a-0', 'b-0'],
  ['b-0', 'a-0'],
] as const;
const sets = [['a 0'], ['b 0'], ['c 0']];
const cut = (start: number, end?: number) =>
  [
    [0, 1],
    [1, 0],
  ].map(([from = 0, to = 0]) => ({
    ...({ fault: 'cut', from, to, impairment: { kind: 'drop' } } satisfies WireEffect),
    start,
    ...(end === undefined ? {} : { end }),
  }));
const faultIds = { cut: 0 };
const nothing = { 'a-0 b-0': 0, 'b-0 a-0': 0 };
const everything = { 'a-0 b-0': 1, 'b-0 a-0': 1 };

async function openWithPods() {
  const lab = await openAgentLab(nodes);
  for (const node of nodes) await lab.createPod(node);
  await lab.publishNodes(nodes);
  await lab.start();
  return lab;
}

// An agent is root on its host.
describe.runIf(allUsers.includes('root'))('networks of pods', () => {
  test('the gate opens under the rules, when others know of the pod', async () => {
    await using lab = await openAgentLab(nodes);
    for (const node of ['a-0', 'b-0']) await lab.createPod(node);
    await lab.publish();
    await lab.publishNodes(['b-0']);
    await lab.start();
    const held = `peerstorm-held:${lab.uidOf('a-0')}`;
    await until(
      () => lab.alias('a-0'),
      (alias) => alias === held,
    );
    const isOpen = (node: string) =>
      until(
        () => lab.alias(node),
        (alias) => alias === `peerstorm:${lab.uidOf(node)}`,
      );
    await isOpen('b-0');
    expect([await lab.alias('a-0'), await lab.hasRules('a-0')]).toEqual([held, false]);
    await lab.publishNodes(['a-0', 'b-0']);
    await isOpen('a-0');
    expect(await lab.hasRules('a-0')).toBe(true);
    const { pods, nodes: said } = await lab.reported((report) => report.pods === 2);
    expect({ pods, said }).toEqual({ pods: 2, said: {} });
  });

  test('a pod that was made ahead waits for its turn, however long', async () => {
    await using lab = await openAgentLab(nodes);
    for (const node of ['a-0', 'b-0']) {
      await lab.createPod(node);
      lab.patchPod(node, { metadata: { annotations: { 'peerstorm.dev/ahead': 'true' } } });
    }
    await lab.publish();
    await lab.publishNodes(['a-0'], { waits: true });
    await lab.start();
    const aliases = async () => [await lab.alias('a-0'), await lab.alias('b-0')];
    const as = (prefix: string) => ['a-0', 'b-0'].map((node) => prefix + lab.uidOf(node));
    await until(aliases, (all) => all.join() === as('peerstorm-held:').join());
    // One that was not made ahead goes after 5 s without a word.
    await wait(6_000);
    expect(await aliases()).toEqual(as('peerstorm-held:'));
    expect(await lab.hasRules('a-0')).toBe(false);
    await lab.publishNodes(['a-0', 'b-0']);
    await until(aliases, (all) => all.join() === as('peerstorm:').join());
    expect(await lab.hasRules('a-0')).toBe(true);
  });

  test.each([
    ['cross alone', false],
    ['may be large', true],
  ])('packets %s, and are as before when the pod is let go of', async (_, largePackets) => {
    await using lab = await openAgentLab(nodes);
    await lab.createPod('a-0');
    const most = async () => {
      const argv = ['ip', '-details', 'link', 'show', 'dev', 'eth0'];
      return Number(/gso_max_segs (\d+)/.exec(await lab.pods.inNode('a-0', argv))?.[1]);
    };
    const usual = await most();
    expect(usual).toBeGreaterThan(1);
    await lab.publish({ largePackets });
    await lab.publishNodes(['a-0']);
    await lab.start();
    await until(
      () => lab.alias('a-0'),
      (alias) => alias === `peerstorm:${lab.uidOf('a-0')}`,
    );
    expect(await most()).toBe(largePackets ? usual : 1);
    lab.patchPod('a-0', { metadata: { labels: { 'peerstorm.dev/testnet': null } } });
    await until(
      () => lab.alias('a-0'),
      (alias) => alias === '',
    );
    expect(await most()).toBe(usual);
  });

  test.each([
    ['when the kernel says so', 'sleep', '[ "$1" != 20 ] || set 200\nexec "$real" "$@"'],
    ['where that is not heard, too', 'ip', 'exec "$real" "$@" >/dev/null'],
  ])('whoever waits at an opened gate goes on %s', async (_, program, instead) => {
    await using lab = await openAgentLab(nodes);
    await lab.createPod('a-0');
    const gate = new URL('../../bin/gate', import.meta.url).pathname;
    await using programs = await mkdtempDisposable(join(tmpdir(), 'peerstorm-gate-'));
    const real = await lab.pods.inNode('a-0', ['sh', '-c', 'command -v "$1"', 'sh', program]);
    const script = `#!/bin/sh\nreal=${real}\n${instead}\n`;
    await writeFile(join(programs.path, program), script, { mode: 0o755 });
    const path = `PATH=${programs.path}:${process.env['PATH']}`;
    const argv = ['env', path, `POD_UID=${lab.uidOf('a-0')}`, gate];
    // Of a network namespace of its own: /sys is that of whoever mounts it.
    const mounted = 'mount -t sysfs sysfs /sys && exec "$@"';
    let passed = false;
    const waiting = lab.pods
      .inNode('a-0', ['unshare', '--mount', 'sh', '-c', mounted, 'sh', ...argv])
      .then(() => {
        passed = true;
      });
    await lab.start();
    await lab.publishNodes(['a-0']);
    await until(
      () => lab.alias('a-0'),
      (alias) => alias.startsWith('peerstorm-held'),
    );
    await until(
      () => lab.pods.inNode('a-0', ['cat', '/proc/net/netlink']),
      (sockets) => sockets.split('\n').some((line) => /^\S+ +0 +\d+ +0*[1-9a-f]/.test(line)),
    );
    // From then on it looks no more by itself.
    await wait(1_500);
    expect(passed).toBe(false);
    await lab.publish();
    await waiting;
  });

  test('a fault comes and goes at its time, and the report says when', async () => {
    await using lab = await openWithPods();
    await lab.publish();
    await lab.reported(({ pods }) => pods === 3);
    // Time enough for what is looked at before, on a busy machine too.
    const start = Date.now() + 4_000;
    const end = start + 6_000;
    await lab.publish({ sets, faultIds, effects: cut(start, end) });
    expect(await lab.pods.arrivals(ab)).toEqual(everything);
    const on = await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    expect(await lab.pods.arrivals(ab)).toEqual(nothing);
    const { enforcedAt = 0 } = on.enforcement.faults['cut'] ?? {};
    expect(enforcedAt).toBeGreaterThanOrEqual(start);
    // The end is said at once, the last count when both pods' were read.
    const over = await lab.reported(
      ({ enforcement: { faults, counters } }) =>
        faults['cut']?.healedAt !== undefined && (counters['cut']?.droppedPackets ?? 0) >= 40,
    );
    expect(await lab.pods.arrivals(ab)).toEqual(everything);
    const { healBeganAt = 0, healedAt = 0 } = over.enforcement.faults['cut'] ?? {};
    expect(healBeganAt).toBeGreaterThanOrEqual(end);
    expect(healedAt).toBeGreaterThanOrEqual(healBeganAt);
    expect(over.enforcement.faults['cut']?.enforcedAt).toBe(enforcedAt);
    expect(over.enforcement.counters['cut']?.droppedPackets).toBe(40);
    expect(over.enforcement.drift).toBeUndefined();
  });

  test('a fault needs no API server for its start and its end', async () => {
    await using lab = await openWithPods();
    // Time enough for the server to go away before it, on a busy machine too.
    const start = Date.now() + 4_000;
    await lab.publish({ sets, faultIds, effects: cut(start, start + 4_000) });
    await lab.reported(({ pods }) => pods === 3);
    lab.link.away = true;
    const through = () => lab.pods.arrivals(ab, 5);
    await until(through, (arrived) => arrived['a-0 b-0'] === 0 && arrived['b-0 a-0'] === 0);
    expect(Date.now()).toBeGreaterThan(start);
    await until(through, (arrived) => arrived['a-0 b-0'] === 1 && arrived['b-0 a-0'] === 1);
    expect(Date.now()).toBeGreaterThan(start + 4_000);
    expect(lab.report()?.testnets[0]?.enforcement.faults['cut']).toBeUndefined();
    lab.link.away = false;
    await lab.reported(({ enforcement }) => enforcement.faults['cut']?.healedAt !== undefined);
    expect(lab.log.some((line) => line.includes('the server is away'))).toBe(true);
  });

  test('rules stay when the agent goes, and the next one takes them over', async () => {
    await using lab = await openWithPods();
    await lab.publish({ sets, faultIds, effects: cut(Date.now()) });
    const before = await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    await lab.pods.arrivals(ab, 10);
    await lab.stop();
    expect(await lab.pods.arrivals(ab, 10)).toEqual(nothing);
    await lab.start();
    const probing = lab.pods.arrivals(ab, 1_000);
    const after = await lab.reported(
      ({ enforcement }) => (enforcement.counters['cut']?.droppedPackets ?? 0) > 20,
    );
    expect(await probing).toEqual(nothing);
    expect(after.enforcement.faults['cut']).toEqual(before.enforcement.faults['cut']);
    // A gate that was open stays open.
    expect(await lab.alias('a-0')).toBe(`peerstorm:${lab.uidOf('a-0')}`);
  });

  test('a fault that ended while no agent was there is over', async () => {
    await using lab = await openWithPods();
    const end = Date.now() + 4_000;
    await lab.publish({ sets, faultIds, effects: cut(Date.now(), end) });
    await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    await lab.stop();
    await until(
      () => lab.pods.arrivals(ab, 5),
      (through) => through['a-0 b-0'] === 1,
    );
    expect(Date.now()).toBeGreaterThan(end);
    await lab.start();
    const { enforcement } = await lab.reported(
      (report) => report.enforcement.faults['cut']?.healedAt !== undefined,
    );
    expect(enforcement.faults['cut']?.healBeganAt).toBe(end);
  });

  test('a pod with a new sandbox gets its rules there', async () => {
    await using lab = await openWithPods();
    await lab.publish({ sets, faultIds, effects: cut(Date.now()) });
    await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    // The network of c is from now on the network of a.
    const address = lab.pods.addressOf('c-0');
    lab.server.remove(resources.pods, { namespace: 'tests', name: 'net-c-0' });
    await until(
      () => lab.hasRules('c-0'),
      (has) => !has,
    );
    await lab.show(Number(/\d+/.exec(lab.pods.netns('c-0'))?.[0]), 'a-0', 'sandbox');
    lab.patchPod('a-0', { status: { podIPs: [{ ip: address }] } });
    const ips = (node: string) => [node === 'a-0' ? address : lab.pods.addressOf(node)];
    await lab.publishNodes(['a-0', 'b-0'], { ips });
    const pairs = [
      ['c-0', 'b-0'],
      ['b-0', 'c-0'],
    ] as const;
    await until(
      () => lab.pods.arrivals(pairs, 5),
      (through) => Object.values(through).every((share) => share === 0),
    );
    expect(await lab.alias('c-0')).toBe(`peerstorm:${lab.uidOf('a-0')}`);
  });

  test('probes are sent and counted for the nodes of this host', async () => {
    await using lab = await openWithPods();
    await lab.publish({ sets, faultIds, effects: cut(Date.now()) });
    await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    const [a, , c] = lab.pods.nodes;
    const b = lab.pods.nodes[1];
    if (a === undefined || b === undefined || c === undefined) return;
    const elsewhere = 'd-0' as typeof a;
    const pairs = [
      [a, b, 30],
      [a, c, 30],
      [elsewhere, c, 5],
    ] as const;
    await lab.publish({
      sets,
      faultIds,
      effects: cut(Date.now()),
      probe: { id: 1, start: Date.now() + 1_000, pairs },
    });
    const { probe } = await lab.reported((report) => report.probe?.id === 1);
    const counts = probe?.results.map((half) => [
      half.half,
      half.from,
      half.to,
      half.half === 'sent' ? half.sent : half.received,
    ]);
    expect(counts).toEqual([
      ['sent', 'a-0', 'b-0', 30],
      ['received', 'a-0', 'b-0', 0],
      ['sent', 'a-0', 'c-0', 30],
      ['received', 'a-0', 'c-0', 30],
      ['received', 'd-0', 'c-0', 0],
    ]);
  });
});

describe.runIf(allUsers.includes('root'))('what is not ours', () => {
  const untouched = async (lab: Awaited<ReturnType<typeof openAgentLab>>, node: string) => {
    expect(await lab.alias(node)).toBe('');
    expect(await lab.hasRules(node)).toBe(false);
  };

  test('a pod that is owned by another Testnet is not touched', async () => {
    await using lab = await openAgentLab(nodes);
    await lab.createPod('a-0', { owner: 'somebody-else' });
    await lab.createPod('b-0');
    await lab.publishNodes(['b-0']);
    await lab.publish();
    await lab.start();
    await lab.reported(({ pods }) => pods === 1);
    await untouched(lab, 'a-0');
  });

  test('a namespace without the address of the pod is not touched', async () => {
    await using lab = await openAgentLab(nodes);
    await lab.createPod('a-0', { ips: ['10.70.9.9'] });
    await lab.createPod('b-0');
    await lab.publishNodes(['b-0']);
    await lab.publish();
    await lab.start();
    await lab.reported(({ pods }) => pods === 1);
    const { nodes: said } = await lab.reported((report) => 'a-0' in report.nodes);
    expect(Object.values(said)[0]?.problem).toMatch(/none of the addresses 10\.70\.9\.9/);
    await untouched(lab, 'a-0');
  });

  test('the namespace of the agent itself, and so of a host, is not touched', async () => {
    await using lab = await openAgentLab(nodes);
    await lab.createPod('a-0', { sandbox: process.pid, ips: ['127.0.0.1'] });
    await lab.publishNodes([]);
    await lab.publish();
    await lab.start();
    const { nodes: said } = await lab.reported((report) => 'a-0' in report.nodes);
    expect(Object.values(said)[0]?.problem).toMatch(/network namespace of the agent/);
  });

  test('a pod that is no node any more is freed, also by the next agent', async () => {
    await using lab = await openWithPods();
    await lab.publish({ sets, faultIds, effects: cut(Date.now()) });
    await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    lab.patchPod('a-0', { metadata: { labels: { 'peerstorm.dev/testnet': null } } });
    await until(
      () => lab.hasRules('a-0'),
      (has) => !has,
    );
    await until(
      () => lab.alias('a-0'),
      (alias) => alias === '',
    );
    await lab.stop();
    lab.patchPod('b-0', { metadata: { labels: { 'peerstorm.dev/testnet': null } } });
    expect(await lab.hasRules('b-0')).toBe(true);
    await lab.start();
    await until(
      () => lab.hasRules('b-0'),
      (has) => !has,
    );
    await until(
      () => lab.alias('b-0'),
      (alias) => alias === '',
    );
    expect(await lab.hasRules('c-0')).toBe(true);
  });

  test('an agent of some namespaces frees the pods of these only', async () => {
    await using lab = await openWithPods();
    await lab.publish({ sets, faultIds, effects: cut(Date.now()) });
    await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    await lab.stop();
    lab.server.remove(resources.pods, { namespace: 'tests', name: 'net-b-0' });
    lab.patchPod('a-0', { metadata: { labels: { 'peerstorm.dev/testnet': null } } });
    await lab.start(['others', 'tests']);
    await until(
      () => lab.hasRules('a-0'),
      (has) => !has,
    );
    // Ends the sweep that is under way, so that it came past b-0.
    await lab.stop();
    expect(await lab.hasRules('b-0')).toBe(true);
    expect(await lab.alias('b-0')).not.toBe('');
  });

  test('text in place of an address changes nothing, and is said', async () => {
    await using lab = await openWithPods();
    await lab.publish({ sets, faultIds, effects: cut(Date.now()) });
    await lab.reported(({ enforcement }) => enforcement.faults['cut'] !== undefined);
    await lab.publishNodes(nodes, { ips: () => ['10.0.0.1 } ; flush ruleset'] });
    const { enforcement } = await lab.reported(
      (report) => report.enforcement.problem !== undefined,
    );
    expect(enforcement.problem).toMatch(/net-nodes-0: nodes\.0\.ips\.0: no IP address/);
    expect(await lab.pods.arrivals(ab)).toEqual(nothing);
  });
});

describe.runIf(allUsers.includes('root'))('processes of nodes', () => {
  const openWithNode = async () => {
    const lab = await openAgentLab(['a-0']);
    await lab.createPod('a-0');
    await lab.publishNodes(['a-0']);
    await lab.publish();
    const first = await lab.startContainer('a-0');
    const container = idOf('a-0', `container ${first.pid}`);
    lab.patchPod('a-0', {
      status: {
        containerStatuses: [
          { name: 'node', restartCount: 0, containerID: `containerd://${container}` },
        ],
      },
    });
    await lab.start();
    return { lab, first };
  };
  const nodeOf = async (lab: Awaited<ReturnType<typeof openAgentLab>>, phase: string) => {
    const { nodes: said } = await lab.reported((report) =>
      Object.values(report.nodes).some((node) => node.phase === phase),
    );
    return Object.values(said)[0];
  };

  test('are paused and go on', async () => {
    const { lab, first } = await openWithNode();
    await using _ = lab;
    lab.order('a-0', { incarnation: 0, run: 'paused' });
    const paused = await nodeOf(lab, 'paused');
    expect(stateOf(first)).toBe('T');
    lab.order('a-0', { incarnation: 0, run: 'running' });
    expect(await nodeOf(lab, 'running')).toEqual({ ...paused, phase: 'running' });
    expect(stateOf(first)).toBe('S');
  });

  test.each(['the same', 'the next'])('go on with %s agent when they are none', async (which) => {
    const { lab, first } = await openWithNode();
    await using _ = lab;
    lab.order('a-0', { incarnation: 0, run: 'paused' });
    await nodeOf(lab, 'paused');
    if (which === 'the next') await lab.stop();
    lab.patchPod('a-0', { metadata: { labels: { 'peerstorm.dev/testnet': null } } });
    expect(stateOf(first)).toBe('T');
    if (which === 'the next') await lab.start();
    await until(
      async () => stateOf(first),
      (state) => state === 'S',
    );
  });

  test('end, and their successor waits until it is wanted', async () => {
    const { lab, first } = await openWithNode();
    await using _ = lab;
    const ended = once(first, 'exit');
    const stop = { signal: 'SIGTERM', graceSeconds: 5 } as const;
    lab.order('a-0', { incarnation: 0, run: 'stopped', stop });
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(await nodeOf(lab, 'exited')).toEqual({ incarnation: 0, phase: 'exited' });
    // The kubelet begins the next one, and says so later.
    const second = await lab.startContainer('a-0');
    await until(
      async () => stateOf(second),
      (state) => state === 'T',
    );
    const wantedAt = Date.now();
    lab.order('a-0', { incarnation: 1, run: 'running' });
    const running = await nodeOf(lab, 'running');
    expect(stateOf(second)).toBe('S');
    expect(running?.incarnation).toBe(1);
    expect(running?.startedAt).toBeGreaterThanOrEqual(wantedAt);
  });

  test('are killed when they do not end in time, also if they are paused', async () => {
    const { lab, first } = await openWithNode();
    await using _ = lab;
    lab.order('a-0', { incarnation: 0, run: 'paused' });
    await nodeOf(lab, 'paused');
    const ended = once(first, 'exit');
    const stop = { signal: 'SIGKILL', graceSeconds: 5 } as const;
    lab.order('a-0', { incarnation: 0, run: 'stopped', stop });
    expect(await ended).toEqual([null, 'SIGKILL']);
    await nodeOf(lab, 'exited');
  });

  test('are left alone where the order cannot be read', async () => {
    const { lab, first } = await openWithNode();
    await using _ = lab;
    lab.patchPod('a-0', { metadata: { annotations: { 'peerstorm.dev/order': '{"run":"rm"}' } } });
    const { nodes: said } = await lab.reported((report) => 'a-0' in report.nodes);
    expect(Object.values(said)[0]?.problem).toMatch(/annotation peerstorm\.dev\/order/);
    expect(stateOf(first)).toBe('S');
  });
});
