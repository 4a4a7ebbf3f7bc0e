// Traffic classes as tc text, for `tc -batch -`. Each class is an htb class under our root handle
// with one leaf: netem where packets are delayed, lost in bursts, doubled or damaged, pfifo where
// they only wait for their rate. Classes are named by their content and never changed: changing a
// delay in place lets new packets overtake old ones.
import type { NodeName } from '../names.ts';
import { isEmpty } from './algebra.ts';
import type { Shape } from './effect.ts';
import { rootHandle, type TcClass } from './ruleset.ts';

type Device = (node: NodeName) => string;

/** The lines that add classes with their leaves; parents come first. */
export function addClassLines(classes: readonly TcClass[], device: Device): readonly string[] {
  return parentsFirst(classes).flatMap((one) => {
    const dev = device(one.port);
    const id = `${rootHandle}:${hex(one.minor)}`;
    const parent = `${rootHandle}:${one.parent === undefined ? '' : hex(one.parent)}`;
    const lines = [`class add dev ${dev} parent ${parent} classid ${id} ${htbText(one)}`];
    if (one.inner !== true) lines.push(`qdisc add dev ${dev} parent ${id} ${leafText(one.shape)}`);
    return lines;
  });
}

/** The lines that delete classes (their leaves go with them); children come first. */
export function deleteClassLines(classes: readonly TcClass[], device: Device): readonly string[] {
  return parentsFirst(classes)
    .toReversed()
    .map((one) => `class del dev ${device(one.port)} classid ${rootHandle}:${hex(one.minor)}`);
}

/**
 * The line that installs our root on a new device. It must be there before the node's process
 * starts and is never grafted again. Packets of no class pass through at once (`default 0`).
 */
export function rootLine(device: string): string {
  return `qdisc add dev ${device} root handle ${rootHandle}: htb default 0 direct_qlen 10000`;
}

/** The same text for the same content of a class. */
export function contentKey(shape: TcClass['shape']): string {
  return isEmpty(shape) ? '' : `${htbRate(shape)} ${leafText(shape)}`;
}

/** How long a packet can stay in a class (6 sigma), for retiring it when it is empty. */
export function longestDelayMs({ shape }: TcClass): number {
  return (shape.delayMs ?? 0) + 6 * (shape.jitterMs ?? 0);
}

/** True if the class needs sch_netem. */
export function needsNetem(shape: Shape): boolean {
  const { lossRatio: _, rateBitsPerSecond: __, ...rest } = shape;
  return !isEmpty(rest);
}

// Above any device: only there so that packets wait in a leaf.
const unlimited = 'rate 100gbit ceil 100gbit burst 1mb cburst 1mb';

function htbText({ shape, parent }: TcClass): string {
  // The quantum only orders siblings; given, so that tc does not derive one from the rate and warn.
  const rate = parent === undefined ? htbRate(shape) : childRate(shape);
  return `htb ${rate} quantum 1514`;
}

function htbRate({ rateBitsPerSecond: rate }: TcClass['shape']): string {
  if (rate === undefined) return unlimited;
  const bits = Math.max(8, Math.round(rate));
  return `rate ${bits}bit ceil ${bits}bit burst ${burstBytes(bits)}b cburst ${burstBytes(bits)}b`;
}

/** Guaranteed next to nothing and borrowing the rest: guarantees would add up above the parent. */
function childRate({ rateBitsPerSecond: rate }: TcClass['shape']): string {
  const bits = Math.max(8, Math.round(rate ?? 0));
  const burst = burstBytes(bits);
  return `rate ${Math.min(8_000, bits)}bit ceil ${bits}bit burst 1600b cburst ${burst}b`;
}

/** Two milliseconds of the rate: what a late timer may catch up; at least one packet. */
function burstBytes(bits: number): number {
  return Math.max(1_600, Math.round((bits / 8) * 0.002));
}

function leafText(shape: TcClass['shape']): string {
  const limit = leafLimit(shape);
  if (!needsNetem(shape)) return `pfifo limit ${limit}`;
  const words = ['netem', 'limit', `${limit}`];
  if (shape.delayMs !== undefined || shape.jitterMs !== undefined) {
    words.push('delay', microseconds(shape.delayMs ?? 0));
  }
  if (shape.jitterMs !== undefined) {
    words.push(microseconds(shape.jitterMs), 'distribution', 'normal');
  }
  if (shape.burst !== undefined) {
    const { enterRatio, leaveRatio, lossRatio } = shape.burst;
    // p, r, 1-h (loss in the bad state), 1-k (loss in the good state); tc-netem(8).
    words.push('loss', 'gemodel', percent(enterRatio), percent(leaveRatio), percent(lossRatio));
    words.push(percent(0));
  }
  if (shape.duplicateRatio !== undefined) words.push('duplicate', percent(shape.duplicateRatio));
  if (shape.corruptRatio !== undefined) words.push('corrupt', percent(shape.corruptRatio));
  return words.join(' ');
}

/**
 * netem's own default of 1,000 packets drops above that many in flight. With a rate the leaf holds
 * htb's backlog too: the packets in flight and 50 ms of rate, more would be bufferbloat.
 */
export function leafLimit(shape: TcClass['shape']): number {
  const rate = shape.rateBitsPerSecond;
  if (rate === undefined) return 100_000;
  const heldMs = (shape.delayMs ?? 0) + (shape.jitterMs ?? 0) + 50;
  return Math.max(10, Math.ceil((rate / 8 / 1_500) * (heldMs / 1_000)));
}

function microseconds(ms: number): string {
  return `${Math.round(ms * 1_000)}us`;
}

/** netem keeps ratios as 32-bit shares; seven digits are all that survives. */
function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(7))}%`;
}

function hex(minor: number): string {
  return minor.toString(16);
}

function parentsFirst(classes: readonly TcClass[]): readonly TcClass[] {
  return [
    ...classes.filter(({ parent }) => parent === undefined),
    ...classes.filter(({ parent }) => parent !== undefined),
  ];
}
