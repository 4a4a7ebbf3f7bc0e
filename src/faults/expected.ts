// What a probe has to expect of a composed impairment: how likely it is lost, how late it comes.
import type { Composed } from './algebra.ts';
import type { Shape } from './effect.ts';

/** The chance that a probe does not arrive, between two bounds, and what one probe is worth. */
export type ExpectedLoss = {
  readonly low: number;
  readonly high: number;
  /** Losses in bursts hang together: so many probes say as much as one independent one. */
  readonly inflation: number;
};

export function isCut(composed: Composed): boolean {
  return composed.kind === 'drop' || composed.kind === 'reject';
}

export function expectedLoss(composed: Composed): ExpectedLoss {
  if (isCut(composed)) return { low: 1, high: 1, inflation: 1 };
  if (composed.kind !== 'shape') return { low: 0, high: 0, inflation: 1 };
  const { lossRatio = 0, burst, corruptRatio = 0 } = composed;
  const lossy = burst === undefined ? 0 : burstShare(burst) * burst.lossRatio;
  const kept = (1 - lossRatio) * (1 - lossy);
  return {
    // A flipped bit is caught by a checksum, but for those in the sender's MAC address.
    low: 1 - kept * (1 - 0.85 * corruptRatio),
    high: 1 - kept * (1 - corruptRatio),
    inflation: burst === undefined ? 1 : memory(burst),
  };
}

/** One way, of the packets that are not late. */
export function expectedDelayMs(composed: Composed): number {
  return composed.kind === 'shape' ? (composed.delayMs ?? 0) : 0;
}

/** How many probes one needs so that none of them arriving is no accident. */
export function probesForReach(loss: number): number {
  if (loss <= 0) return 1;
  return Math.ceil(Math.log(1e-6) / Math.log(Math.min(loss, 0.999_9)));
}

/** How many probes a loss needs so that losing none of them is no accident: 14.5 / p. */
export function probesForLoss({ low, inflation }: ExpectedLoss): number {
  return low <= 0 ? Number.POSITIVE_INFINITY : Math.ceil((14.5 / low) * inflation);
}

type Burst = NonNullable<Shape['burst']>;

/** How much of the time the lossy state holds. */
function burstShare({ enterRatio, leaveRatio }: Burst): number {
  return enterRatio <= 0 ? 0 : enterRatio / (enterRatio + leaveRatio);
}

/** Variance of a two-state Markov chain's mean beside that of independent draws. */
function memory({ enterRatio, leaveRatio }: Burst): number {
  const again = 1 - enterRatio - leaveRatio;
  return Math.max(1, (1 + again) / Math.max(1e-9, 1 - again));
}
