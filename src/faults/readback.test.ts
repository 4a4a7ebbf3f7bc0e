import { describe, expect, test } from 'vitest';
import { nodeName } from '../names.ts';
import { compile } from './compile.ts';
import type { PlacedEffect } from './effect.ts';
import {
  classDifferences,
  classesIn,
  countersIn,
  hasSkeleton,
  leavesOf,
  leftovers,
  rootOf,
  tableDifferences,
  unplannedDrops,
} from './readback.ts';
import type { TcClass } from './ruleset.ts';

// As `tc -s -j qdisc show` of iproute2 6.1 prints it, on a kernel with netem.
const printed = JSON.stringify([
  { kind: 'noqueue', handle: '0:', dev: 'lo', root: true, options: {} },
  { kind: 'htb', handle: '5053:', dev: 'v7', root: true, options: { default: '0' }, qlen: 0 },
  {
    kind: 'netem',
    handle: '8005:',
    dev: 'v7',
    parent: '5053:1f',
    options: {
      limit: 100_000,
      delay: { delay: 0.070011, jitter: 0.005, correlation: 0 },
      'loss-gemodel': { p: 0.01, r: 0.3, '1-h': 0.9, '1-k': 0 },
      duplicate: { duplicate: 0.003, correlation: 0 },
      corrupt: { corrupt: 0.01, correlation: 0 },
      ecn: false,
      gap: 0,
    },
    drops: 2,
    qlen: 3,
  },
  { kind: 'pfifo', handle: '8006:', dev: 'v7', parent: '5053:20', options: { limit: 84 } },
  { kind: 'pfifo', handle: '8007:', dev: 'v7', parent: '1:20', options: { limit: 84 } },
]);

const port = nodeName('n', 0);
const delayed: TcClass = {
  port,
  minor: 0x1f,
  shape: {
    delayMs: 70.0123,
    jitterMs: 5,
    burst: { enterRatio: 0.01, leaveRatio: 0.3, lossRatio: 0.9 },
    duplicateRatio: 0.003,
    corruptRatio: 0.01,
  },
};
const rated: TcClass = { port, minor: 0x20, shape: { rateBitsPerSecond: 20e6 } };

describe('leaves that were read back', () => {
  const leaves = leavesOf(printed);
  const differences = (wanted: readonly TcClass[]) => classDifferences(wanted, leaves, () => 'v7');

  test('are ours alone, with what waits in them and what they dropped', () => {
    expect(leaves.map(({ minor, waiting, drops }) => [minor, waiting, drops])).toEqual([
      [0x1f, 3, 2],
      [0x20, 0, 0],
    ]);
  });

  test.each([
    ['delay only', { limit: 100_000, shape: { delayMs: 50 } }, 5],
    ['a rate', { limit: 84, shape: {} }, 0],
    ['burst loss', { limit: 100_000, shape: { burst: never() } }, 0],
  ])('with %s lose what nobody asked for: %o', (_, leaf, lost) => {
    const one = { device: 'v7', minor: 2, waiting: 0, drops: 5, ...leaf };
    expect(unplannedDrops([one])).toBe(lost);
  });

  test('agree with the classes that were asked for', () => {
    const parent: TcClass = { ...rated, minor: 0x30, inner: true };
    expect(differences([delayed, rated, parent])).toEqual([]);
  });

  test.each<readonly [string, TcClass, RegExp]>([
    ['missing', { ...rated, minor: 0x21 }, /5053:21 .* is not there/],
    ['of another delay', { ...delayed, shape: { ...delayed.shape, delayMs: 71 } }, /shape/],
    ['of another jitter', { ...delayed, shape: { ...delayed.shape, jitterMs: 4 } }, /shape/],
    ['of no burst', { ...delayed, shape: { ...delayed.shape, burst: never() } }, /shape/],
    ['of another limit', { ...rated, shape: { rateBitsPerSecond: 10e6 } }, /limit/],
  ])('show one %s', (...[, wanted, problem]) => {
    expect(differences([wanted]).join()).toMatch(problem);
  });
});

function never() {
  return { enterRatio: 0, leaveRatio: 1, lossRatio: 0 };
}

describe('a table that was read back', () => {
  // As nft 1.0.6 lists it: marks in hexadecimal, names of counters in quotes, elements in lines.
  const listing = `table inet peerstorm {
	counter f0_matched {
		packets 7 bytes 700
	}

	set lease {
		typeof meta nfproto
		flags timeout
		elements = { ipv4 timeout 10s expires 9s912ms, ipv6 timeout 10s expires 9s912ms }
	}

	map b1_src {
		type ipv4_addr : mark
	}

	map b1_dst {
		type ipv4_addr : verdict
	}

	map g1_src {
		type ipv4_addr : mark
		elements = { 10.64.0.1 : 0x00000001 }
	}

	map g1_dst {
		type ipv4_addr : verdict
		elements = { 10.64.0.2 : goto g1_d1,
			     10.64.0.3 : goto g1_d1 }
	}

	chain base {
		goto b1
	}

	chain active {
		goto g1
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		jump base
		meta nfproto != @lease counter name "lapsed" accept
		goto active
	}

	chain b1 {
		meta mark set 0x00000000
		meta mark set ip saddr map @b1_src
		ip daddr vmap @b1_dst
	}

	chain g1_o1 {
		counter name "f0_matched" counter name "f0_dropped" drop
	}

	chain g1_d1 {
		meta mark vmap { 0x00000001 : goto g1_o1 }
	}

	chain g1 {
		meta mark set 0x00000000
		meta mark set ip saddr map @g1_src
		ip daddr vmap @g1_dst
	}
}
`;
  const [a, b, c] = [0, 1, 2].map((index) => nodeName('n', index));
  const effects: PlacedEffect[] = [
    {
      fault: 'f',
      from: a === undefined ? [] : [a],
      to: [b, c].flatMap((node) => node ?? []),
      impairment: { kind: 'drop' },
    },
  ];
  const ruleset = compile({
    generation: 1,
    base: [],
    effects,
    addresses: new Map(
      [a, b, c].flatMap((node, at) => (node ? [[node, [`10.64.0.${at + 1}`]]] : [])),
    ),
    minors: new Map(),
    faultIds: new Map([['f', 0]]),
  });

  test('agrees with the ruleset that was loaded', () => {
    expect(tableDifferences(ruleset, listing)).toEqual([]);
  });

  test('agrees where nft knows no names of protocols', () => {
    const refuse = { fault: 'f', impairment: { kind: 'reject' as const } };
    const [one, other] = [nodeName('n', 0), nodeName('n', 1)];
    const rejecting = compile({
      generation: 1,
      base: [],
      effects: [{ ...refuse, from: [one], to: [other] }],
      addresses: new Map([
        [one, ['10.64.0.1']],
        [other, ['10.64.0.2']],
      ]),
      minors: new Map(),
      faultIds: new Map([['f', 0]]),
    });
    const rules = ['meta l4proto tcp reject with tcp reset', 'reject with icmpx admin-prohibited'];
    const listed = (protocol: string) =>
      listing
        .replace(',\n\t\t\t     10.64.0.3 : goto g1_d1', '')
        .replace('"f0_dropped" drop', `"f0_dropped"\n\t\t${rules.join('\n\t\t')}`)
        .replace('l4proto tcp', `l4proto ${protocol}`);
    expect(tableDifferences(rejecting, listed('tcp'))).toEqual([]);
    expect(tableDifferences(rejecting, listed('6'))).toEqual([]);
    const [lacks, has] = ['tcp', '17'].map((one) => `meta l4proto ${one} reject with tcp reset`);
    expect(tableDifferences(rejecting, listed('17'))).toEqual([
      `g1_o1 differs: lacks '${lacks}', has '${has}'`,
    ]);
  });

  test.each([
    [
      'another rule',
      'counter name "f0_dropped" drop',
      'counter name "f0_dropped"',
      "g1_o1 differs: lacks 'counter name f0_matched counter name f0_dropped drop', " +
        "has 'counter name f0_matched counter name f0_dropped'",
    ],
    [
      'another element',
      '10.64.0.3 : goto g1_d1',
      '10.64.0.4 : goto g1_d1',
      "g1_dst differs: lacks '10.64.0.3 : goto g1_d1', has '10.64.0.4 : goto g1_d1'",
    ],
    [
      'another mark',
      '10.64.0.1 : 0x00000001',
      '10.64.0.1 : 0x00000002',
      "g1_src differs: lacks '10.64.0.1 : 1', has '10.64.0.1 : 2'",
    ],
    [
      'another generation',
      'goto g1\n',
      'goto g2\n',
      "active differs: lacks 'goto g1', has 'goto g2'",
    ],
    [
      'no gate',
      '\t\tmeta nfproto != @lease counter name "lapsed" accept\n',
      '',
      "forward differs: lacks 'meta nfproto != @lease counter name lapsed accept'",
    ],
    [
      'a rule that is there twice',
      '\t\tgoto g1\n',
      '\t\tgoto g1\n\t\tgoto g1\n',
      "active differs: has 'goto g1'",
    ],
    ['a chain less', '\tchain g1_d1 {', '\tchain g1_d2 {', 'g1_d1 is not there'],
  ])('shows %s', (...[, from, to, difference]) => {
    expect(listing).toContain(from);
    expect(tableDifferences(ruleset, listing.replace(from, to))).toEqual([difference]);
  });

  test('shows its counters', () => {
    expect([...countersIn(listing)]).toEqual([['f0_matched', { packets: 7, bytes: 700 }]]);
  });

  test('is of this version as long as its hooks are', () => {
    const fabric = { kind: 'fabric' } as const;
    expect(hasSkeleton(listing, fabric)).toBe(true);
    expect(hasSkeleton(listing.replace('goto g1\n', 'goto g7\n'), fabric)).toBe(true);
    expect(hasSkeleton(listing.replace('\t\tjump base\n', ''), fabric)).toBe(false);
    expect(hasSkeleton(listing, { kind: 'pod', node: port })).toBe(false);
  });

  test('shows what another process has left: emptied first, then deleted', () => {
    const { last, remove } = leftovers(listing.replaceAll('b1', 'b12'));
    const lines = remove.trim().split('\n');
    expect(last).toBe(12);
    const names = (verb: string) =>
      new Set(
        lines.filter((line) => line.startsWith(`${verb} `)).map((line) => line.split(' ').at(-1)),
      );
    expect(names('delete')).toEqual(names('flush'));
    expect(names('flush')).toEqual(
      new Set(['b12', 'b12_dst', 'b12_src', 'g1', 'g1_d1', 'g1_dst', 'g1_o1', 'g1_src']),
    );
    const lastFlush = lines.findLastIndex((line) => line.startsWith('flush chain'));
    expect(lines.findIndex((line) => line.startsWith('delete'))).toBeGreaterThan(lastFlush);
  });
});

describe('a root that was read back', () => {
  const root = (handle: string, kind = 'noqueue') =>
    rootOf(JSON.stringify([{ kind, handle, dev: 'eth0', root: true, options: {} }]), 'eth0');

  test.each([
    ['the default of the kernel', '0:', 'fq_codel', 'default'],
    ['ours', '5053:', 'htb', 'ours'],
    ['that of somebody else', '8001:', 'fq_codel', 'fq_codel 8001:'],
  ])('is %s', (...[, handle, kind, expected]) => {
    expect(root(handle, kind)).toBe(expected);
  });

  test('shows our classes, with who has children', () => {
    // As iproute2 6.1 prints them.
    const text = [
      'class htb 5053:20 parent 5053:1f leaf 806e: prio 0 rate 1Mbit ceil 1Mbit burst 1600b ',
      'class htb 5053:1f root rate 1Mbit ceil 1Mbit burst 1600b cburst 1600b ',
      'class htb 1:7 root rate 1Mbit ceil 1Mbit burst 1600b cburst 1600b ',
    ].join('\n');
    expect(classesIn(text, port)).toEqual([
      { port, minor: 0x20, shape: {}, parent: 0x1f },
      { port, minor: 0x1f, shape: {}, inner: true },
    ]);
  });
});
