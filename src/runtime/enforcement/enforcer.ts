// Keeps the faults of a schedule in force at their times, in the kernel of one network namespace:
// the router of a fabric, or a pod. It holds the whole schedule with absolute times and wakes for
// each start and end; whatever is in force changes in one transaction, whose return is the time of
// enforcement. It renews the lease, compares what the kernel holds with what was asked, makes anew
// what somebody has meddled with, and records every failure: a change that fails leaves the state
// before it in force and is tried again soon.
//
// Guarantees: one change at a time; traffic classes are there before rules refer to them; a fault
// whose time is over is gone at most a second later, with or without this process.
import { hostname } from 'node:os';
import { fail, messageOf } from '../../errors.ts';
import { compile } from '../../faults/compile.ts';
import type { ScheduledEffect } from '../../faults/effect.ts';
import { type Count, countersIn } from '../../faults/readback.ts';
import { type Ruleset, tableName } from '../../faults/ruleset.ts';
import { shapesFrom } from '../../faults/shaping.ts';
import { systemClock } from '../clock.ts';
import { createQueue, type Queue } from '../fabric/kernel-commands.ts';
import type { Enforcement, Schedule } from '../runtime.ts';
import { type Found, lookAround, nothingFound } from './found.ts';
import { confirmed, countersOf, later, loadRuleset, nft, readCounters } from './kernel-state.ts';
import { type Lease, leaseOf } from './lease.ts';
import type { EnforcementPoint } from './point.ts';
import { TrafficClasses } from './traffic-classes.ts';

type InForce = {
  readonly schedule: Schedule;
  readonly effects: readonly ScheduledEffect[];
  readonly revision: number;
  readonly ruleset: Ruleset;
};

const thisHost = hostname();
const retryMs = 1_000;
const leaseSlackMs = 100;
const listTable = `list table inet ${tableName}\n`;

export class Enforcer implements AsyncDisposable {
  readonly #point: EnforcementPoint;
  readonly #classes: TrafficClasses;
  readonly #lease: Lease;
  readonly #queue: Queue = createQueue();
  readonly #listeners: (() => void)[] = [];
  readonly #ownIds = new Map<string, number>();
  readonly #times = new Map<string, Enforcement['faults'][string]>();
  #timer: NodeJS.Timeout | undefined;
  #schedule: Schedule;
  /** Raised with each change of addresses. */
  #revision = 0;
  #found: Found | undefined;
  #inForce: InForce | undefined;
  /** What is to follow on that, unless something else comes before. */
  #prepared: Pick<InForce, 'effects' | 'ruleset'> | undefined;
  #appliedAt = systemClock.now();
  #generation: number;
  #counters: ReadonlyMap<string, Count> = new Map();
  #countedAt = 0;
  /** What the kernel holds that is not ours. */
  #drift: string | undefined;
  /** The same, also when it is mended: until the next schedule a fault may have been without. */
  #saidDrift: string | undefined;
  #mendedAt = -Infinity;
  #queueDrops = 0;
  #problem: string | undefined;
  #ended = false;

  /** Touches nothing until the first schedule or change of nodes. */
  constructor(point: EnforcementPoint, leaseSeconds: number, found = nothingFound(point.place)) {
    this.#point = point;
    this.#schedule = { generation: 0, leaseSeconds, base: [], effects: [] };
    this.#found = found;
    this.#generation = found.generation;
    this.#lease = leaseOf(point.place);
    this.#classes = new TrafficClasses(point.tool, point.deviceOf);
    this.#classes.inherit(found.classes);
  }

  /** Resolves when what is due of it is in force; the rest comes at its time. */
  async enforce(schedule: Schedule, addressesChanged = false): Promise<void> {
    this.#schedule = schedule;
    this.#prepared = undefined;
    if (addressesChanged) this.#revision += 1;
    await this.#queue(() => this.#wake());
  }

  /** Resolves when nodes with new addresses are under what is in force. */
  async nodesChanged(): Promise<void> {
    this.#prepared = undefined;
    this.#revision += 1;
    await this.#queue(() => this.#wake());
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The longest that a packet may still be on its way. */
  longestDelayMs(): number {
    return this.#classes.longestDelayMs();
  }

  /** What is known; counters of faults in force are at most a second old at the next call. */
  enforcement(): Enforcement {
    const isCounting = !this.#ended && (this.#inForce?.effects.length ?? 0) > 0;
    if (isCounting && systemClock.now() - this.#countedAt > (this.#point.counterAgeMs ?? 1_000)) {
      this.#countedAt = systemClock.now();
      this.#queue(() => this.#count()).catch((error: unknown) => this.#record(error));
    }
    return {
      host: thisHost,
      generation: this.#inForce?.schedule.generation ?? 0,
      appliedAt: this.#appliedAt,
      faults: Object.fromEntries(this.#times),
      counters: Object.fromEntries(
        [...this.#faultIds()].map(([name, id]) => [name, countersOf(this.#counters, id)]),
      ),
      lapsedPackets: this.#counters.get('lapsed')?.packets ?? 0,
      queueDrops: this.#queueDrops,
      ...(this.#saidDrift === undefined ? {} : { drift: this.#saidDrift }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  /** Reads counters and drift now. */
  async refresh(): Promise<void> {
    await this.#queue(async () => {
      await this.#inspect();
      if (this.#drift !== undefined) this.#arm();
    });
    this.#notify();
  }

  /** Heals everything in one transaction: the table goes, and with it all that it did. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end(async () => {
      await this.#count();
      this.#ended = true;
      const began = systemClock.now();
      const table = `table inet ${tableName}\n`;
      await nft(this.#point.tool, `add ${table}delete ${table}`);
      this.#noteTimes([], began);
      this.#notify();
    });
  }

  /** Leaves everything as it is, for as long as the lease lasts. */
  async leave(): Promise<void> {
    await this.#end(async () => {
      this.#ended = true;
      const { effects } = this.#inForce ?? {};
      const input = effects === undefined ? '' : this.#lease.renewal(this.#leased(effects)).text;
      // Where there is nothing any more, nothing is left.
      if (input !== '') await this.#point.tool('nft', ['-f', '-'], { input });
    });
  }

  async #end(task: () => Promise<void>): Promise<void> {
    await this.#queue(async () => {
      if (this.#ended) return;
      clearTimeout(this.#timer);
      await task();
      this.#point.ahead?.stop();
    });
  }

  async #wake(): Promise<void> {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    const failures: unknown[] = [];
    const step = (task: () => Promise<void>) => task().catch((error) => failures.push(error));
    const due = this.#due();
    if (this.#differs(due) || this.#drift !== undefined) await step(() => this.#change(due));
    // A pod's may be refused because somebody has meddled with what is there.
    if (failures.length > 0 && this.#point.place.kind === 'pod') await step(() => this.#inspect());
    // Also after a failure: what is in force must not lapse because something new can't be.
    if (systemClock.now() >= this.#lease.renewAt()) await step(() => this.#heartbeat());
    await step(() => this.#classes.sweep(systemClock.now()));
    const [failure] = failures;
    if (failure !== undefined) this.#lease.lost();
    this.#problem = failure === undefined ? undefined : messageOf(failure);
    this.#arm();
    this.#notify();
    if (failure !== undefined) throw failure;
  }

  #due(now = systemClock.now()): readonly ScheduledEffect[] {
    return this.#schedule.effects.filter(({ start, end = Infinity }) => start <= now && now < end);
  }

  #differs(effects: readonly ScheduledEffect[]): boolean {
    const { schedule, revision, effects: before } = this.#inForce ?? {};
    return schedule !== this.#schedule || revision !== this.#revision || !isSame(effects, before);
  }

  async #change(effects: readonly ScheduledEffect[]): Promise<void> {
    const [schedule, revision] = [this.#schedule, this.#revision];
    const { place, deviceOf } = this.#point;
    // Somebody has meddled with it: nothing is taken for granted.
    if (this.#drift !== undefined) {
      this.#mendedAt = systemClock.now();
      this.#found = await lookAround(this.#point);
    }
    const ruleset = this.#takePrepared(effects) ?? this.#compile(schedule, effects);
    // Ahead of the first fault that needs it: it costs packets of that moment.
    if (
      place.kind === 'pod' &&
      [...schedule.base, ...schedule.effects].some(shapesFrom(place.node))
    ) {
      await this.#classes.installRoot(deviceOf(place.node));
    }
    await this.#classes.add(ruleset.classes);
    const before = this.#inForce;
    // News of other nodes and nothing else, or a place of which there is nothing to tell yet.
    const isCalm = (before?.effects.length ?? 0) === 0 && effects.length === 0;
    const isNews = isCalm && schedule === before?.schedule && this.#drift === undefined;
    const isFirst = isCalm && before === undefined && this.#found?.untouched === true;
    const applied = await this.#apply(ruleset, effects);
    this.#appliedAt = systemClock.now();
    this.#noteTimes(effects, applied.began);
    if (schedule !== before?.schedule) this.#saidDrift = undefined;
    this.#inForce = { schedule, effects, revision, ruleset };
    this.#classes.keepOnly(ruleset.classes);
    this.#notify();
    if (applied.retire !== '') await nft(this.#point.tool, applied.retire);
    // Else it is read back by the next heartbeat.
    if (applied.changed && !isNews && !isFirst) await this.#inspect();
  }

  #compile(schedule: Schedule, effects: readonly ScheduledEffect[]): Ruleset {
    if (this.#point.faultIds === undefined) {
      for (const { fault } of effects) {
        if (!this.#ownIds.has(fault)) this.#ownIds.set(fault, this.#ownIds.size);
      }
    }
    const previous = this.#inForce?.ruleset;
    this.#generation += 1;
    return compile({
      place: this.#point.place,
      generation: this.#generation,
      ...(previous === undefined ? {} : { previous }),
      afresh: this.#drift !== undefined,
      base: schedule.base,
      effects,
      addresses: this.#point.addresses(),
      minors: previous?.minors ?? this.#found?.minors ?? new Map(),
      faultIds: this.#faultIds(),
    });
  }

  #prepare(moment: number): void {
    if (this.#ended || this.#drift !== undefined || this.#differs(this.#due())) return;
    const effects = this.#due(moment);
    this.#prepared = { effects, ruleset: this.#compile(this.#schedule, effects) };
  }

  #takePrepared(effects: readonly ScheduledEffect[]): Ruleset | undefined {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    const fits = this.#drift === undefined && isSame(effects, prepared?.effects);
    return fits ? prepared?.ruleset : undefined;
  }

  #faultIds(): ReadonlyMap<string, number> {
    return this.#point.faultIds ?? this.#ownIds;
  }

  /**
   * Returns when the flip began: until then what was before was in force for sure. A change is one
   * transaction of one process. But a fabric's large one is in pieces, since without privileges
   * netlink takes only so much at once, and so that the flip itself is short whatever the size; and
   * what is replaced, which may be large too, is deleted after it.
   */
  async #apply(ruleset: Ruleset, effects: InForce['effects']) {
    const { place, tool, extra } = this.#point;
    const found = this.#found;
    const { prelude = '', leftovers } = found ?? {};
    const pod = place.kind === 'pod';
    const retire = (pod ? '' : ruleset.flip) + (leftovers ?? ruleset.retire);
    const beside = prelude + (extra?.pending() ?? '');
    const leased = this.#leased(effects);
    const covered = beside === '' && this.#drift === undefined && this.#lease.covers(leased);
    const renewal = covered ? undefined : this.#lease.renewal(leased);
    const flip = (pod ? ruleset.flip : ruleset.overlay) + (renewal?.text ?? '');
    const whole = pod || ruleset.load.length <= 1;
    if (!whole && beside !== '') {
      await nft(tool, beside);
      this.#found = found && { ...found, prelude: '' };
    }
    if (!whole) await loadRuleset(tool, ruleset);
    const began = systemClock.now();
    const text = [...(whole ? [beside, ...ruleset.load] : []), flip, pod ? retire : ''].join('');
    if (text !== '') await nft(tool, text, this.#point.ahead);
    this.#found = undefined;
    extra?.done();
    renewal?.taken();
    return { began, retire: pod ? '' : retire, changed: beside !== '' || flip !== '' };
  }

  async #heartbeat(): Promise<void> {
    const renewal = this.#lease.renewal(this.#leased(this.#inForce?.effects ?? []));
    // What the lease in force reaches already is looked at when nobody has anything urgent to do.
    const gains = renewal.until > this.#lease.until() + leaseSlackMs;
    await this.#inspect(gains ? renewal.text : '');
    renewal.taken();
  }

  /** With these effects in force. */
  #leased(effects: InForce['effects']) {
    return { effects, leaseSeconds: this.#schedule.leaseSeconds };
  }

  /** Renews the lease, if asked to, and reads in the same run; the reading is of just before. */
  async #inspect(renewal = ''): Promise<void> {
    const { tool, place, deviceOf } = this.#point;
    if (this.#ended || this.#inForce === undefined) return;
    const input = renewal + listTable;
    const urgency = renewal === '' ? later(tool) : tool;
    const listing = await urgency('nft', ['-f', '-'], { input });
    if (listing.ok) {
      this.#counters = countersIn(listing.stdout);
      this.#countedAt = systemClock.now();
    }
    const { ruleset } = this.#inForce;
    const expected = { place, ruleset, classes: this.#classes.present(), deviceOf };
    const reading = { listing, tool: later(tool) };
    const { drift, queueDrops } = await confirmed(expected, reading);
    this.#drift = drift;
    this.#saidDrift ??= drift;
    // A class takes its count along when it goes.
    this.#queueDrops = Math.max(this.#queueDrops, queueDrops);
    if (!listing.ok && renewal !== '') throw fail('ENFORCE_FAILED', listing.message);
  }

  async #count(): Promise<void> {
    if (this.#ended || this.#inForce === undefined) return;
    this.#counters = await readCounters(this.#point.tool);
    this.#countedAt = systemClock.now();
  }

  #noteTimes(effects: readonly ScheduledEffect[], began: number): void {
    const before = new Set(this.#inForce?.effects.map(({ fault }) => fault));
    const after = new Set(effects.map(({ fault }) => fault));
    const at = systemClock.now();
    for (const fault of after.difference(before)) this.#times.set(fault, { enforcedAt: at });
    for (const fault of before.difference(after)) {
      this.#times.set(fault, { ...this.#times.get(fault), healBeganAt: began, healedAt: at });
    }
  }

  /** The next start or end, renewal, or class to delete, whichever comes first. */
  #arm(): void {
    if (this.#ended) return;
    const now = systemClock.now();
    const boundaries = this.#schedule.effects.flatMap(({ start, end = Infinity }) => [start, end]);
    const ahead = boundaries.filter((time) => time > now);
    const boundary = Math.min(...ahead);
    this.#point.ahead?.expect(boundary, () => {
      // What fails here fails again at the moment itself.
      this.#queue(async () => this.#prepare(boundary)).catch(() => undefined);
    });
    // One that failed is tried again soon.
    const soonest = this.#problem === undefined ? 0 : now + retryMs;
    const renewAt = Math.max(this.#lease.renewAt(), soonest);
    const next = Math.min(boundary, renewAt, this.#classes.nextSweep() ?? Infinity);
    // A change takes time, in which the next one may have come due. One that failed comes again.
    const again = this.#differs(this.#due()) || this.#problem !== undefined;
    const mendAt = this.#drift === undefined ? Infinity : this.#mendedAt + retryMs;
    const retryAt = again ? now + (this.#problem === undefined ? 0 : retryMs) : mendAt;
    this.#timer = setTimeout(
      () => {
        this.#queue(() => this.#wake()).catch(() => undefined); // recorded where it happened
      },
      Math.max(0, Math.ceil(Math.min(next, retryAt) - now)),
    );
  }

  #record(error: unknown): void {
    this.#problem = messageOf(error);
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

function isSame(some: InForce['effects'], others: InForce['effects'] | undefined): boolean {
  return some.length === others?.length && some.every((each, at) => each === others[at]);
}
