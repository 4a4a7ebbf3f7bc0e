// A simulated participant: keeps peers as the reference node does (dials, pings, drops the silent)
// and follows the longest chain. It answers the reference kind's requests in its format.
import type { NodeReply, NodeRequest } from '../../kinds/kind.ts';
import type { NodeName } from '../../names.ts';
import { exponential, hashHex } from '../../random.ts';
import type { Role } from '../../spec/schema.ts';
import type { Links } from './links.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type Block = { readonly hash: string; readonly height: number; readonly parent?: Block };

/** What all simulated nodes share. */
export type Surroundings = {
  readonly clock: VirtualClock;
  readonly links: Links;
  readonly random: () => number;
  readonly nodes: ReadonlyMap<NodeName, SimulatedNode>;
  readonly genesis: Block;
};

export type NodeSettings = {
  readonly name: NodeName;
  readonly address: string;
  readonly role: Role;
  readonly candidates: readonly NodeName[];
  readonly outboundPeers: number;
  /** Mean time between this node's own blocks; absent: it mines nothing. */
  readonly blockMs?: number;
};

type Connection = { readonly direction: 'inbound' | 'outbound'; misses: number };

const dialEveryMs = 1_000;
const pingEveryMs = 5_000;
const missesAllowed = 3;
const startMs = 300;
/** As many as the reference node tells of. */
const toldMax = 64;

export class SimulatedNode {
  readonly address: string;
  readonly #settings: NodeSettings;
  readonly #around: Surroundings;
  readonly #peers = new Map<NodeName, Connection>();
  readonly #depths: number[] = [];
  #tip: Block;
  #phase: 'absent' | 'running' | 'paused' | 'exited' = 'absent';
  /** What a former life has set up does nothing in the next one. */
  #life = 0;
  #startedAt = 0;

  constructor(settings: NodeSettings, around: Surroundings) {
    this.address = settings.address;
    this.#settings = settings;
    this.#around = around;
    this.#tip = around.genesis;
  }

  start(): void {
    const { blockMs } = this.#settings;
    this.#life += 1;
    this.#phase = 'running';
    this.#startedAt = this.#around.clock.now();
    this.#every(dialEveryMs, () => this.#dial(), startMs);
    this.#every(pingEveryMs, () => this.#ping());
    if (blockMs !== undefined) this.#mine(blockMs);
  }

  /** Its chain is kept, as on a disk. */
  exit(): void {
    this.#life += 1;
    this.#phase = 'exited';
    this.#peers.clear();
  }

  pause(): void {
    this.#phase = 'paused';
  }

  resume(): void {
    this.#phase = 'running';
  }

  answer(request: NodeRequest): NodeReply | undefined {
    const isUp = this.#phase === 'running';
    if (!isUp || this.#around.clock.now() < this.#startedAt + startMs) return undefined;
    if (request.type === 'tcp') return { status: 200, body: '' };
    return { status: 200, body: JSON.stringify(this.#observation()) };
  }

  #observation() {
    const { nodes } = this.#around;
    return {
      name: this.#settings.name,
      peers: [...this.#peers].map(([peer, { direction }]) => ({
        address: nodes.get(peer)?.address ?? '',
        direction,
      })),
      height: this.#tip.height,
      tip: this.#tip.hash,
      ancestors: ancestorsOf(this.#tip, toldMax),
      reorgs: { count: this.#depths.length, depths: this.#depths.slice(-toldMax) },
      cursor: 0,
      propagationSeconds: [],
      metrics: {},
    };
  }

  /** Sends; on arrival the other hears it if it is there to do so. */
  #tell(to: NodeName, hear: (other: SimulatedNode) => void): void {
    const { links, nodes } = this.#around;
    const broken = () => void this.#peers.delete(to);
    const arrive = () => {
      const other = nodes.get(to);
      // What a stopped process has not read is not answered.
      if (other === undefined || other.#phase === 'paused') return;
      if (other.#phase === 'running') hear(other);
      else broken();
    };
    links.send({ from: this.#settings.name, to, arrive, broken });
  }

  #dial(): void {
    const { candidates, outboundPeers, name } = this.#settings;
    const outbound = [...this.#peers.values()].filter(({ direction }) => direction === 'outbound');
    const free = candidates.filter((candidate) => !this.#peers.has(candidate));
    for (const candidate of free.slice(0, Math.max(0, outboundPeers - outbound.length))) {
      this.#tell(candidate, (other) => {
        other.#meet(name, 'inbound');
        other.#tell(name, (it) => it.#meet(other.#settings.name, 'outbound'));
      });
    }
  }

  #meet(peer: NodeName, direction: Connection['direction']): void {
    if (!this.#peers.has(peer)) this.#peers.set(peer, { direction, misses: 0 });
    this.#announce([peer]);
  }

  #ping(): void {
    const { name } = this.#settings;
    for (const [peer, connection] of this.#peers) {
      if (connection.misses >= missesAllowed) this.#peers.delete(peer);
      connection.misses += 1;
      this.#tell(peer, (other) => {
        if (!other.#peers.has(name)) return;
        other.#tell(name, (it) => it.#hearPong(peer));
      });
    }
  }

  #hearPong(from: NodeName): void {
    const connection = this.#peers.get(from);
    if (connection) connection.misses = 0;
  }

  #mine(mean: number): void {
    const { clock, random } = this.#around;
    const life = this.#life;
    clock.at(clock.now() + exponential(random, mean), () => {
      if (this.#life !== life) return;
      const height = this.#tip.height + 1;
      if (this.#phase === 'running') {
        const hash = hashHex(this.#settings.name, height, clock.now());
        this.#adopt({ hash, height, parent: this.#tip });
      }
      this.#mine(mean);
    });
  }

  /** The longest chain wins; of two as long, the one that came first. */
  #adopt(block: Block, from?: NodeName): void {
    if (block.height <= this.#tip.height) return;
    const depth = forkDepth(this.#tip, block);
    if (depth > 0) this.#depths.push(depth);
    this.#tip = block;
    this.#announce([...this.#peers.keys()].filter((peer) => peer !== from));
  }

  /** An adversary relays nothing. */
  #announce(peers: readonly NodeName[]): void {
    const { name, role } = this.#settings;
    if (role === 'adversary') return;
    const head = this.#tip;
    for (const peer of peers) {
      this.#tell(peer, (other) => {
        if (other.#peers.has(name)) other.#adopt(head, name);
      });
    }
  }

  #every(ms: number, act: () => void, first = ms): void {
    const { clock } = this.#around;
    const life = this.#life;
    const turn = () => {
      if (this.#life !== life) return;
      if (this.#phase === 'running') act();
      clock.at(clock.now() + ms, turn);
    };
    clock.at(clock.now() + first, turn);
  }
}

function ancestorsOf(tip: Block, count: number): string[] {
  const hashes: string[] = [];
  for (let block: Block | undefined = tip; block && hashes.length < count; block = block.parent) {
    hashes.push(block.hash);
  }
  return hashes;
}

/** How many blocks of the old chain are not in the new one. */
function forkDepth(old: Block, next: Block): number {
  let [a, b]: [Block | undefined, Block | undefined] = [old, next];
  let depth = 0;
  while (a && b && a !== b) {
    if (a.height >= b.height) {
      a = a.parent;
      depth += 1;
    } else b = b.parent;
  }
  return depth;
}
