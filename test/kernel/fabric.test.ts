import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, type Lab, openLab, pairsOf } from './lab.ts';
import { transfer } from './transfer.ts';
import { users } from './users.ts';

const nodes = Array.from({ length: 8 }, (_, index) => `n-${index}`);

const dial = (address: string) => `
  net.connect({ host: '${address}', port: 53, timeout: 3000 })
    .on('connect', () => quit('connected')).on('timeout', () => quit('timeout'))
    .on('error', (error) => quit(error.code));`;

const echo = (host: string) => `
  const server = net.createServer((socket) => socket.end('hello')).listen(0, '${host}', () =>
    net.connect(server.address().port, '${host}').on('data', (text) => quit(text)));`;

describe.each(users)('as %s', (user) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ user, nodes });
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  test('every node reaches every other node, at once', async () => {
    const arrivals = await lab.arrivals(pairsOf(nodes), 5);
    expect(Object.values(arrivals)).toEqual(pairsOf(nodes).map(() => 1));
  });

  test('the network is closed: nothing leads out of it', async () => {
    expect(await lab.inNode('n-1', ['ip', 'route', 'show'])).toBe(
      `default via 169.254.1.1 dev eth0 src ${addressOf(1)} \n169.254.1.1 dev eth0 scope link`,
    );
    const router = await lab.command('ip', ['route', 'show', 'type', 'unreachable']);
    expect(router.stdout.trim()).toBe('unreachable default');
    const devices = await lab.command('ip', ['-j', 'link', 'show']);
    const all: { ifname: string }[] = JSON.parse(devices.stdout);
    expect(all.map(({ ifname }) => ifname).sort()).toEqual(
      ['lo', ...nodes.map((_, index) => `v${index}`)].sort(),
    );
    expect(await lab.script('n-1', dial('192.0.2.1'))).toBe('EHOSTUNREACH');
    expect(await lab.script('n-1', dial('2001:db8::1'))).toBe('ENETUNREACH');
  });

  test('a node has its own loopback, in both families, and no IPv6 on eth0', async () => {
    expect(await lab.script('n-2', echo('127.0.0.1'))).toBe('hello');
    expect(await lab.script('n-2', echo('::1'))).toBe('hello');
    expect(await lab.inNode('n-2', ['ip', '-6', 'address', 'show', 'dev', 'eth0'])).toBe('');
  });

  test('a node forwards nothing and filters no reverse paths', async () => {
    const files = ['ip_forward', 'conf/eth0/rp_filter', 'conf/all/rp_filter'];
    const paths = files.map((file) => `/proc/sys/net/ipv4/${file}`);
    const off = '/proc/sys/net/ipv6/conf/eth0/disable_ipv6';
    expect(await lab.inNode('n-3', ['cat', ...paths, off])).toBe('0\n0\n0\n1');
  });

  test('neighbours are known for good, so that no table of them can overflow', async () => {
    const inside = await lab.inNode('n-4', ['ip', 'neighbour', 'show', 'nud', 'permanent']);
    expect(inside).toMatch(/^169\.254\.1\.1 dev eth0 lladdr 02:51:0a:40:00:05 PERMANENT/);
    const outside = await lab.command('ip', ['neighbour', 'show', 'nud', 'permanent', 'dev', 'v4']);
    expect(outside.stdout).toContain(`${addressOf(4)} lladdr 02:50:0a:40:00:05`);
  });

  test('the root qdisc is ours from the start', async () => {
    const { stdout } = await lab.command('tc', ['-j', 'qdisc', 'show', 'dev', 'v5']);
    expect(JSON.parse(stdout)).toMatchObject([{ kind: 'htb', handle: '5053:', root: true }]);
  });
});

describe('packets', () => {
  // Bigger than any packet of an Ethernet is; counted by a table that is not ours.
  const watch = [
    'add table inet watch',
    'add counter inet watch big',
    'add chain inet watch forward { type filter hook forward priority 10; }',
    'add rule inet watch forward meta length > 1500 counter name big',
  ].join('\n');
  const bytes = 4_000_000;

  test.each([
    ['mtu', (big: number) => big === 0],
    ['gso', (big: number) => big > 10],
  ] as const)('%s: TCP crosses in such packets', async (packets, expected) => {
    const user = users[0] ?? 'an unprivileged user';
    await using lab = await openLab({ user, nodes: ['a-0', 'b-0'], packets });
    await lab.command('nft', ['-f', '-'], watch);
    await transfer(lab, { from: 'a-0', to: 'b-0', bytes });
    const { stdout } = await lab.command('nft', ['list', 'counter', 'inet', 'watch', 'big']);
    const big = Number(/packets (\d+)/.exec(stdout)?.[1]);
    expect(big).toSatisfy(expected);
  });
});
