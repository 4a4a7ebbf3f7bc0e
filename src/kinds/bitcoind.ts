// The kind `bitcoind`: real Bitcoin nodes (Core, Knots, any that keeps their options and RPC) on
// regtest. Nodes listen on their own address only, with an RPC password of their own. Mining needs
// no wallet and no miner node: Peerstorm asks each node of a mining group for a block at times of
// its own. A node is asked everything in one JSON-RPC batch a sample. Reorgs are read off the list
// of chain tips: a branch that is `valid-fork` was the active chain once.
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { fail } from '../errors.ts';
import { groupOfNode } from '../names.ts';
import type { Observation, ObservedPeer } from '../network/observation.ts';
import { grammars, quantity } from '../quantities/quantities.ts';
import { hashHex } from '../random.ts';
import { addressIn } from './address.ts';
import type { Kind, LaunchContext, NodeReply, NodeRequest, PeerReference } from './kind.ts';

const p2pPort = 18_444;
const rpcPort = 18_443;
const rpcUser = 'peerstorm';

/** Options that the launch itself decides; set by hand they would break the testnet. */
const ownOptions = new Set(
  `chain conf daemon datadir includeconf listen port bind regtest signet testnet testnet4 rpcallowip
  rpcauth rpcbind rpcpassword rpcport rpcuser server whitebind`.split(/\s+/),
);

const line = z
  .string()
  .max(1000)
  .regex(/^[^\r\n]*$/, 'one line');
const value = z.union([line, z.number(), z.boolean()]);

const config = z
  .strictObject({
    binary: z
      .string()
      .min(1)
      .max(4096)
      .default('bitcoind')
      .describe('The program: a path, or a name on PATH.'),
    join: z
      .enum(['connect', 'addnode', 'seednode'])
      .default('connect')
      .describe(
        'How seeds and dials are handed over. connect: these peers and no others, so that the ' +
          'topology is what the spec says; whoever refuses is tried again after seconds. addnode: ' +
          'these, at most 8 at a time, and whoever else is found; whoever refuses is tried again ' +
          'after a minute. seednode: ask the seeds for addresses and leave them (slow while few ' +
          'nodes are known); dials as with addnode.',
      ),
    mine: z
      .strictObject({
        interval: z
          .string()
          .regex(grammars.duration.pattern, `a duration such as ${grammars.duration.examples}`)
          .describe('Mean time between blocks of the whole group.'),
      })
      .optional()
      .describe(
        'The nodes of this group mine: each at exponential times of its own, so that both sides ' +
          'of a split go on.',
      ),
    options: z
      .record(
        z.string().regex(/^[a-z][a-z0-9]{0,63}$/, 'an option without its dash, such as maxmempool'),
        z.union([value, z.array(value).max(1000)]),
      )
      .default({})
      .describe('More lines of bitcoin.conf; a list stands for several lines of one option.'),
  })
  .describe('Real bitcoind nodes on regtest.');

export type BitcoindConfig = z.output<typeof config>;

export const bitcoind: Kind<BitcoindConfig> = {
  name: 'bitcoind',
  protocol: () => 'bitcoin',
  roles: ['full', 'miner'],
  config,
  // It neither gossips nor spreads over private addresses, and takes a /16 for one operator.
  needsRoutable: true,
  needsPassword: true,
  check: ({ options }) =>
    Object.keys(options)
      .filter((option) => ownOptions.has(option))
      .map((option) => ({
        path: ['options', option],
        message: `${option} is set by Peerstorm, it cannot be given`,
      })),
  programs: (config) => [config.binary],
  launch: (context) => ({
    argv: [context.config.binary, `-datadir=${context.dataDirectory}`, ...ownOptionsGiven(context)],
    env: {},
    files: { 'bitcoin.conf': configFile(context) },
    // It flushes its block index at the end; killed, it would replay or lose blocks.
    stop: { signal: 'SIGTERM', graceSeconds: 20 },
  }),
  // Answers with an error while it starts, and only then listens for peers.
  ready: (_config, context) => ({
    type: 'request',
    request: rpc(context, { method: 'getblockcount', params: [] }),
  }),
  duties: (context) => {
    const { mine } = context.config;
    if (mine === undefined) return [];
    const miners = context.nodes.filter(({ name }) => groupOfNode(name) === context.group).length;
    return [
      {
        name: 'mine',
        meanMs: quantity('duration', mine.interval) * miners,
        // An output of its own: two nodes that mine in the same second on the same block would
        // otherwise find the very same one. The first 20 bytes name a P2WPKH key that nobody has.
        request: rpc(context, {
          method: 'generatetodescriptor',
          params: [1, `raw(0014${context.identity.slice(0, 40)})`],
        }),
      },
    ];
  },
  observe: (_config, { node, previous }) => {
    const height = previous?.height ?? 0;
    const first = Math.max(0, height - ancestorsBelow);
    const heights = Array.from({ length: height + heightsAbove - first }, (_, i) => first + i);
    return [
      rpc(node, [
        { id: 'getpeerinfo', method: 'getpeerinfo', params: [] },
        { id: 'getmempoolinfo', method: 'getmempoolinfo', params: [] },
        { id: 'getnettotals', method: 'getnettotals', params: [] },
        { id: 'listbanned', method: 'listbanned', params: [] },
        // The chain around the last known tip, hash by hash: there is no call that lists it.
        ...heights.map((at) => ({ id: at, method: 'getblockhash', params: [at] })),
        { id: 'getchaintips', method: 'getchaintips', params: [] },
        { id: 'getblockchaininfo', method: 'getblockchaininfo', params: [] },
      ]),
    ];
  },
  read: ([reply], { previous }) => readBatch(reply, previous),
  metrics: {
    bitcoind_headers: { type: 'gauge', help: 'Height of the best known header.' },
    bitcoind_initial_block_download: { type: 'gauge', help: '1 while it catches up, else 0.' },
    bitcoind_chain_tips: { type: 'gauge', help: 'Ends of branches that it knows.' },
    bitcoind_size_on_disk_bytes: { type: 'gauge', help: 'Size of the blocks on disk.' },
    bitcoind_mempool_transactions: { type: 'gauge', help: 'Transactions that wait for a block.' },
    bitcoind_mempool_bytes: { type: 'gauge', help: 'Virtual size of the waiting transactions.' },
    bitcoind_received_bytes_total: { type: 'counter', help: 'Bytes received from peers.' },
    bitcoind_sent_bytes_total: { type: 'counter', help: 'Bytes sent to peers.' },
    bitcoind_bans: { type: 'gauge', help: 'Addresses and networks that it has banned.' },
  },
};

/** So many ancestors are known below the last tip, and so many blocks a sample may add. */
const ancestorsBelow = 24;
const heightsAbove = 12;

function configFile(context: LaunchContext<BitcoindConfig>): string {
  const { config, dials, seeds } = context;
  const at = (peers: readonly PeerReference[]) => [
    ...new Set(peers.map((peer) => `${peer.address}:${p2pPort}`)),
  ];
  const { join } = config;
  const peers =
    join === 'seednode'
      ? { seednode: at(seeds), addnode: at(dials) }
      : { [join]: at([...dials, ...seeds]) };
  const options: Record<string, z.output<typeof value> | z.output<typeof value>[]> = {
    server: 1,
    listen: 1,
    ...(context.ownAddress === undefined ? listening(context.address) : {}),
    port: p2pPort,
    rpcport: rpcPort,
    rpcallowip: '0.0.0.0/0',
    rpcauth: `${rpcUser}:${hashedPassword(context)}`,
    rpcthreads: 2,
    // A closed network: no look-ups, no guesses about the outside.
    dnsseed: 0,
    fixedseeds: 0,
    discover: 0,
    listenonion: 0,
    // The first block of regtest is of 2011; a node that thinks it is far behind relays nothing.
    maxtipage: 100 * 365 * 24 * 3600,
    // Blocks come from Peerstorm, coins go nowhere.
    disablewallet: 1,
    fallbackfee: 0.0001,
    // Small: many of these share a machine.
    dbcache: 4,
    maxmempool: 5,
    par: 1,
    fastprune: 1,
    nodebuglogfile: 1,
    printtoconsole: 1,
    ...config.options,
    ...Object.fromEntries(
      Object.entries(peers).map(([option, ours]) => [
        option,
        [...ours, ...[config.options[option] ?? []].flat()],
      ]),
    ),
  };
  const lines = Object.entries(options).flatMap(([option, values]) =>
    [values].flat().map((one) => `${option}=${typeof one === 'boolean' ? Number(one) : one}`),
  );
  return ['regtest=1', '[regtest]', ...lines, ''].join('\n');
}

function listening(address: string) {
  return { bind: `${address}:${p2pPort}`, rpcbind: address, externalip: address };
}

/** An address that is known at the start only cannot be in the file. */
function ownOptionsGiven({ ownAddress }: LaunchContext<BitcoindConfig>): readonly string[] {
  if (ownAddress === undefined) return [];
  return Object.entries(listening(ownAddress)).map(([option, value]) => `-${option}=${value}`);
}

function password({ identity, secret = identity }: PeerReference): string {
  return hashHex('bitcoind rpc password', secret);
}

/**
 * What `rpcauth` wants: salt$HMAC-SHA256(salt, password) in hex (share/rpcauth of Bitcoin Core).
 */
function hashedPassword(node: PeerReference): string {
  const salt = hashHex('bitcoind rpc salt', node.secret ?? node.identity).slice(0, 32);
  const digest = hmac(sha256, utf8ToBytes(salt), utf8ToBytes(password(node)));
  return `${salt}$${bytesToHex(digest)}`;
}

type Call = {
  readonly id?: string | number;
  readonly method: string;
  readonly params: readonly unknown[];
};

function rpc(node: PeerReference, body: Call | readonly Call[]): NodeRequest {
  return {
    type: 'http',
    port: rpcPort,
    path: '/',
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${rpcUser}:${password(node)}`)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  };
}

const answer = z.object({
  id: z.union([z.string(), z.number()]),
  result: z.unknown(),
  error: z.unknown(),
});
const answers = {
  getpeerinfo: z.array(
    z.object({ addr: z.string(), inbound: z.boolean(), version: z.number().default(1) }),
  ),
  getmempoolinfo: z.object({ size: z.number(), bytes: z.number() }),
  getnettotals: z.object({ totalbytesrecv: z.number(), totalbytessent: z.number() }),
  listbanned: z.array(z.unknown()),
  getblockchaininfo: z.object({
    blocks: z.number(),
    headers: z.number(),
    bestblockhash: z.string(),
    initialblockdownload: z.boolean(),
    size_on_disk: z.number(),
  }),
  getchaintips: z.array(z.object({ hash: z.string(), branchlen: z.number(), status: z.string() })),
};

function readBatch(reply: NodeReply | undefined, previous: Observation | undefined): Observation {
  if (reply?.status !== 200) {
    throw fail('NODE_UNREADABLE', `bitcoind answered with HTTP status ${reply?.status}`);
  }
  const results = new Map(
    z
      .array(answer)
      .parse(JSON.parse(reply.body))
      .map(({ id, result, error }) => [id, { result, error }]),
  );
  const read = <T>(method: keyof typeof answers, schema: z.ZodType<T>): T => {
    const { result, error } = results.get(method) ?? {};
    if (error) throw fail('NODE_UNREADABLE', `${method}: ${JSON.stringify(error)}`);
    return schema.parse(result);
  };
  const chain = read('getblockchaininfo', answers.getblockchaininfo);
  const tips = read('getchaintips', answers.getchaintips);
  const mempool = read('getmempoolinfo', answers.getmempoolinfo);
  const traffic = read('getnettotals', answers.getnettotals);
  const hashAt = (height: number): unknown => results.get(height)?.result;
  return {
    peers: peersOf(read('getpeerinfo', answers.getpeerinfo)),
    height: chain.blocks,
    tip: chain.bestblockhash,
    ancestors: ancestorsOf(chain.blocks, chain.bestblockhash, hashAt),
    ...reorgsOf(tips, previous),
    metrics: {
      bitcoind_headers: chain.headers,
      bitcoind_initial_block_download: Number(chain.initialblockdownload),
      bitcoind_chain_tips: tips.length,
      bitcoind_size_on_disk_bytes: chain.size_on_disk,
      bitcoind_mempool_transactions: mempool.size,
      bitcoind_mempool_bytes: mempool.bytes,
      bitcoind_received_bytes_total: traffic.totalbytesrecv,
      bitcoind_sent_bytes_total: traffic.totalbytessent,
      bitcoind_bans: read('listbanned', answers.listbanned).length,
    },
  };
}

function peersOf(peers: z.output<typeof answers.getpeerinfo>): readonly ObservedPeer[] {
  return peers.flatMap(({ addr, inbound, version }) => {
    const address = addressIn(addr);
    // Version 0: connected, but nobody has said hello yet (a probe, or a peer that is cut off).
    if (address === undefined || version === 0) return [];
    return [{ address, direction: inbound ? ('inbound' as const) : ('outbound' as const) }];
  });
}

function ancestorsOf(
  height: number,
  tip: string,
  hashAt: (height: number) => unknown,
): readonly string[] {
  // The calls of a batch are answered one after the other: a reorg may fall between them.
  const seen = hashAt(height);
  if (typeof seen === 'string' && seen !== tip) return [];
  return Array.from({ length: ancestorsBelow + heightsAbove }, (_, below) => height - 1 - below)
    .map(hashAt)
    .filter((hash) => typeof hash === 'string');
}

function reorgsOf(
  tips: z.output<typeof answers.getchaintips>,
  previous: Observation | undefined,
): Pick<Observation, 'reorgs' | 'abandoned'> {
  const forks = tips.filter(({ status }) => status === 'valid-fork');
  const abandoned = forks.map(({ hash }) => hash);
  // At the first look nobody can say when they were abandoned.
  const known = new Set(previous?.abandoned ?? abandoned);
  const depths = forks.filter(({ hash }) => !known.has(hash)).map(({ branchlen }) => branchlen);
  const { reorgs } = previous ?? {};
  return {
    abandoned,
    reorgs: {
      count: (reorgs?.count ?? 0) + depths.length,
      depths: [...(reorgs?.depths ?? []), ...depths].slice(-64),
    },
  };
}
