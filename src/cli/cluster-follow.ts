// Follows one Testnet until the command that made it is done with it: the verdict is there, or it
// never will be. What ends it from this side (a signal, the time limit) is a wish to the
// controller first, so that the run ends with all its evidence; it is not waited for long.
import { messageOf } from '../errors.ts';
import { type Cache, resources } from '../runtime/kubernetes/api.ts';
import { edgesMissing, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { Cluster } from '../session/cluster.ts';
import { endLimitMs, runs, wishStop } from '../session/cluster-down.ts';
import type { StopReason } from '../session/session.ts';
import { conditionOf, isFinished } from '../session/testnet-status.ts';
import { stopWished } from '../session/wishes.ts';
import { onStopSignals } from './front.ts';
import type { Problem } from './report-directory.ts';

export type Stops = {
  /** Asked again and again: why it is to end. */
  readonly reason: () => StopReason | undefined;
  /** Nothing more is waited for. */
  readonly force: AbortSignal;
};

export type Following = {
  readonly cluster: Cluster;
  readonly owner: TestnetObject;
  readonly until: 'verdict' | 'stopped' | 'ready';
  /** It stays, so it is not ended either. */
  readonly keep: boolean;
  readonly stops: Stops;
  readonly note: (text: string) => void;
};

export type Ending =
  | { readonly is: 'ready' }
  /** The spec, by the controller. */
  | { readonly is: 'refused'; readonly message: string }
  /** Without a problem the verdict is in what was written down. */
  | { readonly is: 'over'; readonly problem?: Problem };

const pollMs = 200;
/** Nobody has looked at it. */
const unseenLimitMs = 60_000;
/** A healthy watch hears of the server once a minute at least. */
const silenceLimitMs = 150_000;

export async function followTestnet(following: Following, timeoutMs?: number): Promise<Ending> {
  const { cluster, owner } = following;
  const { api, clock } = cluster;
  const { name, namespace = '' } = owner.metadata;
  const over = new AbortController();
  const scope = { namespace, fieldSelector: `metadata.name=${name}` };
  const testnets = api.follow<TestnetObject>(resources.testnets, scope, over.signal);
  let object = owner;
  testnets.onChange((_, now) => {
    // What is gone is nobody's: it has no uid.
    object = now ?? { ...owner, metadata: { name, namespace } };
  });
  const startedAt = clock.now();
  let wished: Wished | undefined;
  try {
    while (true) {
      const ending = endingOf(following, object, { startedAt, testnets });
      if (ending !== undefined) return ending;
      const reason = reasonOf(following, object, { startedAt, timeoutMs });
      if (reason !== undefined && wished === undefined) {
        wished = { reason, at: clock.now() };
        if (isFinished(object)) return { is: 'over' };
        if (following.keep || !runs(object)) return { is: 'over', problem: reason };
        following.note(`${reason.message}; stopping (again to force)`);
        await wishStop(cluster, object, reason).catch((error: unknown) =>
          following.note(messageOf(error)),
        );
      }
      if (wished !== undefined && isEnough(following, wished)) {
        return { is: 'over', problem: wished.reason };
      }
      await clock.sleep(pollMs, following.stops.force);
    }
  } finally {
    over.abort();
  }
}

type Wished = { readonly reason: StopReason; readonly at: number };

function isEnough({ stops, cluster }: Following, { at }: Wished): boolean {
  return stops.force.aborted || cluster.clock.now() >= at + endLimitMs;
}

function reasonOf(
  { stops, cluster }: Following,
  object: TestnetObject,
  limit: { readonly startedAt: number; readonly timeoutMs: number | undefined },
): StopReason | undefined {
  const { startedAt, timeoutMs } = limit;
  const asked = stops.reason();
  if (asked !== undefined || timeoutMs === undefined) return asked;
  if (cluster.clock.now() < startedAt + timeoutMs) return undefined;
  const reached = `the time limit of ${timeoutMs / 1000} s was reached`;
  const why = object.status?.startedAt === undefined ? conditionOf(object, 'Ready') : undefined;
  const message = why === undefined ? reached : `${reached}: ${why.message}`;
  return { code: 'TIMEOUT', exit: 4, message };
}

type Look = {
  readonly startedAt: number;
  readonly testnets: Pick<Cache<TestnetObject>, 'silentMs'>;
};

/** Undefined as long as it goes on. */
function endingOf(
  { owner, until, cluster }: Following,
  object: TestnetObject,
  { startedAt, testnets }: Look,
): Ending | undefined {
  if (object.metadata.uid !== owner.metadata.uid) return over('DOWN', 'the Testnet was deleted');
  const { status, metadata } = object;
  const stays = until !== 'verdict' && stopWished(object) === undefined;
  if (isFinished(object) && !(stays && status?.startedAt !== undefined)) return { is: 'over' };
  if (metadata.deletionTimestamp !== undefined) {
    return over('DOWN', 'the Testnet was deleted before its end');
  }
  if (until === 'ready' && status?.startedAt !== undefined) return { is: 'ready' };
  const silentMs = testnets.silentMs();
  if (silentMs > silenceLimitMs) {
    const seconds = Math.round(silentMs / 1000);
    return over('API_UNREACHABLE', `${cluster.server} was not heard of for ${seconds} s`);
  }
  if (status === undefined) {
    if (cluster.clock.now() < startedAt + unseenLimitMs) return undefined;
    const seconds = unseenLimitMs / 1000;
    return over('CONTROLLER_SILENT', `no controller has looked at it for ${seconds} s`);
  }
  return status.planHash === undefined ? obstacleIn(object) : brokenRun(object);
}

/** Of one whose run has not begun. */
function obstacleIn(object: TestnetObject): Ending | undefined {
  const accepted = conditionOf(object, 'Accepted');
  // It was there, or comes with the Testnet: the controller looks again.
  if (accepted?.reason === edgesMissing) return undefined;
  if (accepted?.status === 'False') return { is: 'refused', message: accepted.message };
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status !== 'True') return undefined;
  const isMissing = stalled.reason === 'CapabilityMissing';
  return over(isMissing ? 'CAPABILITY_MISSING' : 'START_FAILED', stalled.message);
}

/** What cannot be started ends as a run does; a bug of ours ends nothing. */
function brokenRun(object: TestnetObject): Ending | undefined {
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status !== 'True' || stalled.reason !== 'InternalError') return undefined;
  return over('INTERNAL', stalled.message, 70);
}

function over(code: string, message: string, exit = 3): Ending {
  return { is: 'over', problem: { code, exit, message } };
}

/** SIGINT, SIGTERM, SIGHUP, and the end of the process that started this one; the second forces. */
export function listenForStops(): Stops & Disposable {
  let reason: StopReason | undefined;
  const force = new AbortController();
  const off = onStopSignals({
    stop: (asked) => {
      reason = asked;
    },
    force: () => force.abort(),
  });
  return { reason: () => reason, force: force.signal, [Symbol.dispose]: off };
}
