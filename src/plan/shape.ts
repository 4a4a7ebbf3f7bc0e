// Properties of a link as the spec writes them -> the shape of packets, in numbers with units.
import type { Shape } from '../faults/effect.ts';
import { type QuantityKind, quantity } from '../quantities/quantities.ts';
import type { Fault, Link } from '../spec/schema.ts';

type LinkFault = Omit<NonNullable<Fault['link']>, 'from' | 'to' | 'symmetric'>;

/** What a link fault does to packets of one direction. */
export function shapeOfFault(link: LinkFault): Shape {
  return {
    ...shared(link),
    ...part('duration', link.delay, (delayMs) => ({ delayMs })),
    ...part('duration', link.jitter, (jitterMs) => ({ jitterMs })),
    ...part('ratio', link.duplicate, (duplicateRatio) => ({ duplicateRatio })),
    ...part('ratio', link.corrupt, (corruptRatio) => ({ corruptRatio })),
    ...(link.burst === undefined
      ? {}
      : {
          burst: {
            enterRatio: quantity('ratio', link.burst.enter),
            leaveRatio: quantity('ratio', link.burst.leave),
            lossRatio: quantity('ratio', link.burst.loss),
          },
        }),
    ...(link.reorder === undefined
      ? {}
      : {
          reorder: {
            shareRatio: quantity('ratio', link.reorder.share),
            byMs: quantity('duration', link.reorder.by),
          },
        }),
  };
}

/**
 * One direction of a link between regions. `rtt` is half in each direction; two independent
 * directions of sigma / sqrt 2 each add up to the sigma that was asked for the round trip.
 */
export function shapeOfLink(link: Link): Shape {
  const { rtt } = link;
  if (rtt === undefined) {
    return {
      ...shared(link),
      ...part('duration', link.delay, (delayMs) => ({ delayMs })),
      ...part('duration', link.jitter, (jitterMs) => ({ jitterMs })),
    };
  }
  return {
    ...shared(link),
    delayMs: quantity('duration', rtt) / 2,
    ...part('duration', link.jitter, (sigma) => ({
      jitterMs: Number((sigma / Math.SQRT2).toPrecision(9)),
    })),
  };
}

function shared(link: Pick<Link, 'loss' | 'rate'>): Shape {
  return {
    ...part('ratio', link.loss, (lossRatio) => ({ lossRatio })),
    ...part('rate', link.rate, (rateBitsPerSecond) => ({ rateBitsPerSecond })),
  };
}

/** Nothing for what is not there, or is zero. */
function part(
  kind: QuantityKind,
  text: string | undefined,
  shape: (value: number) => Shape,
): Shape {
  const value = text === undefined ? 0 : quantity(kind, text);
  return value === 0 ? {} : shape(value);
}
