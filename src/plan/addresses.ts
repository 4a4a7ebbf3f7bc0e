// Virtual IPv4 addresses. A pool is cut into /16s, of which `netgroups` are used; the nodes of a
// group go round them in turn. Each group has a block of its own: block starts are halves, then
// quarters, then eighths of the pool (bit reversal), so that adding a group leaves all others
// where they are, and growing a group moves nobody as long as it fits its block (with `netgroups:
// 1` and two groups 32,512 nodes, with 256 groups 254). A group that outgrows its block takes
// addresses that others leave free, from the top of the pool downwards. Last octets 0 and 255 are
// never used: some software takes them for network and broadcast addresses.

export type Addressing = {
  readonly pool: 'private' | 'public-like';
  readonly netgroups: number;
};

/** First two octets: 10.64.0.0/10 is 64 /16s; of 11.0.0.0/8 as many are used. */
const pools: Readonly<Record<Addressing['pool'], readonly [number, number]>> = {
  private: [10, 64],
  'public-like': [11, 0],
};

const hostsPerOctet = 254;
/** A row is one address in each netgroup. */
const rows = 256 * hostsPerOctet;
const groupsMaximum = 256;

/** How many nodes fit. */
export function capacityOf({ netgroups }: Addressing): number {
  return rows * netgroups;
}

/** Addresses by group (as in the spec), then index; `counts` must fit and be at most 256 groups. */
export function addressesOf(
  counts: readonly number[],
  addressing: Addressing,
): readonly (readonly string[])[] {
  const blocks = blocksOf(counts, addressing.netgroups);
  const free = freeSlots(blocks);
  return blocks
    .toSorted((a, b) => a.group - b.group)
    .map((block) =>
      Array.from({ length: block.count }, (_, index) => {
        if (index < block.size) return addressAt(addressing, block, index);
        const next = free.next();
        if (next.done === true) throw new RangeError('the pool is too small');
        return addressAt(addressing, next.value.block, next.value.slot);
      }),
    );
}

type Block = {
  /** Position in the spec. */
  readonly group: number;
  readonly count: number;
  readonly firstRow: number;
  /** How many addresses it has. */
  readonly size: number;
};

/** In the order of the pool. */
function blocksOf(counts: readonly number[], netgroups: number): Block[] {
  const starts = counts
    .map((count, group) => ({ group, count, firstRow: reversedBits(group) * hostsPerOctet }))
    .toSorted((a, b) => a.firstRow - b.firstRow);
  return starts.map((start, at) => {
    const end = starts[at + 1]?.firstRow ?? rows;
    return { ...start, size: (end - start.firstRow) * netgroups };
  });
}

function* freeSlots(
  blocks: readonly Block[],
): Generator<{ block: Block; slot: number }, undefined> {
  for (const block of blocks.toReversed()) {
    for (let slot = block.size - 1; slot >= block.count; slot -= 1) yield { block, slot };
  }
}

function addressAt({ pool, netgroups }: Addressing, block: Block, slot: number): string {
  const [first, second] = pools[pool];
  const row = block.firstRow + Math.floor(slot / netgroups);
  // Groups begin in different netgroups, so that groups of one node do not all share the first.
  const netgroup = (slot + block.group) % netgroups;
  const third = Math.floor(row / hostsPerOctet);
  return `${first}.${second + netgroup}.${third}.${1 + (row % hostsPerOctet)}`;
}

/** 0, 128, 64, 192, 32, ...: the van der Corput sequence in 256ths. */
function reversedBits(group: number): number {
  if (group >= groupsMaximum) throw new RangeError(`more than ${groupsMaximum} groups`);
  let reversed = 0;
  for (let bit = 1; bit < groupsMaximum; bit *= 2) {
    if ((group & bit) !== 0) reversed += groupsMaximum / 2 / bit;
  }
  return reversed;
}
