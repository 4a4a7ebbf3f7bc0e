import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { both, effect, type Lab, names, openLab, pairsOf, type TestEffect, until } from './lab.ts';
import { transfer } from './transfer.ts';
import { inUml, users } from './users.ts';

const drop = { kind: 'drop' } as const;
const reject = { kind: 'reject' } as const;
const lossy = (lossRatio: number) => ({ kind: 'shape', lossRatio }) as const;

const bursty = (lossRatio: number) =>
  ({ kind: 'shape', burst: { enterRatio: 0.1, leaveRatio: 0.5, lossRatio } }) as const;

const roundTrip = [
  ['l-0', 'r-0'],
  ['r-0', 'l-0'],
] as const;
const left = ['l-0', 'l-1'];
const right = ['r-0', 'r-1'];
const all = [...left, ...right];

/** Which of the pairs get through; those in between are neither. */
async function throughOf(lab: Lab, pairs = pairsOf(all), count = 10) {
  const arrivals = await lab.arrivals(pairs, count);
  return Object.keys(arrivals).filter((pair) => arrivals[pair] === 1);
}

const within = (group: readonly string[]) => pairsOf(group).map((pair) => pair.join(' '));
const everything = within(all);

describe.each(users)('as %s', (user) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ user, nodes: all });
  });
  beforeEach(() => lab.enforce([]));
  afterAll(() => lab[Symbol.asyncDispose]());

  test('a partition drops what crosses it, both ways, and nothing else', async () => {
    await lab.enforce(both('cut', [left, right], drop));
    expect(await throughOf(lab)).toEqual([...within(left), ...within(right)]);
    await lab.enforce([]);
    expect(await throughOf(lab)).toEqual(everything);
  });

  test('a one-way partition leaves the way back open', async () => {
    await lab.enforce([effect('cut', [left, right], drop)]);
    const cut = new Set(left.flatMap((from) => right.map((to) => `${from} ${to}`)));
    expect(await throughOf(lab)).toEqual(everything.filter((pair) => !cut.has(pair)));
  });

  test('an eclipse leaves the victim its attackers only', async () => {
    const [victim, attacker, ...others] = ['l-0', 'r-0', 'l-1', 'r-1'];
    await lab.enforce(both('eclipse', [[victim ?? ''], others], drop));
    const arrivals = await throughOf(lab);
    expect(arrivals.filter((pair) => pair.includes(victim ?? ''))).toEqual([
      `${victim} ${attacker}`,
      `${attacker} ${victim}`,
    ]);
    expect(arrivals.length).toBe(everything.length - 4);
  });

  test.each([
    ['drop', drop, { tcp: 'silence', udp: 'silence' }],
    ['reject', reject, { tcp: 'ECONNREFUSED', udp: 'EHOSTUNREACH' }],
  ] as const)('%s: what a dialler sees of it', async (_, impairment, expected) => {
    await lab.enforce(both('cut', [left, right], impairment));
    const to = lab.addressOf('r-0');
    const tcp = `net.connect({ host: '${to}', port: 7, timeout: 500 })
      .on('timeout', () => quit('silence')).on('error', (error) => quit(error.code));`;
    expect(await lab.script('l-0', tcp)).toBe(expected.tcp);
    const udp = `const socket = dgram.createSocket('udp4');
      socket.on('error', (error) => quit(error.code));
      setTimeout(() => quit('silence'), 500);
      socket.connect(7, '${to}', () => setInterval(() => socket.send('x'), 50));`;
    expect(await lab.script('l-0', udp)).toBe(expected.udp);
  });

  test('reject resets a connection that was there before', async () => {
    const to = lab.addressOf('r-0');
    const server = lab.script(
      'r-0',
      `net.createServer((socket) => {
        socket.on('error', () => quit('closed')).on('close', () => quit('closed')).resume();
      }).listen(9001, '0.0.0.0');`,
    );
    await until(
      () => lab.inNode('r-0', ['ss', '-Hltn', 'sport', '=', ':9001']),
      (lines) => lines !== '',
    );
    const client = lab.script(
      'l-0',
      `const socket = net.connect(9001, '${to}', () => setInterval(() => socket.write('x'), 20));
      socket.on('error', (error) => quit(error.code));`,
    );
    await until(
      () => lab.inNode('r-0', ['ss', '-Htn', 'state', 'established', 'sport', '=', ':9001']),
      (lines) => lines !== '',
    );
    await lab.enforce(both('cut', [left, right], reject));
    expect(await client).toMatch(/ECONNRESET|EPIPE/);
    await lab.enforce([]);
    const kick = `net.connect(9001, '${to}', () => quit('up')).on('error', (e) => quit(e.code));`;
    await lab.script('l-0', kick);
    // It hears of the reset of the one and of the end of the other connection.
    expect(await server).toMatch(/^closed/);
  });

  test('a loss of 20 % loses 20 %, and the counters say so', async () => {
    const count = 2_000;
    await lab.enforce([effect('flaky', [['l-0'], ['r-0']], lossy(0.2))]);
    const before = (await lab.enforcement()).counters['flaky'];
    const arrivals = await lab.arrivals([['l-0', 'r-0']], count);
    const lost = 1 - (arrivals['l-0 r-0'] ?? 0);
    // 5 standard deviations of a binomial: one false alarm in two million runs.
    expect(Math.abs(lost - 0.2)).toBeLessThan(5 * Math.sqrt((0.2 * 0.8) / count));
    await lab.enforce([]);
    const { flaky } = (await lab.enforcement()).counters;
    expect((flaky?.matchedPackets ?? 0) - (before?.matchedPackets ?? 0)).toBe(count);
    expect((flaky?.droppedPackets ?? 0) - (before?.droppedPackets ?? 0)).toBe(
      Math.round(lost * count),
    );
  });

  test('a rate holds for what it is on', async () => {
    const rate = 10_000_000;
    const shape = { kind: 'shape', rateBitsPerSecond: rate } as const;
    await lab.enforce([effect('narrow', [['l-0'], ['r-0']], shape)]);
    const [shaped, free] = [
      await transfer(lab, { from: 'l-0', to: 'r-0', bytes: 2_500_000 }),
      await transfer(lab, { from: 'l-1', to: 'r-0', bytes: 2_500_000 }),
    ];
    // Headers take 3.4 %; a burst of one packet and a bucket of 2 ms are on top at the start.
    expect(shaped / rate).toBeGreaterThan(inUml ? 0.5 : 0.9);
    expect(shaped / rate).toBeLessThan(1.02);
    expect(free / rate).toBeGreaterThan(2);
  });

  test.each(['cut', 'flaky'])('taking %s away first leaves exactly the other', async (first) => {
    const cut = both('cut', [['l-0'], right], drop);
    const flaky = [effect('flaky', [all, ['r-0']], lossy(0.5))];
    const remaining = first === 'cut' ? flaky : cut;
    await lab.enforce([...cut, ...flaky]);
    const pairs = [
      ['l-0', 'r-0'],
      ['l-0', 'r-1'],
      ['l-1', 'r-0'],
      ['l-1', 'r-1'],
    ] as const;
    const together = await lab.arrivals(pairs, 100);
    expect(together).toMatchObject({ 'l-0 r-0': 0, 'l-0 r-1': 0, 'l-1 r-1': 1 });
    expect(kindOf(together['l-1 r-0'])).toBe('some');
    await lab.enforce(remaining);
    const left = await lab.arrivals(pairs, 100);
    expect(pairs.map((pair) => kindOf(left[pair.join(' ')]))).toEqual(
      first === 'cut' ? ['some', 'all', 'some', 'all'] : ['none', 'none', 'all', 'all'],
    );
    await lab.enforce([]);
    expect(await throughOf(lab)).toEqual(everything);
  });

  test('losses of two faults compose', async () => {
    const count = 2_000;
    const pair = [['l-0'], ['r-0']] as const;
    await lab.enforce([effect('one', pair, lossy(0.3)), effect('two', pair, lossy(0.3))]);
    const arrived = (await lab.arrivals([['l-0', 'r-0']], count))['l-0 r-0'] ?? 0;
    expect(Math.abs(arrived - 0.49)).toBeLessThan(5 * Math.sqrt((0.49 * 0.51) / count));
  });

  test('region links are there with and without faults, and survive them', async () => {
    const base = [{ fault: '', from: names(...left), to: names(...right), impairment: lossy(0.5) }];
    const pairs = [
      ['l-0', 'r-0'],
      ['l-1', 'r-1'],
      ['r-0', 'l-0'],
    ] as const;
    const kinds = async () => Object.values(await lab.arrivals(pairs, 100)).map(kindOf);
    await lab.enforce([], { base });
    expect(await kinds()).toEqual(['some', 'some', 'all']);
    await lab.enforce([effect('cut', [['l-0'], ['r-0']], drop)], { base });
    expect(await kinds()).toEqual(['none', 'some', 'all']);
    await lab.enforce([], { base });
    expect(await kinds()).toEqual(['some', 'some', 'all']);
  });

  test('a node that joins under a fault is under it from its first packet on', async () => {
    const late = `r-${lab.names.filter((name) => name.startsWith('r-')).length}`;
    await lab.enforce(both('cut', [left, [...right, late]], drop));
    await lab.add([late]);
    const pairs = [
      ['l-0', late],
      [late, 'l-0'],
      ['r-0', late],
      [late, 'r-0'],
    ] as const;
    expect(await throughOf(lab, pairs)).toEqual([`r-0 ${late}`, `${late} r-0`]);
  });

  test('faults begin and end by themselves at their times', async () => {
    // In User-Mode Linux a change takes seconds when the host is busy.
    const [unit, slackMs] = inUml ? [2_500, 2_500] : [500, 1_000];
    const now = Date.now();
    const timed: TestEffect[] = [
      { ...effect('early', [['l-0'], right], drop), start: now + unit, end: now + 4 * unit },
      { ...effect('late', [['l-1'], right], drop), start: now + 4 * unit, end: now + 8 * unit },
    ];
    await lab.enforce(timed);
    const { faults } = await until(
      () => lab.enforcement(),
      ({ faults }) => faults['late']?.healedAt !== undefined,
      60_000,
    );
    const { enforcedAt = 0, healedAt = 0 } = faults['early'] ?? {};
    expect(enforcedAt - now).toBeGreaterThanOrEqual(unit);
    expect(healedAt - now).toBeGreaterThanOrEqual(4 * unit);
    // More than a second late is no longer the fault that was asked for.
    expect(enforcedAt - now).toBeLessThan(unit + slackMs);
    expect(healedAt - now).toBeLessThan(4 * unit + slackMs);
    // An end and a start at the same time are one change.
    expect(faults['late']?.enforcedAt).toBe(healedAt);
    const healBeganAt = faults['early']?.healBeganAt ?? 0;
    expect(healBeganAt).toSatisfy((time: number) => enforcedAt < time && time < healedAt);
    expect(await throughOf(lab)).toEqual(everything);
  });

  test('a rule deleted behind our back is made anew, and said until the next schedule', async () => {
    await lab.enforce(both('cut', [left, right], drop), { leaseSeconds: 3 });
    expect((await lab.enforcement()).drift).toBeUndefined();
    const chains = await lab.command('nft', ['list', 'chain', 'inet', 'peerstorm', 'active']);
    const name = /goto (\w+)/.exec(chains.stdout)?.[1] ?? '';
    await lab.command('nft', ['flush', 'chain', 'inet', 'peerstorm', name]);
    const { drift } = await until(
      () => lab.enforcement(),
      ({ drift }) => drift !== undefined,
    );
    expect(drift).toContain(name);
    const cut = [...within(left), ...within(right)].sort();
    await until(
      () => throughOf(lab),
      (through) => through.toSorted().join() === cut.join(),
    );
    expect((await lab.enforcement()).drift).toBe(drift);
    await lab.enforce(both('cut', [left, right], drop), { leaseSeconds: 3 });
    expect((await lab.enforcement()).drift).toBeUndefined();
  });

  test('a class deleted behind our back is made again with the next change', async () => {
    const narrow = { kind: 'shape', rateBitsPerSecond: 2_345_678 } as const;
    const faults = [effect('n', [['r-0'], ['l-1']], narrow)];
    await lab.enforce(faults);
    const device = `v${lab.names.findIndex((name) => name === 'l-1')}`;
    const classes = async () => (await lab.command('tc', ['class', 'show', 'dev', device])).stdout;
    const before = await classes();
    for (const [, id] of before.matchAll(/class htb (\S+)/g)) {
      await lab.command('tc', ['class', 'del', 'dev', device, 'classid', id ?? '']);
    }
    expect(await classes()).toBe('');
    await lab.enforce(faults);
    expect(await classes()).toContain('2345Kbit');
  });

  test('faults that have no meaning together are refused, and those before stay', async () => {
    await lab.enforce([effect('cut', [['l-0'], ['r-0']], drop)]);
    const clash = [effect('one', [all, all], bursty(1)), effect('two', [all, all], bursty(0.5))];
    await expect(lab.enforce(clash)).rejects.toMatchObject({ code: 'ENFORCE_FAILED' });
    expect((await lab.enforcement()).problem).toMatch(/burst/);
    expect(await throughOf(lab, roundTrip)).toEqual(['r-0 l-0']);
    await lab.enforce([]);
    expect((await lab.enforcement()).problem).toBeUndefined();
  });

  test('faults in force do not lapse because others are refused', async () => {
    // Longer than User-Mode Linux may be stopped by its host.
    const leaseSeconds = inUml ? 4 : 1;
    await lab.enforce([effect('cut', [['l-0'], ['r-0']], drop)], { leaseSeconds });
    const clash = [effect('one', [all, all], bursty(1)), effect('two', [all, all], bursty(0.5))];
    await expect(lab.enforce(clash, { leaseSeconds })).rejects.toThrow();
    const end = Date.now() + 3_000 * leaseSeconds;
    while (Date.now() < end) expect(await throughOf(lab, roundTrip)).toEqual(['r-0 l-0']);
  });

  test('a change that the kernel refuses leaves those before in force, and is repeated', async () => {
    await lab.enforce([effect('cut', [['l-0'], ['r-0']], drop)]);
    // A class of theirs where the next of ours belongs.
    const device = `v${lab.names.findIndex((name) => name === 'l-1')}`;
    const { stdout } = await lab.command('tc', ['class', 'show', 'dev', device]);
    const minors = [...stdout.matchAll(/5053:([0-9a-f]+)/g)].map(([, minor]) => minor);
    for (let minor = 2; minor < 40; minor += 1) {
      if (minors.includes(minor.toString(16))) continue;
      const id = `5053:${minor.toString(16)}`;
      const line = `class add dev ${device} parent 5053: classid ${id} htb rate 1gbit`;
      await lab.command('tc', line.split(' '));
    }
    const narrow = { kind: 'shape', rateBitsPerSecond: 7_654_321 } as const;
    const next = [effect('cut', [['r-0'], ['l-0']], drop), effect('n', [['r-0'], ['l-1']], narrow)];
    await expect(lab.enforce(next)).rejects.toMatchObject({ code: 'ENFORCE_FAILED' });
    expect(await throughOf(lab, roundTrip)).toEqual(['r-0 l-0']);
    await until(
      () => lab.enforcement(),
      ({ problem }) => problem === undefined,
    );
    expect(await throughOf(lab, roundTrip)).toEqual(['l-0 r-0']);
  });

  test('nothing of anybody else is touched', async () => {
    const foreign = [
      'add table inet theirs',
      'add chain inet theirs forward { type filter hook forward priority 10; }',
      'add rule inet theirs forward ip daddr 203.0.113.9 drop',
    ];
    await lab.command('nft', ['-f', '-'], foreign.join('\n'));
    const list = async () => (await lab.command('nft', ['list', 'table', 'inet', 'theirs'])).stdout;
    const before = await list();
    expect(before).toContain('203.0.113.9 drop');
    await lab.enforce(both('cut', [left, right], drop));
    await lab.enforce([]);
    expect(await list()).toBe(before);
    await lab.command('nft', ['delete', 'table', 'inet', 'theirs']);
  });
});

test.each(users)('as %s: closing the fabric heals at once', async (user) => {
  await using lab = await openLab({ user, nodes: all });
  await lab.enforce(both('cut', [left, right], drop));
  await lab.close();
  const { stdout } = await lab.command('nft', ['list', 'tables']);
  expect(stdout).not.toContain('peerstorm');
  expect((await lab.enforcement()).faults['cut']?.healedAt).toBeGreaterThan(0);
});

function kindOf(share = -1): 'none' | 'some' | 'all' {
  if (share === 0) return 'none';
  return share === 1 ? 'all' : 'some';
}
