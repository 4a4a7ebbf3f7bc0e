// The enforcers of pods, in namespaces that stand for pods: what each does alone, and that both
// ends of a pair do together what was asked.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeOrphan } from '../../src/runtime/kubernetes/pod-enforcer.ts';
import { both, effect, nameOf, names, pair, pairsOf, type TestEffect, until } from './lab.ts';
import type { PodOrder } from './pod-driver.ts';
import { faultIds, openPods, outside, type Pods } from './pods.ts';
import { transfer } from './transfer.ts';
import { allUsers, inUml } from './users.ts';

const drop = { kind: 'drop' } as const;
const lossy = (lossRatio: number) => ({ kind: 'shape', lossRatio }) as const;
const rated = (rateBitsPerSecond: number) => ({ kind: 'shape', rateBitsPerSecond }) as const;

const left = ['l-0', 'l-1'];
const right = ['r-0', 'r-1'];
const all = [...left, ...right];
const within = (group: readonly string[]) => pairsOf(group).map((pair) => pair.join(' '));
const everything = within(all);

/** Whether datagrams over IPv6 arrive. */
async function passesIpv6(pods: Pods, from: string, to: string): Promise<boolean> {
  const target = pods.addressIpv6Of(to);
  const received = pods.script(
    to,
    `const socket = dgram.createSocket('udp6').bind(7001, '::');
    let got = 0;
    socket.on('message', () => { got += 1; });
    setTimeout(() => quit(got), 900);`,
  );
  await pods.script(
    from,
    `const socket = dgram.createSocket('udp6');
    setInterval(() => socket.send('x', 7001, '${target}'), 20); setTimeout(() => quit(''), 800);`,
  );
  return Number(await received) > 0;
}

const dial = (to: string, port = 7) => `net.connect({ host: '${to}', port: ${port}, timeout: 500 })
  .on('connect', () => quit('connected')).on('timeout', () => quit('silence'))
  .on('error', (error) => quit(error.code));`;
const accept = (
  port: number,
) => `net.createServer((socket) => socket.on('error', () => {}).end('hello'))
  .listen(${port}, '0.0.0.0', () => print('up')); setTimeout(() => process.exit(), 4000);`;

const procFile = (pid: string, name: string) => {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return ''; // gone meanwhile
  }
};
/** Of ours, those of nft that wait for a transaction or have one. */
const nftProcesses = () =>
  readdirSync('/proc')
    .filter((pid) => procFile(pid, 'cmdline') === 'nft\0-f\0-\0')
    .filter((pid) => procFile(pid, 'status').includes(`\nPPid:\t${process.pid}\n`))
    .map(Number);
/** Those that wait: one that has a transaction is gone a moment later. */
const waitingProcesses = async () => {
  const before = nftProcesses();
  await wait(500);
  return nftProcesses().filter((pid) => before.includes(pid));
};

// In User-Mode Linux as anywhere: a pod's agent is root on its host.
describe.runIf(allUsers.includes('root'))('pods', () => {
  let pods: Pods;
  beforeAll(async () => {
    pods = await openPods(all);
  });
  beforeEach(() => pods.enforce([]));
  afterAll(() => pods[Symbol.asyncDispose]());

  const throughOf = async (pairs = pairsOf(all)) => {
    const arrivals = await pods.arrivals(pairs, 10);
    return Object.keys(arrivals).filter((pair) => arrivals[pair] === 1);
  };
  const nft = (node: string, ...args: string[]) => pods.inNode(node, ['nft', ...args]);
  const countersOf = async (node: string, fault: string) => {
    await pods.enforcer(node).refresh();
    return pods.enforcer(node).enforcement().counters[fault];
  };
  const expectSound = () => {
    for (const node of all) {
      const { drift, lapsedPackets, problem } = pods.enforcer(node).enforcement();
      expect({ drift, lapsedPackets, problem }).toEqual({ lapsedPackets: 0 });
    }
  };

  test('a partition drops what crosses it, both ways and by both families', async () => {
    await pods.enforce(both('cut', [left, right], drop));
    expect(await throughOf()).toEqual([...within(left), ...within(right)]);
    expect(await passesIpv6(pods, 'l-0', 'r-0')).toBe(false);
    expect(await passesIpv6(pods, 'l-0', 'l-1')).toBe(true);
    expectSound();
    await pods.enforce([]);
    expect(await throughOf()).toEqual(everything);
    expect(await passesIpv6(pods, 'l-0', 'r-0')).toBe(true);
    expectSound();
  });

  test('a one-way partition leaves the way back open, and says nothing to the sender', async () => {
    await pods.enforce([effect('cut', [left, right], drop)]);
    const gone = new Set(left.flatMap((from) => right.map((to) => `${from} ${to}`)));
    expect(await throughOf()).toEqual(everything.filter((pair) => !gone.has(pair)));
    expect(await pods.script('l-0', dial(pods.addressOf('r-0')))).toBe('silence');
  });

  test('a loss of 20 % loses 20 %, counted by the receiver alone', async () => {
    const count = 2_000;
    await pods.enforce([effect('flaky', [['l-0'], ['r-0']], lossy(0.2))]);
    const before = await countersOf('r-0', 'flaky');
    const lost = 1 - ((await pods.arrivals([['l-0', 'r-0']], count))['l-0 r-0'] ?? 0);
    // 5 standard deviations of a binomial: one false alarm in two million runs.
    expect(Math.abs(lost - 0.2)).toBeLessThan(5 * Math.sqrt((0.2 * 0.8) / count));
    const after = await countersOf('r-0', 'flaky');
    expect((after?.matchedPackets ?? 0) - (before?.matchedPackets ?? 0)).toBe(count);
    const dropped = (after?.droppedPackets ?? 0) - (before?.droppedPackets ?? 0);
    expect(dropped).toBe(Math.round(lost * count));
    expect((await countersOf('l-0', 'flaky'))?.matchedPackets).toBe(0);
  });

  test('reject: refused at once, and reset where it was established', async () => {
    const to = pods.addressOf('r-0');
    const server = pods.script('r-0', accept(9001).replace("end('hello')", 'resume()'));
    const listening = () => pods.inNode('r-0', ['ss', '-Hltn', 'sport', '=', ':9001']);
    await until(listening, (lines) => lines !== '');
    const client = pods.script(
      'l-0',
      `const socket = net.connect(9001, '${to}', () => setInterval(() => socket.write('x'), 20));
      socket.on('error', (error) => quit(error.code));`,
    );
    const established = () =>
      pods.inNode('r-0', ['ss', '-Htn', 'state', 'established', 'sport', '=', ':9001']);
    await until(established, (lines) => lines !== '');
    await pods.enforce(both('cut', [left, right], { kind: 'reject' }));
    expect(await client).toMatch(/ECONNRESET|EPIPE|ECONNREFUSED/);
    expect(await pods.script('l-0', dial(to))).toBe('ECONNREFUSED');
    expect(await throughOf()).toEqual([...within(left), ...within(right)]);
    expect((await countersOf('l-0', 'cut'))?.droppedPackets).toBeGreaterThan(0);
    // Refused by the sender's own kernel: sent all the same, else nothing could show the cut.
    const [refused] = await pods.probe([pair('l-0', 'r-0', 10)]);
    expect(refused).toMatchObject({ sent: 10, received: 0 });
    await pods.enforce([]);
    expect(await throughOf()).toEqual(everything);
    await server;
  });

  test('a rate holds for what it is on, with a root that is there once', async () => {
    // What User-Mode Linux can carry at all depends on what else its host does.
    const rate = inUml ? 2_000_000 : 10_000_000;
    await pods.enforce([effect('narrow', [['l-0'], ['r-0']], rated(rate))]);
    const bytes = rate / 4;
    // As the agent does: the last packet goes out whole, and would have up to 64 KiB.
    await pods.inNode('l-0', ['ip', 'link', 'set', 'dev', 'eth0', 'gso_max_segs', '1']);
    const shaped = await transfer(pods, { from: 'l-0', to: 'r-0', bytes });
    const free = await transfer(pods, { from: 'l-0', to: 'r-1', bytes });
    // Headers take 3.4 %; a burst of one packet and a bucket of 2 ms are on top at the start.
    expect(shaped / rate).toBeGreaterThan(inUml ? 0.5 : 0.9);
    expect(shaped / rate).toBeLessThan(1.02);
    expect(free / rate).toBeGreaterThan(2);
    expect(await pods.inNode('l-0', ['tc', 'qdisc', 'show', 'dev', 'eth0'])).toContain('htb 5053:');
    expect(await pods.inNode('r-0', ['tc', 'qdisc', 'show', 'dev', 'eth0'])).toContain('noqueue');
    expectSound();
    await pods.enforce([]);
    expect(await transfer(pods, { from: 'l-0', to: 'r-0', bytes })).toBeGreaterThan(2 * rate);
  });

  test('region links are there with and without faults', async () => {
    const base = [{ fault: '', from: names(...left), to: names(...right), impairment: lossy(0.5) }];
    const pairs = [
      ['l-0', 'r-0'],
      ['l-1', 'r-1'],
      ['r-0', 'l-0'],
    ] as const;
    const kinds = async () => Object.values(await pods.arrivals(pairs, 100)).map(kindOf);
    await pods.enforce([], { base });
    expect(await kinds()).toEqual(['some', 'some', 'all']);
    await pods.enforce([effect('cut', [['l-0'], ['r-0']], drop)], { base });
    expect(await kinds()).toEqual(['none', 'some', 'all']);
    await pods.enforce([], { base });
    expect(await kinds()).toEqual(['some', 'some', 'all']);
  });

  test('faults begin and end by themselves at their times', async () => {
    const now = Date.now();
    const [unit, slackMs] = inUml ? [2_500, 2_500] : [500, 1_000];
    const early = both('early', [left, right], drop);
    await pods.enforce(early.map((one) => ({ ...one, start: now + unit, end: now + 4 * unit })));
    for (const node of all) {
      const read = async () => pods.enforcer(node).enforcement().faults['early'];
      const times = await until(read, (found) => found?.healedAt !== undefined, 60_000);
      const { enforcedAt = 0, healBeganAt = 0, healedAt = 0 } = times ?? {};
      expect(enforcedAt - now).toBeGreaterThanOrEqual(unit);
      expect(enforcedAt - now).toBeLessThan(unit + slackMs);
      expect(healBeganAt - now).toBeGreaterThanOrEqual(4 * unit);
      expect(healedAt - now).toBeLessThan(4 * unit + slackMs);
    }
    expect(await throughOf()).toEqual(everything);
  });

  test('a change has a process that waits for it; without that one it comes as well', async () => {
    const enforcements = () => all.map((node) => pods.enforcer(node).enforcement());
    const everywhere = (time: 'enforcedAt' | 'healedAt') =>
      until(
        async () => enforcements(),
        (each) => each.every(({ faults }) => faults['planned']?.[time] !== undefined),
      );
    const problems = new Set<string | undefined>();
    for (const node of all) {
      const enforcer = pods.enforcer(node);
      enforcer.onChange(() => problems.add(enforcer.enforcement().problem));
    }
    const unit = inUml ? 8_000 : 3_000;
    const start = Date.now() + unit;
    const cut = both('planned', [left, right], drop);
    await pods.enforce(cut.map((one) => ({ ...one, start, end: start + unit })));
    await until(waitingProcesses, (found) => found.length === all.length);
    await everywhere('enforcedAt');
    const next = await until(waitingProcesses, (found) => found.length === all.length);
    for (const pid of next) process.kill(pid, 'SIGKILL');
    await everywhere('healedAt');
    expect(await throughOf()).toEqual(everything);
    expect([...problems]).toEqual([undefined]);
    expectSound();
    await until(waitingProcesses, (found) => found.length === 0);
  });

  test('another process takes over without a moment without rules, and counts on', async () => {
    const cut = [
      ...both('cut', [left, right], drop),
      effect('narrow', [['l-0'], ['l-1']], rated(5e6)),
    ];
    await pods.enforce(cut);
    expect((await throughOf([['l-0', 'r-0']])).length).toBe(0);
    const before = await countersOf('r-0', 'cut');
    expect(before?.droppedPackets).toBeGreaterThan(0);
    const probing = pods.arrivals([['l-0', 'r-0']], 2_000);
    await pods.restart();
    await pods.enforce(cut);
    expect(await probing).toEqual({ 'l-0 r-0': 0 });
    const after = await countersOf('r-0', 'cut');
    expect(after?.droppedPackets).toBe((before?.droppedPackets ?? 0) + 2_000);
    expectSound();
    const chains = await nft('l-0', 'list', 'table', 'inet', 'peerstorm');
    expect(
      new Set([...chains.matchAll(/^\t(?:chain|map) g(\d+)/gm)].map(([, one]) => one)).size,
    ).toBe(1);
    // The classes of the process before are gone when nothing waits in them.
    const classes = () => pods.inNode('l-0', ['tc', 'class', 'show', 'dev', 'eth0']);
    await until(classes, (text) => text.split('\n').length === 1);
    const rate = await transfer(pods, { from: 'l-0', to: 'l-1', bytes: 1_000_000 });
    expect(rate).toBeLessThan(5.1e6);
    await pods.enforce([]);
    expect(await throughOf()).toEqual(everything);
  });

  test('a table of another version is replaced in one step', async () => {
    await pods.enforce(both('cut', [left, right], drop));
    for (const node of all)
      await nft(node, 'insert', 'rule', 'inet', 'peerstorm', 'send', 'counter');
    const probing = pods.arrivals([['l-0', 'r-0']], 1_000);
    await pods.restart();
    await pods.enforce(both('cut', [left, right], drop));
    expect(await probing).toEqual({ 'l-0 r-0': 0 });
    expectSound();
  });

  test.each([
    ['a rule', ['flush', 'chain', 'inet', 'peerstorm', 'active_in'], /active_in differs/],
    ['the table', ['delete', 'table', 'inet', 'peerstorm'], /No such file/],
  ] as const)(
    '%s deleted behind our back is made anew, and said until the next schedule',
    async (...[, argv, drift]) => {
      await pods.enforce(both('cut', [left, right], drop));
      await nft('r-0', ...argv);
      await pods.enforcer('r-0').refresh();
      const cut = [...within(left), ...within(right)].sort();
      await until(throughOf, (through) => through.toSorted().join() === cut.join());
      expect(pods.enforcer('r-0').enforcement().drift).toMatch(drift);
      await pods.enforce(both('cut', [left, right], drop));
      expect(await throughOf()).toEqual([...within(left), ...within(right)]);
      await pods.enforcer('r-0').refresh();
      expectSound();
    },
  );

  test('a table deleted while no fault is on is made anew with the first fault', async () => {
    await pods.enforce([]);
    await nft('r-0', 'delete', 'table', 'inet', 'peerstorm');
    await pods.enforce(both('cut', [left, right], drop)).catch(() => undefined);
    const cut = [...within(left), ...within(right)].sort();
    await until(throughOf, (through) => through.toSorted().join() === cut.join());
    await pods.enforcer('r-0').refresh();
    expectSound();
  });

  test('news of another node while no fault is on is read back by the next look', async () => {
    const enforcer = pods.enforcer('r-0');
    const impairment = lossy(0.5);
    const base = [{ fault: '', from: names(...left), to: names(...right), impairment }];
    const schedule = pods.schedule([], { base });
    const others = new Map([...pods.addresses].filter(([node]) => node !== 'l-1'));
    const open = { openEgress: true };
    await enforcer.enforce(schedule, others, open);
    await nft('r-0', 'insert', 'rule', 'inet', 'peerstorm', 'receive', 'counter');
    await enforcer.enforce(schedule, pods.addresses, open);
    expect(enforcer.enforcement().drift).toBeUndefined();
    await enforcer.refresh();
    expect(enforcer.enforcement().drift).toMatch(/receive differs/);
    const chain = () => nft('r-0', 'list', 'chain', 'inet', 'peerstorm', 'receive');
    await until(chain, (listing) => !listing.includes('counter packets'));
  });

  test('a root qdisc of somebody else is refused and left alone', async () => {
    const tc = (...args: string[]) => pods.inNode('r-1', ['tc', 'qdisc', ...args]);
    await removeOrphan(pods.netns('r-1'));
    await pods.restart();
    await tc('add', 'dev', 'eth0', 'root', 'handle', '1:', 'htb');
    const narrow: TestEffect[] = [effect('narrow', [['r-1'], ['l-0']], rated(1e6))];
    await expect(pods.enforce(narrow)).rejects.toMatchObject({
      code: 'ENFORCE_FAILED',
      message: expect.stringContaining('htb 1:'),
    });
    expect(pods.enforcer('r-1').enforcement().problem).toContain('somebody else');
    expect(await tc('show', 'dev', 'eth0')).toContain('qdisc htb 1: root');
    await pods.enforce(both('cut', [left, right], drop));
    expect(await throughOf()).toEqual([...within(left), ...within(right)]);
    await tc('del', 'dev', 'eth0', 'root');
    await pods.enforce(narrow);
    expect(await tc('show', 'dev', 'eth0')).toContain('htb 5053: root');
  });

  test('closed egress: out to the testnet only, in from anywhere, and DNS', async () => {
    await pods.enforce([], { openEgress: false });
    expect(pods.enforcer('l-0').egressProblem()).toBeUndefined();
    expect(await throughOf()).toEqual(everything);
    expect(await pods.script('l-0', dial(outside.v4))).toBe('silence');
    expect(await pods.script('l-0', dial(outside.v6))).toBe('silence');
    // Nobody listens there, and the answer comes back.
    expect(await pods.script('l-0', dial(outside.v4, 53))).toBe('ECONNREFUSED');
    const udp = `const socket = dgram.createSocket('udp4');
      socket.send('x', 7, '${outside.v4}', (error) => quit(error?.code ?? 'sent'));`;
    expect(await pods.script('l-0', udp)).toBe('sent');
    const ping = (from: string, to: string) =>
      pods.inNode(from, ['ping', '-n', '-c', '1', '-W', '1', to]).then(
        () => true,
        () => false,
      );
    const server = pods.script('l-0', accept(9002));
    const listening = () => pods.inNode('l-0', ['ss', '-Hltn', 'sport', '=', ':9002']);
    await until(listening, (lines) => lines !== '');
    expect(await pods.script('outside', dial(pods.addressOf('l-0'), 9002))).toBe('connected');
    await server;
    if (await ping('outside', outside.v4)) {
      expect(await ping('l-0', outside.v4)).toBe(false);
      expect(await ping('outside', pods.addressOf('l-0'))).toBe(true);
    }
  });

  test('what is ours can be removed without its enforcer, and nothing else is', async () => {
    await pods.enforce(
      [...both('cut', [left, right], drop), effect('narrow', [['l-0'], ['l-1']], rated(1e6))],
      { openEgress: false },
    );
    await nft('l-0', 'add', 'table', 'inet', 'theirs');
    for (const node of all) await removeOrphan(pods.netns(node));
    expect(await nft('l-0', 'list', 'tables')).toBe('table inet theirs');
    expect(await pods.inNode('l-0', ['tc', 'qdisc', 'show', 'dev', 'eth0'])).not.toContain('5053');
    await removeOrphan(pods.netns('l-0'));
    expect(await throughOf()).toEqual(everything);
    await pods.restart();
    await pods.enforce(both('cut', [left, right], drop));
    await Promise.all(all.map((node) => pods.enforcer(node).dispose('heal')));
    expect(await nft('l-0', 'list', 'tables')).toBe('table inet theirs');
    expect(pods.enforcer('l-0').enforcement().faults['cut']?.healedAt).toBeGreaterThan(0);
    await pods.restart();
  });

  test('with the agent killed, faults end with the lease and links stay', async () => {
    const leaseSeconds = 3;
    const base = [{ fault: '', from: names('r-1'), to: names('l-0'), impairment: drop }];
    const schedule = pods.schedule([effect('cut', [['r-0'], ['l-0']], drop)], {
      base,
      leaseSeconds,
    });
    const order: PodOrder = {
      self: nameOf('l-0'),
      netns: pods.netns('l-0'),
      faultIds: [...faultIds],
      schedule,
      addresses: [...pods.addresses],
    };
    await pods.restart();
    const driver = `${import.meta.dirname}/pod-driver.ts`;
    const agent = spawn(process.execPath, [driver, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(agent.stdout, 'data');
    const pairs = [
      ['r-0', 'l-0'],
      ['r-1', 'l-0'],
      ['l-1', 'l-0'],
    ] as const;
    expect(await throughOf(pairs)).toEqual(['l-1 l-0']);
    agent.kill('SIGKILL');
    const killed = Date.now();
    await until(
      () => throughOf(pairs),
      (through) => through.includes('r-0 l-0'),
    );
    // A look takes up to a second by itself.
    expect(Date.now() - killed).toBeLessThan((leaseSeconds + 1) * 1_000 + 1_500);
    expect(await throughOf(pairs)).toEqual(['r-0 l-0', 'l-1 l-0']);
    await pods.restart();
    await pods.enforce([]);
    expect(await throughOf(pairs)).toEqual(['r-0 l-0', 'r-1 l-0', 'l-1 l-0']);
    expect(pods.enforcer('l-0').enforcement().lapsedPackets).toBeGreaterThan(0);
  });
});

function kindOf(share = -1): 'none' | 'some' | 'all' {
  if (share === 0) return 'none';
  return share === 1 ? 'all' : 'some';
}
