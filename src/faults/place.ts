// Where a ruleset is put in force. In a fabric's router every packet between nodes passes one hook,
// which does everything. A pod sees its own packets only: those that come to it are counted,
// dropped and lost as the first thing that happens to them (before connection tracking, so that
// established flows are hit too, and silently); those that it sends get their traffic class as the
// last thing, and are rejected where that was asked. Nothing is ever just dropped in these hooks
// on the way out of a pod: the kernel would tell the sender (EPERM), which no network does.
//
// The class is chosen in postrouting: right before the device's queue as netdev's egress hook, but
// under the same lease in the same table, and in kernels before 5.16 too.
import type { NodeName } from '../names.ts';

export type Place = { readonly kind: 'fabric' } | { readonly kind: 'pod'; readonly node: NodeName };

/** What is done at a hook of what a pair is under. */
export type Duty = 'all' | 'receive' | 'refuse' | 'shape';

export type Hook = {
  readonly duty: Duty;
  /** Its chain, and what is in front of the kernel's hook. */
  readonly chain: string;
  readonly at: string;
  /** Of the names of chains that hang below it. */
  readonly suffix: string;
  /** What passes whatever is in force, as rules. */
  readonly exempt: readonly string[];
};

/** Over it go the answers of our own rejects, too. */
const loopback = { in: 'iif lo accept', out: 'oif lo accept' };

/** Without it a cut would look like a host that is down, and end late. */
const neighbours =
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }' +
  ' accept';

const fabricHooks: readonly Hook[] = [
  { duty: 'all', chain: 'forward', at: 'forward priority 0', suffix: '', exempt: [] },
];

const podHooks: readonly Hook[] = [
  {
    duty: 'receive',
    chain: 'receive',
    at: 'prerouting priority -300',
    suffix: '_in',
    exempt: [loopback.in, neighbours],
  },
  {
    duty: 'refuse',
    chain: 'send',
    at: 'output priority 0',
    suffix: '_out',
    exempt: [loopback.out, neighbours],
  },
  {
    duty: 'shape',
    chain: 'leave',
    at: 'postrouting priority 0',
    suffix: '_post',
    exempt: [loopback.out, neighbours],
  },
];

export function hooksOf({ kind }: Place): readonly Hook[] {
  return kind === 'fabric' ? fabricHooks : podHooks;
}
