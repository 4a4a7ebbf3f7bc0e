// Asks nodes, once per sample each or more rarely, spread over half the interval; keeps the newest
// answer of each.
// A node that is slow to answer is asked again only when it has answered: it delays nobody else.
// Duties (what Peerstorm does to a node again and again, such as mining) are done here too.
import type {
  Duty,
  Kind,
  LaunchContext,
  NodeReply,
  NodeRequest,
  PeerReference,
} from '../kinds/kind.ts';
import type { NodeName } from '../names.ts';
import type { Observation } from '../network/observation.ts';
import { exponential, randomOf } from '../random.ts';
import type { Clock } from '../runtime/clock.ts';

export type Observed = { readonly at: number; readonly observation: Observation };

export type Target = { readonly kind: Kind; readonly context: LaunchContext<unknown> };

/** As much of a target as asking it takes. */
export type AskedNode = {
  readonly kind: Pick<Kind, 'observe' | 'read'>;
  readonly context: PeerReference & { readonly config: unknown };
};

export type ObserverDependencies = {
  readonly targets: ReadonlyMap<NodeName, AskedNode>;
  /** What is to be done to each; default: nothing. */
  readonly dutiesOf?: (node: NodeName) => readonly Duty[];
  readonly ask: (node: NodeName, request: NodeRequest, signal: AbortSignal) => Promise<NodeReply>;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly randomSeed: number;
  readonly onObservation: (node: NodeName, observed: Observed, seconds: number) => void;
  readonly onFailure: (node: NodeName, error: unknown) => void;
};

export interface Observer {
  /**
   * The nodes that run now: these are asked from the next tick on, each in one tick of `every`. For
   * answers of those that are awaited something waits: they are asked at once, unless they are
   * being asked.
   */
  follow(nodes: readonly NodeName[], awaited?: readonly NodeName[], every?: number): void;
}

/** What its parts share. `followed` is replaced whole. */
type Observing = ObserverDependencies & {
  readonly signal: AbortSignal;
  followed: ReadonlySet<NodeName>;
  every: number;
  readonly previous: Map<NodeName, Observation>;
  /** Nodes that were asked and have not answered. */
  readonly busy: Set<NodeName>;
  /** What was mined by a duty of that name, for the guard of its schedule. */
  readonly mined: Map<NodeName, NonNullable<Observation['mining']>>;
};

export function startObserver(deps: ObserverDependencies, signal: AbortSignal): Observer {
  const observing: Observing = {
    ...deps,
    signal,
    followed: new Set(),
    every: 1,
    previous: new Map(),
    busy: new Set(),
    mined: new Map(),
  };
  void ask(observing);
  /** Nodes whose duties are done, as long as they are followed. */
  const served = new Set<NodeName>();
  const serve = (node: NodeName) => {
    if (served.has(node) || !deps.targets.has(node)) return;
    served.add(node);
    for (const duty of deps.dutiesOf?.(node) ?? []) void perform(observing, node, duty);
  };
  for (const node of deps.targets.keys()) serve(node);
  return {
    follow: (nodes, awaited = [], every = 1) => {
      observing.followed = new Set(nodes);
      observing.every = every;
      for (const node of nodes) serve(node);
      const { previous } = observing;
      for (const node of previous.keys()) if (!observing.followed.has(node)) previous.delete(node);
      for (const node of awaited) void observe(observing, node);
    },
  };
}

/** Once per interval, each node at its own moment of the interval's first half. */
async function ask(observing: Observing): Promise<void> {
  const { clock, intervalMs, signal } = observing;
  for (let turn = 0; !signal.aborted; turn += 1) {
    const { followed, every } = observing;
    const nodes = [...followed].filter((_, index) => index % every === turn % every);
    const tick = clock.now();
    for (const [index, node] of nodes.entries()) {
      const due = tick + (index / nodes.length) * (intervalMs / 2);
      // Asked for once: between two looks at the clock the moment may pass.
      const left = due - clock.now();
      if (left > 1) await clock.sleep(left, signal);
      void observe(observing, node);
    }
    await clock.sleep(Math.max(1, tick + intervalMs - clock.now()), signal);
  }
}

/**
 * Nothing is counted across nodes: whatever number of them hangs, the others are asked. What is
 * open at once is bounded by the number of nodes, and by how long a request may take.
 */
async function observe(observing: Observing, node: NodeName): Promise<void> {
  const { clock, busy, previous, signal } = observing;
  const target = observing.targets.get(node);
  if (!target || busy.has(node) || !observing.followed.has(node)) return;
  const { kind, context } = target;
  const asked = { config: context.config, node: context, previous: previous.get(node) };
  const requests = kind.observe(context.config, asked);
  if (requests.length === 0) return;
  busy.add(node);
  const at = clock.now();
  try {
    const replies: NodeReply[] = [];
    for (const request of requests) replies.push(await observing.ask(node, request, signal));
    const mining = observing.mined.get(node);
    const observation = { ...kind.read(replies, asked), ...(mining ? { mining } : {}) };
    previous.set(node, observation);
    observing.onObservation(node, { at, observation }, (clock.now() - at) / 1000);
  } catch (error) {
    if (!signal.aborted) observing.onFailure(node, error);
  } finally {
    busy.delete(node);
  }
}

async function perform(observing: Observing, node: NodeName, duty: Duty): Promise<void> {
  const { clock, signal } = observing;
  const random = randomOf(observing.randomSeed, 'duty', node, duty.name);
  // From when the one before was due: neither a slow answer nor a late timer slows it down.
  let due = clock.now();
  while (!signal.aborted) {
    due += exponential(random, duty.meanMs);
    await clock.sleep(Math.max(1, due - clock.now()), signal);
    if (signal.aborted || !observing.followed.has(node)) continue;
    if (duty.name === 'mine') noteMined(observing, node, clock.now() - due);
    await observing.ask(node, duty.request, signal).then(
      (reply) => {
        if (reply.status >= 400) observing.onFailure(node, `${duty.name}: ${reply.body}`);
      },
      (error: unknown) => observing.onFailure(node, error),
    );
  }
}

function noteMined(observing: Observing, node: NodeName, lateMs: number): void {
  const { mined } = observing;
  const { blocks, lateSeconds, intervalSeconds } = mined.get(node) ?? {
    blocks: 0,
    lateSeconds: 0,
    intervalSeconds: 1 / blocksPerSecond(observing),
  };
  const late = lateSeconds + Math.max(0, lateMs) / 1000;
  mined.set(node, { blocks: blocks + 1, lateSeconds: late, intervalSeconds });
}

/** Of all miners together: Poisson processes add up. */
function blocksPerSecond({ targets, dutiesOf }: Observing): number {
  return [...targets.keys()]
    .flatMap((node) => dutiesOf?.(node) ?? [])
    .filter(({ name }) => name === 'mine')
    .reduce((sum, { meanMs }) => sum + 1000 / meanMs, 0);
}
