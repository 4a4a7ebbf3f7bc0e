// Whom to dial next: a pure table of known addresses with their history. Dials of the plan are for
// ever; seeds and what discovery found fill up the rest. A target that fails waits twice as long
// each time, up to a few seconds and no longer: when a split heals, everybody is to be found again
// soon. A little seeded randomness keeps a thousand nodes from knocking at the same moment.
export type TargetKind = 'dial' | 'seed' | 'found';

export type Target = {
  readonly peer: string;
  readonly address: string;
  readonly kind: TargetKind;
  /** Attempts since the last connection that lasted. */
  failures: number;
  /** Not before, epoch milliseconds. */
  nextAt: number;
  dialling: boolean;
};

const firstWaitMs = 250;
const longestWaitMs = { dial: 3_000, seed: 3_000, found: 8_000 };
const maxFound = 500;

export class Targets {
  readonly #targets = new Map<string, Target>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The first to name a peer decides what it is. */
  add(peer: string, address: string, kind: TargetKind): void {
    if (this.#targets.has(peer)) return;
    this.#targets.set(peer, { peer, address, kind, failures: 0, nextAt: 0, dialling: false });
    if (kind === 'found') this.#bound();
  }

  get(peer: string): Target | undefined {
    return this.#targets.get(peer);
  }

  get diallingCount(): number {
    return [...this.#targets.values()].filter(({ dialling }) => dialling).length;
  }

  /** Of that kind, not connected. */
  missing(kind: TargetKind, connected: ReadonlySet<string>): number {
    const all = [...this.#targets.values()].filter((target) => target.kind === kind);
    return all.filter(({ peer }) => !connected.has(peer)).length;
  }

  /** Of those kinds, due and not connected; the most promising first. */
  due(kinds: readonly TargetKind[], now: number, connected: ReadonlySet<string>): Target[] {
    return [...this.#targets.values()]
      .filter((t) => kinds.includes(t.kind) && !t.dialling && t.nextAt <= now)
      .filter(({ peer }) => !connected.has(peer))
      .map((target) => ({ target, draw: target.failures + this.#random() }))
      .sort((a, b) => a.draw - b.draw)
      .map(({ target }) => target);
  }

  tried(target: Target, now: number): void {
    const wait = Math.min(longestWaitMs[target.kind], firstWaitMs * 2 ** target.failures);
    target.failures += 1;
    target.nextAt = now + wait * (0.5 + 0.5 * this.#random());
  }

  lasted(target: Target): void {
    target.failures = 0;
  }

  #bound(): void {
    const found = [...this.#targets.values()].filter(({ kind }) => kind === 'found');
    if (found.length <= maxFound) return;
    const worst = found.reduce((a, b) => (b.failures > a.failures ? b : a));
    this.#targets.delete(worst.peer);
  }
}
