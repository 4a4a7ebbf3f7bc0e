// The wires of the fabric. The process's own network namespace is the router; every node has a
// namespace of its own, tied to the router by one veth pair with a /32 route: no bridge, because
// a Linux bridge ends at 1,024 ports. Devices and namespaces are named by a number (`n5`, `v5`),
// because interface names end at 15 characters. Nothing leads out: the router's default route is
// unreachable. All of it dies with the last process of the namespaces.
import { constants } from 'node:fs';
import { mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { rootLine } from '../../faults/tc.ts';
import { run } from './kernel-commands.ts';

/** Where a node is tied to the router. */
export type Port = { readonly id: number; readonly address: string };

export type Packets = 'mtu' | 'gso';

/** The next hop of every node, an address of the router's loopback. */
const gateway = '169.254.1.1';

const scratch = '/run/peerstorm';

const netnsName = (id: number): string => `n${id}`;
export const netnsPath = (id: number): string => `/run/netns/${netnsName(id)}`;
/** The router's side of a node's veth. */
export const deviceName = (id: number): string => `v${id}`;

/** Makes this process's fresh namespaces the router. */
export async function openRouter(signal: AbortSignal): Promise<void> {
  await coverRun(signal);
  await mkdir(scratch, { recursive: true });
  await setSysctls({
    'net/ipv4/ip_forward': '1',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/default/rp_filter': '0',
    // Else only one rejected datagram a second and sender learns that it was rejected.
    'net/ipv4/icmp_ratelimit': '0',
  });
  // Without an address of its own the router could reach no node (measured).
  const lines = [
    'link set lo up',
    `address add ${gateway}/32 dev lo`,
    'route add unreachable default',
  ];
  await run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
}

/** Creates the namespaces of these nodes with everything up, and a root qdisc on each port. */
export async function addPorts(
  ports: readonly Port[],
  options: { readonly packets: Packets; readonly signal: AbortSignal },
): Promise<void> {
  if (ports.length === 0) return;
  const { packets, signal } = options;
  const batch = async (program: 'ip' | 'tc', lines: readonly string[]) => {
    await run(program, ['-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
  };
  await batch(
    'ip',
    ports.map(({ id }) => `netns add ${netnsName(id)}`),
  );
  await batch('ip', ports.flatMap(routerLines));
  // Before any process can send: a root qdisc is never grafted again, since that loses packets.
  await batch(
    'tc',
    ports.map(({ id }) => rootLine(deviceName(id))),
  );
  await insideEach(ports, { packets, signal });
}

function routerLines({ id, address }: Port): readonly string[] {
  const device = deviceName(id);
  const mac = { router: macOf(address, 'router'), node: macOf(address, 'node') };
  return [
    `link add ${device} address ${mac.router} mtu 1500 type veth ` +
      `peer name eth0 address ${mac.node} mtu 1500 netns ${netnsName(id)}`,
    `link set ${device} up`,
    `route add ${address}/32 dev ${device}`,
    // The size of the neighbour table is one limit for the whole kernel, and not ours to raise;
    // permanent entries do not count against it.
    `neighbour add ${address} lladdr ${mac.node} dev ${device} nud permanent`,
  ];
}

function nodeLines({ address }: Port, packets: Packets): readonly string[] {
  return [
    'link set lo up',
    // TCP would cross a veth as packets of 61 KB, and 1 % loss take 61 KB at a time.
    `link set eth0 up${packets === 'mtu' ? ' gso_max_segs 1' : ''}`,
    `address add ${address}/32 dev eth0`,
    `neighbour add ${gateway} lladdr ${macOf(address, 'router')} dev eth0 nud permanent`,
    `route add ${gateway}/32 dev eth0`,
    `route add default via ${gateway} dev eth0 src ${address}`,
  ];
}

// By `echo`, because sysctl(8) is not on every machine. A kernel without IPv6 lacks the last one.
const nodeSysctls = [
  'echo 0 >/proc/sys/net/ipv4/ip_forward',
  'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter',
  'echo 0 >/proc/sys/net/ipv4/conf/eth0/rp_filter',
  'file=/proc/sys/net/ipv6/conf/eth0/disable_ipv6; [ ! -e $file ] || echo 1 >$file',
];

// /proc/sys/net is that of the process that opens it, so something must run inside each namespace.
// `ip -n` would do for the rest, but it copies the mount table, namespaces included: 8 ms a call
// with 1,000 of them, against 1.5 ms of nsenter. xargs starts them with bounded concurrency.
async function insideEach(
  ports: readonly Port[],
  { packets, signal }: { readonly packets: Packets; readonly signal: AbortSignal },
): Promise<void> {
  const fileOf = ({ id }: Port) => `${scratch}/${netnsName(id)}`;
  for (const port of ports) {
    await writeFile(fileOf(port), `${nodeLines(port, packets).join('\n')}\n`);
  }
  const each = async (argv: (port: Port) => readonly string[]) => {
    const lines = ports.map((port) => [`--net=${netnsPath(port.id)}`, ...argv(port)].join(' '));
    const workers = String(Math.max(2, availableParallelism()));
    await run('xargs', ['-L', '1', '-P', workers, 'nsenter'], {
      input: `${lines.join('\n')}\n`,
      signal,
    });
  };
  const sysctls = `${scratch}/sysctls`;
  await writeFile(sysctls, `set -e\n${nodeSysctls.join('\n')}\n`);
  await each(() => ['sh', sysctls]);
  await each((port) => ['ip', '-batch', fileOf(port)]);
  for (const port of ports) await rm(fileOf(port));
}

/** Locally administered, and unique because the address is. */
function macOf(address: string, side: 'router' | 'node'): string {
  const octets = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', side === 'node' ? '50' : '51', ...octets].join(':');
}

/**
 * Puts a tmpfs of our own over /run, in our mount namespace only, and everything that was there
 * back into it, except for the folder of named network namespaces: so `ip netns` works without
 * privileges and leaves nothing on the host.
 */
async function coverRun(signal: AbortSignal): Promise<void> {
  const covered = await open('/run', constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const names = (await readdir('/run')).filter((name) => name !== 'netns');
    const before = `/proc/${process.pid}/fd/${covered.fd}`;
    await run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run'], { signal });
    const pairs: string[] = [];
    for (const name of names) {
      const entry = await stat(`${before}/${name}`).catch(() => undefined);
      // Gone in the meantime, or a link to nowhere.
      if (entry === undefined) continue;
      if (entry.isDirectory()) await mkdir(`/run/${name}`);
      else await writeFile(`/run/${name}`, '');
      pairs.push(`${before}/${name}`, `/run/${name}`);
    }
    if (pairs.length === 0) return;
    await run('xargs', ['-0', '-n', '2', 'mount', '--no-canonicalize', '--rbind'], {
      input: `${pairs.join('\0')}\0`,
      signal,
    });
  } finally {
    await covered.close();
  }
}

async function setSysctls(values: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, value] of Object.entries(values)) await writeFile(`/proc/sys/${key}`, value);
}
