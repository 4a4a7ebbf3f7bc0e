// One leader at a time, by a Lease. Who wants to lead watches the Lease change on its own
// monotonic clock, and takes it when it has not changed for its whole duration; times written by
// others are never compared with ours. A leader that could not renew for 40 of the 45 seconds has
// lost, whether or not its request is still under way: it is told once, and must exit at once,
// because from then on somebody else may lead (https://github.com/cilium/cilium/issues/42920).
// Assumes clocks whose speeds differ by less than a ninth. The times are three times client-go's:
// while an API server is restarted, the leader stays and goes on observing.
import { messageOf } from '../../errors.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type Api, type KubernetesObject, resources } from './api.ts';
import { hasCode } from './api-errors.ts';

export type Lease = KubernetesObject & {
  readonly kind: 'Lease';
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
};

export type Election = {
  /**
   * One of its own, with timeouts below `renewMs`, so that it never waits behind other requests.
   */
  readonly api: Pick<Api, 'get' | 'create' | 'update'>;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Another one for each process. */
  readonly identity: string;
  /** Called once, when a leader is none any more without having wished so. */
  readonly onLost: (why: string) => void;
  readonly onProblem?: (error: unknown) => void;
  readonly leading?: (leads: boolean) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Default: `leaseTimes`. */
  readonly durations?: {
    readonly leaseMs: number;
    readonly renewMs: number;
    readonly retryMs: number;
  };
};

export interface Leadership {
  /** True once this process leads; false when it was released before. */
  readonly elected: Promise<boolean>;
  leads(): boolean;
  /** Gives the Lease away, if it is ours: the next one need not wait. */
  release(): Promise<void>;
}

const leaseTimes = { leaseMs: 45_000, renewMs: 40_000, retryMs: 2_000 } as const;

export function standForElection(election: Election): Leadership {
  const { durations = leaseTimes } = election;
  const elected = Promise.withResolvers<boolean>();
  const race: Race = {
    ...election,
    ...durations,
    clock: election.clock ?? systemClock,
    random: election.random ?? Math.random,
    stop: new AbortController(),
    won: () => elected.resolve(true),
    leadsUntil: undefined,
    own: undefined,
    seen: undefined,
  };
  election.leading?.(false);
  const running = run(race);
  return {
    elected: elected.promise,
    leads: () => leads(race),
    release: async () => {
      const { own, leadsUntil, clock, stop } = race;
      const led = leadsUntil !== undefined;
      step(race, undefined);
      stop.abort();
      elected.resolve(false);
      if (!led) return;
      // A renewal may be under way; giving away an older version is refused, and harms nobody.
      await Promise.race([running, clock.sleep(race.retryMs)]);
      await giveAway(race, race.own ?? own);
    },
  };
}

type Race = Omit<Election, 'clock' | 'random' | 'durations'> & {
  readonly clock: Clock;
  readonly random: () => number;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly retryMs: number;
  readonly stop: AbortController;
  readonly won: () => void;
  /** While it leads. */
  leadsUntil: number | undefined;
  /** As we wrote it last. */
  own: Lease | undefined;
  /** As it was read last, and since when it is like that. */
  seen: { readonly spec: string; readonly since: number } | undefined;
};

function leads({ leadsUntil, clock }: Race): boolean {
  return leadsUntil !== undefined && clock.now() < leadsUntil;
}

function step(race: Race, leadsUntil: number | undefined): void {
  if ((race.leadsUntil === undefined) !== (leadsUntil === undefined)) {
    race.leading?.(leadsUntil !== undefined);
  }
  race.leadsUntil = leadsUntil;
}

function lose(race: Race, why: string): void {
  if (race.leadsUntil === undefined) return;
  step(race, undefined);
  race.own = undefined;
  race.stop.abort();
  race.onLost(why);
}

async function run(race: Race): Promise<void> {
  const { clock, retryMs, renewMs, stop, random } = race;
  while (!stop.signal.aborted) {
    // Others count from when they see it, which is later.
    const before = clock.now();
    const outcome = await tryOnce(race).catch((error: unknown) => {
      // Others are quicker, now and then.
      if (race.leadsUntil === undefined && hasCode(error, 'API_CONFLICT')) return false;
      race.onProblem?.(error);
      return undefined;
    });
    if (stop.signal.aborted) return;
    const led = race.leadsUntil !== undefined;
    if (led && !leads(race)) return lose(race, `the lease was not renewed for ${renewMs / 1000} s`);
    if (outcome === true && clock.now() < before + renewMs) {
      step(race, before + renewMs);
      if (!led) {
        void guard(race);
        race.won();
      }
    } else if (led && outcome === false) return lose(race, 'the lease has another holder');
    await clock.sleep(led ? retryMs : retryMs * (1 + random() * 0.2), stop.signal);
  }
}

/** Does not wait for requests. */
async function guard(race: Race): Promise<void> {
  const { clock, stop } = race;
  while (race.leadsUntil !== undefined) {
    const left = race.leadsUntil - clock.now();
    if (left <= 0) return lose(race, `the lease was not renewed for ${race.renewMs / 1000} s`);
    await clock.sleep(left, stop.signal);
    if (stop.signal.aborted) return;
  }
}

/** Whether the Lease is ours now; throws when that cannot be told. */
async function tryOnce(race: Race): Promise<boolean> {
  const { api, lease: named, identity, clock } = race;
  if (race.own !== undefined) {
    try {
      return await put(race, race.own);
    } catch (error) {
      if (!hasCode(error, 'API_CONFLICT')) throw error;
      // Somebody touched it: look.
      race.own = undefined;
    }
  }
  const lease = await api.get<Lease>(resources.leases, named);
  if (lease === undefined) return await make(race);
  const spec = JSON.stringify(lease.spec);
  if (race.seen?.spec !== spec) race.seen = { spec, since: clock.now() };
  const { holderIdentity: holder = '', leaseDurationSeconds = race.leaseMs / 1000 } = lease.spec;
  const expired = clock.now() - race.seen.since >= leaseDurationSeconds * 1000;
  if (holder !== identity && holder !== '' && !expired) return false;
  return await put(race, lease);
}

async function make(race: Race): Promise<boolean> {
  const { api, lease: metadata, identity, leaseMs, clock } = race;
  const now = microTime(clock.now());
  race.own = await api.create<Lease>(resources.leases, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: leaseMs / 1000,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    },
  });
  return true;
}

/** Takes or renews that version of it. */
async function put(race: Race, lease: Lease): Promise<boolean> {
  const { api, identity, leaseMs, clock } = race;
  const { holderIdentity, leaseTransitions = 0, acquireTime } = lease.spec;
  const now = microTime(clock.now());
  const ours = holderIdentity === identity;
  race.own = await api.update<Lease>(resources.leases, {
    ...lease,
    spec: {
      ...lease.spec,
      holderIdentity: identity,
      leaseDurationSeconds: leaseMs / 1000,
      acquireTime: ours ? (acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: ours ? leaseTransitions : leaseTransitions + 1,
    },
  });
  return true;
}

async function giveAway({ api, clock, onProblem }: Race, own: Lease | undefined): Promise<void> {
  if (own === undefined) return;
  const now = microTime(clock.now());
  const free = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
  try {
    await api.update<Lease>(resources.leases, { ...own, spec: { ...own.spec, ...free } });
  } catch (error) {
    onProblem?.(new Error(`the lease was not released: ${messageOf(error)}`, { cause: error }));
  }
}

/** meta/v1 MicroTime: exactly six digits, or the server answers 400. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
