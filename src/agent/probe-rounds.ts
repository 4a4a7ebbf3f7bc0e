// Takes part in the rounds of fault probes that the controller asks for: opens sockets in the pods
// of this host that are to send or to receive, sends from the agreed time on, and reports the
// halves that can be known here. An agent that learns of a round too late takes no part, and says
// at once that it knows nothing of it: whoever has asked may ask again.
import { messageOf } from '../errors.ts';
import type { NodeName } from '../names.ts';
import { hashHex } from '../random.ts';
import { systemClock } from '../runtime/clock.ts';
import { type PairHalves, Prober } from '../runtime/fabric/probes.ts';
import type { ProbeHalf, ProbeOrder, TestnetReport } from '../runtime/kubernetes/objects.ts';

export type Round = {
  readonly order: ProbeOrder;
  /** Of the nodes of this host that are under rules, the path of the namespace. */
  readonly netnsOf: (node: NodeName) => string | undefined;
  /** Of all nodes; the first one that their pods have. */
  readonly addressOf: (node: NodeName) => string | undefined;
  readonly longestDelayMs: number;
};

export interface ProbeRounds extends AsyncDisposable {
  /** Begins the round if it is a new one. */
  follow(round: Round): void;
  /** Of the newest round that is over; for half a minute, since it may be large. */
  result(): TestnetReport['probe'];
  /** The namespace goes. */
  forget(netns: string): void;
}

const tooLateMs = 1_000;
const keptMs = 30_000;
/** In the report; etcd takes objects of at most 1.5 MiB. */
const mostDelays = 10_000;

export type ProbeRoundsOptions = {
  /** UID of the testnet: its packets are not another's. */
  readonly testnet: string;
  /** Reads the counters of these, which are judged together with the probes. */
  readonly refresh: (nodes: ReadonlySet<NodeName>) => Promise<void>;
  /** Why a round has said less than it was to. */
  readonly onFailure: (message: string) => void;
  /** There is something to report. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
};

export function createProbeRounds(options: ProbeRoundsOptions): ProbeRounds {
  const { testnet, refresh, onChange, onFailure, signal } = options;
  const prober = new Prober();
  const key = Buffer.from(hashHex('probe', testnet).slice(0, 16), 'hex');
  let begun = -1;
  let done:
    | { readonly probe: NonNullable<TestnetReport['probe']>; readonly at: number }
    | undefined;
  const run = async ({ order, netnsOf, addressOf, longestDelayMs }: Round): Promise<void> => {
    const pairs = order.pairs.map(([from, to, count]) => ({ from, to, count }));
    const late = systemClock.now() > order.start + tooLateMs;
    let halves: readonly PairHalves[] = [];
    if (late) onFailure(`probe ${order.id} was learnt of too late`);
    try {
      if (!late) {
        const placeOf = (node: NodeName) => {
          const [netns, address] = [netnsOf(node), addressOf(node)];
          return netns === undefined || address === undefined ? undefined : { netns, address };
        };
        const round = { placeOf, addressOf, longestDelayMs, key, round: order.id, signal };
        halves = await prober.takePart(pairs, { ...round, start: order.start });
      }
    } catch (error) {
      onFailure(`probe ${order.id}: ${messageOf(error)}`);
    }
    const results = halves.flatMap(halvesOf);
    await refresh(new Set(results.flatMap(({ from, to }) => [from, to])));
    done = { probe: { id: order.id, results }, at: systemClock.now() };
    onChange();
  };
  return {
    follow: (round) => {
      if (round.order.id <= begun) return;
      begun = round.order.id;
      // Of a round that nobody waits for any more nothing is said.
      if (systemClock.now() < round.order.start + keptMs) void run(round);
    },
    result: () => (done && systemClock.now() - done.at < keptMs ? done.probe : undefined),
    forget: (netns) => prober.forget(netns),
    [Symbol.asyncDispose]: () => prober[Symbol.asyncDispose](),
  };
}

/** What can be known of a pair where its sender, its receiver, or both are. */
function halvesOf({ result, sends, receives }: PairHalves): readonly ProbeHalf[] {
  const { from, to, sent, sentAt, received, reordered, delaysMs } = result;
  return [
    ...(sends ? [{ half: 'sent' as const, from, to, sent, sentAt }] : []),
    ...(receives
      ? [
          {
            half: 'received' as const,
            from,
            to,
            received,
            ...(reordered === undefined ? {} : { reordered }),
            delaysMs: delaysMs.slice(0, mostDelays).map((each) => Math.round(each * 100) / 100),
          },
        ]
      : []),
  ];
}
