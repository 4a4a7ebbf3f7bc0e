// The traffic classes on the ports. A class is added and seen to be there before any rule sends
// packets to it (a packet sent to a class that is not there goes unshaped, silently), it is never
// changed, and it is deleted only when no rule refers to it any more and its queue has run empty:
// deleting a class in use loses what waits in it.
import { fail, messageOf } from '../../errors.ts';
import { classDifferences, rootOf } from '../../faults/readback.ts';
import type { TcClass } from '../../faults/ruleset.ts';
import { addClassLines, deleteClassLines, longestDelayMs, rootLine } from '../../faults/tc.ts';
import type { NodeName } from '../../names.ts';
import { systemClock } from '../clock.ts';
import { output, readLeaves, type Tool } from './kernel-state.ts';

type Held = {
  readonly one: TcClass;
  /** Of an enforcer before this one: nobody knows what it was made from. */
  readonly inherited?: true;
  retireAt?: number;
};

/** A packet may sit in a class that the last rule has just sent it to. */
const marginMs = 100;
const busyRetryMs = 1_000;

export class TrafficClasses {
  readonly #tool: Tool;
  readonly #deviceOf: (node: NodeName) => string;
  readonly #held = new Map<string, Held>();

  constructor(tool: Tool, deviceOf: (node: NodeName) => string) {
    this.#tool = tool;
    this.#deviceOf = deviceOf;
  }

  /**
   * Puts our root on a device that has the kernel's own, once. To be done before the first class is
   * needed: what waits in the old root is lost. Refuses a root that somebody else has put there.
   */
  async installRoot(device: string): Promise<void> {
    const found = rootOf(await output(this.#tool, 'tc', ['-j', 'qdisc', 'show']), device);
    if (found === 'ours') return;
    if (found !== 'default') {
      throw fail('ENFORCE_FAILED', `${device} has a root qdisc of somebody else: ${found}`);
    }
    await this.#tc(['-batch', '-'], [rootLine(device)]);
  }

  /** What an enforcer before this one has left; goes when it is empty and nothing refers to it. */
  inherit(classes: readonly TcClass[]): void {
    for (const one of classes) this.#held.set(keyOf(one), { one, inherited: true });
  }

  /** All that should be in the kernel now. */
  present(): readonly TcClass[] {
    return [...this.#held.values()].flatMap(({ one, inherited }) => (inherited ? [] : [one]));
  }

  longestDelayMs(): number {
    return Math.max(0, ...this.present().map(longestDelayMs));
  }

  /** Adds those that are missing and sees that all are there; if that fails, adds none. */
  async add(wanted: readonly TcClass[]): Promise<void> {
    if (wanted.length === 0) return;
    await this.#forgetWhatIsGone();
    for (const one of wanted) delete this.#held.get(keyOf(one))?.retireAt;
    const missing = wanted.filter((one) => !this.#held.has(keyOf(one)));
    if (missing.length === 0) return;
    try {
      await this.#tc(['-batch', '-'], addClassLines(missing, this.#deviceOf));
      const leaves = await readLeaves(this.#tool);
      const differences = classDifferences(missing, leaves, this.#deviceOf);
      if (differences.length > 0) throw fail('COMMAND_FAILED', differences.slice(0, 5).join('; '));
    } catch (cause) {
      await this.#deleteWhatIsThere(missing);
      throw fail('ENFORCE_FAILED', messageOf(cause), cause);
    }
    for (const one of missing) this.#held.set(keyOf(one), { one });
  }

  /** From now on only these are referred to; the others go when they are empty. */
  keepOnly(wanted: readonly TcClass[]): void {
    const keep = new Set(wanted.map(keyOf));
    const now = systemClock.now();
    for (const [key, entry] of this.#held) {
      if (!keep.has(key)) entry.retireAt ??= now + longestDelayMs(entry.one) + marginMs;
    }
  }

  /** When the next one is to be deleted. */
  nextSweep(): number | undefined {
    const due = [...this.#held.values()].flatMap(({ retireAt }) => retireAt ?? []);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Deletes what is due and empty. */
  async sweep(now: number): Promise<void> {
    const due = [...this.#held.values()].filter(({ retireAt = Infinity }) => retireAt <= now);
    if (due.length === 0) return;
    const leaves = await readLeaves(this.#tool);
    const waiting = new Map(leaves.map((leaf) => [`${leaf.device} ${leaf.minor}`, leaf.waiting]));
    const [busy, empty] = [new Set<Held>(), new Set<string>()];
    for (const entry of due) {
      if ((waiting.get(this.#leafOf(entry.one)) ?? 0) > 0) busy.add(entry);
      else empty.add(keyOf(entry.one));
    }
    // A class with children goes when the last of them has gone.
    const parents = new Set(
      [...this.#held]
        .filter(([key, { one }]) => one.parent !== undefined && !empty.has(key))
        .map(([, { one }]) => keyOf({ port: one.port, minor: one.parent ?? 0 })),
    );
    const gone = due.filter(({ one }) => empty.has(keyOf(one)) && !parents.has(keyOf(one)));
    for (const entry of due) if (!gone.includes(entry)) entry.retireAt = now + busyRetryMs;
    if (gone.length === 0) return;
    const classes = gone.map(({ one }) => one);
    await this.#deleteWhatIsThere(classes);
    for (const one of classes) this.#held.delete(keyOf(one));
  }

  async #deleteWhatIsThere(classes: readonly TcClass[]): Promise<void> {
    // Those that are not there make their line fail, which is as well.
    const input = textOf(deleteClassLines(classes, this.#deviceOf));
    await this.#tool('tc', ['-force', '-batch', '-'], { input });
  }

  async #tc(args: readonly string[], lines: readonly string[]): Promise<void> {
    const outcome = await this.#tool('tc', args, { input: textOf(lines) });
    if (!outcome.ok) throw fail('COMMAND_FAILED', outcome.message);
  }

  /** What somebody else has deleted is to be made again. */
  async #forgetWhatIsGone(): Promise<void> {
    if (this.#held.size === 0) return;
    const leaves = await readLeaves(this.#tool);
    const there = new Set(leaves.map(({ device, minor }) => `${device} ${minor}`));
    for (const [key, { one }] of this.#held) {
      if (one.inner === true || there.has(this.#leafOf(one))) continue;
      this.#held.delete(key);
    }
  }

  #leafOf({ port, minor }: TcClass): string {
    return `${this.#deviceOf(port)} ${minor}`;
  }
}

function keyOf({ port, minor }: Pick<TcClass, 'port' | 'minor'>): string {
  return `${port} ${minor}`;
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
