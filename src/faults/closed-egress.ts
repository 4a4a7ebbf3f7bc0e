// What keeps a pod's node inside its testnet: new flows to other addresses are dropped on their way
// out, in netdev's egress hook, where no sender is told. A floor under a NetworkPolicy, which is
// better where the cluster enforces one: it follows pods as they come, and it knows flows.
//
// Closed: to addresses outside the testnet, TCP connections that the pod opens, its UDP, pings, and
// all else that is IP. Open: loopback; addresses of the testnet; DNS (port 53); all TCP but the
// first packet of a connection, so that answers to whoever connects pass (the kubelet's probes, the
// controller, port-forward) without connection tracking; ICMP but for echo requests, so errors,
// answers to pings, and neighbour discovery; what is not IP (ARP).
import type { NodeName } from '../names.ts';
import { type Addresses, bookOf, type Family } from './addresses.ts';
import * as nft from './nft.ts';
import { tableName } from './ruleset.ts';

const table = `netdev ${tableName}`;

/** Makes it, or brings its addresses up to date, in one transaction. */
export function closeEgress(device: string, addresses: Addresses): string {
  if (!/^[a-z][a-z0-9_.-]{0,14}$/i.test(device)) throw new TypeError('not the name of a device');
  const book = bookOf(addresses);
  const sets = [
    ['inside', 'ip', 'ipv4_addr'],
    ['inside6', 'ip6', 'ipv6_addr'],
  ] as const;
  const rules = [
    'ip daddr @inside accept',
    'ip6 daddr @inside6 accept',
    'meta protocol != { ip, ip6 } accept',
    'meta l4proto { tcp, udp } th dport 53 accept',
    'tcp flags & (syn | ack) != syn accept',
    'icmp type != echo-request accept',
    'icmpv6 type != echo-request accept',
    'counter name outside drop',
  ];
  return nft.textOf([
    `add table ${table}`,
    `add counter ${table} outside`,
    ...sets.flatMap(([name, family, type]) => [
      `add set ${table} ${name} { type ${type}; }`,
      `flush set ${table} ${name}`,
      ...elementsOf(name, all(book, family)),
    ]),
    `add chain ${table} egress { type filter hook egress device "${device}" priority 0; }`,
    `flush chain ${table} egress`,
    ...rules.map((rule) => `add rule ${table} egress ${rule}`),
  ]);
}

/** Fails where the kernel (before 5.16) has no such hook, and leaves nothing behind. */
export function tryEgressHook(device: string): string {
  const trial = `${table}_trial`;
  return nft.textOf([
    `add table ${trial}`,
    `add chain ${trial} egress { type filter hook egress device "${device}" priority 0; }`,
    `delete table ${trial}`,
  ]);
}

function all(book: ReturnType<typeof bookOf>, family: Family): readonly string[] {
  return book.nodes.flatMap((node: NodeName) => book.of(node, family));
}

function elementsOf(set: string, addresses: readonly string[]): readonly string[] {
  return addresses.length === 0 ? [] : [`add element ${table} ${set} { ${addresses.join(', ')} }`];
}
