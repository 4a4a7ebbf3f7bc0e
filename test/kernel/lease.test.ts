import { expect, test } from 'vitest';
import { both, effect, names, openLab, until } from './lab.ts';
import { users } from './users.ts';

const drop = { kind: 'drop' } as const;
const leaseSeconds = 3;

// Without the fabric's process there are no probes; so these go by hand.
const listener = `const socket = dgram.createSocket('udp4').bind(7000, '0.0.0.0', () => print('up'));
  let got = 0;
  socket.on('message', (message) => { got += 1; });
  setTimeout(() => quit(got), 700);`;
const sender = (to: string) => `const socket = dgram.createSocket('udp4');
  setInterval(() => socket.send('x', 7000, '${to}'), 20); setTimeout(() => quit(''), 600);`;

test.each(users)('as %s: with everything of ours dead, faults end and links stay', async (user) => {
  await using lab = await openLab({ user, nodes: ['a-0', 'b-0', 'c-0'], leaseSeconds });
  const base = [{ fault: '', from: names('a-0'), to: names('c-0'), impairment: drop }];
  await lab.enforce(both('cut', [['a-0'], ['b-0']], drop), { base });
  const passes = async (from: string, to: string) => {
    const received = lab.script(to, listener);
    await lab.script(from, sender(lab.addressOf(to)));
    return Number((await received).split('\n').at(-1)) > 0;
  };
  expect(await passes('a-0', 'b-0')).toBe(false);

  await lab.killFabric();
  const killed = Date.now();
  await until(
    () => passes('a-0', 'b-0'),
    (passed) => passed,
    15_000,
  );
  // A look takes up to a second by itself.
  expect(Date.now() - killed).toBeLessThan((leaseSeconds + 1) * 1_000 + 1_500);
  expect(await passes('a-0', 'c-0')).toBe(false);
  const { stdout } = await lab.command('nft', ['list', 'counter', 'inet', 'peerstorm', 'lapsed']);
  expect(Number(/packets (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(0);
});

test.each(users)('as %s: a planned end comes a second later at most', async (user) => {
  await using lab = await openLab({ user, nodes: ['a-0', 'b-0'], leaseSeconds: 60 });
  const end = Date.now() + 2_000;
  await lab.enforce([{ ...effect('cut', [['a-0'], ['b-0']], drop), end }]);
  await lab.killFabric();
  const lease = () => lab.command('nft', ['list', 'set', 'inet', 'peerstorm', 'lease']);
  await until(lease, ({ stdout }) => !stdout.includes('ipv4'), 10_000);
  expect(Date.now()).toBeGreaterThan(end);
  expect(Date.now()).toBeLessThan(end + 2_000);
});

test.each(users)('as %s: while the enforcer lives, nothing lapses', async (user) => {
  await using lab = await openLab({ user, nodes: ['a-0', 'b-0'], leaseSeconds: 1 });
  await lab.enforce([effect('cut', [['a-0'], ['b-0']], drop)]);
  const until3s = Date.now() + 3_000;
  while (Date.now() < until3s) {
    expect(await lab.arrivals([['a-0', 'b-0']], 400)).toEqual({ 'a-0 b-0': 0 });
  }
  expect((await lab.enforcement()).lapsedPackets).toBe(0);
});
