// The algebra of impairments: what a directed pair of nodes suffers when several effects hit it.
// Drop beats reject, reject beats the rest; the rest adds up field by field. Composition is
// commutative and associative (to rounding), so that taking any fault away in any order leaves
// exactly what the others do, and the empty list is the healed network. One fault impairs a pair
// once: equal impairments of the same fault (both directions of a symmetric link between
// overlapping sets) count once. This file is the meaning; compile.ts and the simulated network
// must agree with it.
import type { NodeName } from '../names.ts';
import type { Impairment, PlacedEffect, Shape } from './effect.ts';

/** What a pair is under. `clear`: nothing. `conflict`: it has no meaning. */
export type Composed =
  | Impairment
  | { readonly kind: 'clear' }
  | { readonly kind: 'conflict'; readonly reason: string };

/** The composition of impairments, in any order. */
export function combine(impairments: readonly Impairment[]): Composed {
  if (impairments.some(({ kind }) => kind === 'drop')) return { kind: 'drop' };
  if (impairments.some(({ kind }) => kind === 'reject')) return { kind: 'reject' };
  const shapes = impairments.filter((one) => one.kind === 'shape');
  if (shapes.filter(({ burst }) => burst !== undefined).length > 1) {
    return { kind: 'conflict', reason: 'two burst losses on one pair of nodes' };
  }
  const shape = combineShapes(shapes);
  return isEmpty(shape) ? { kind: 'clear' } : { kind: 'shape', ...shape };
}

/** What the packets from one node to another suffer. A node reaches itself always. */
export function impairmentOf(
  effects: readonly PlacedEffect[],
  from: NodeName,
  to: NodeName,
): Composed {
  if (from === to) return { kind: 'clear' };
  return composeEffects(effects.filter((one) => one.from.includes(from) && one.to.includes(to)));
}

/** Same as `impairmentOf` for many questions about one list of effects. */
export function composer(
  effects: readonly PlacedEffect[],
): (from: NodeName, to: NodeName) => Composed {
  const placed = effects.map((effect) => ({
    effect,
    from: new Set(effect.from),
    to: new Set(effect.to),
  }));
  return (from, to) => {
    if (from === to) return { kind: 'clear' };
    const active = placed.filter((one) => one.from.has(from) && one.to.has(to));
    return composeEffects(active.map(({ effect }) => effect));
  };
}

/** Effects that hit one pair, composed. */
function composeEffects(effects: readonly PlacedEffect[]): Composed {
  return combine(distinctEffects(effects).map(({ impairment }) => impairment));
}

/** Without the repetitions of an impairment by the same fault. */
export function distinctEffects(effects: readonly PlacedEffect[]): readonly PlacedEffect[] {
  if (effects.length < 2) return effects;
  const seen = new Map<string, PlacedEffect>();
  for (const effect of effects) {
    const key = `${effect.fault} ${impairmentKey(effect.impairment)}`;
    if (!seen.has(key)) seen.set(key, effect);
  }
  return [...seen.values()];
}

/** The same text for the same impairment. */
export function impairmentKey(impairment: Impairment): string {
  return impairment.kind === 'shape' ? shapeKey(impairment) : impairment.kind;
}

export function shapeKey(shape: Shape): string {
  const { burst, reorder } = shape;
  return JSON.stringify([
    shape.lossRatio ?? 0,
    burst === undefined ? 0 : [burst.enterRatio, burst.leaveRatio, burst.lossRatio],
    shape.delayMs ?? 0,
    shape.jitterMs ?? 0,
    shape.rateBitsPerSecond ?? 0,
    shape.duplicateRatio ?? 0,
    shape.corruptRatio ?? 0,
    reorder === undefined ? 0 : [reorder.shareRatio, reorder.byMs],
  ]);
}

/** True if packets under it cross as if there were nothing. */
export function isEmpty(shape: Shape): boolean {
  return shapeKey(shape) === shapeKey({});
}

function combineShapes(shapes: readonly Shape[]): Shape {
  const values = (field: 'delayMs' | 'jitterMs' | RatioField) =>
    shapes.map((shape) => shape[field] ?? 0);
  const rates = shapes.flatMap(({ rateBitsPerSecond: rate }) => (rate === undefined ? [] : [rate]));
  const burst = shapes.find((shape) => shape.burst !== undefined)?.burst;
  const reorders = shapes.flatMap(({ reorder }) => (reorder === undefined ? [] : [reorder]));
  const lossRatio = either(values('lossRatio'));
  const delayMs = sum(values('delayMs'));
  const jitterMs = rounded(Math.hypot(...values('jitterMs')));
  const duplicateRatio = either(values('duplicateRatio'));
  const corruptRatio = either(values('corruptRatio'));
  return {
    ...(lossRatio > 0 && { lossRatio }),
    ...(burst !== undefined && { burst }),
    ...(delayMs > 0 && { delayMs }),
    ...(jitterMs > 0 && { jitterMs }),
    ...(rates.length > 0 && { rateBitsPerSecond: Math.min(...rates) }),
    ...(duplicateRatio > 0 && { duplicateRatio }),
    ...(corruptRatio > 0 && { corruptRatio }),
    ...combineReorders(reorders),
  };
}

type RatioField = 'lossRatio' | 'duplicateRatio' | 'corruptRatio';

/** Shares like losses; of the delays the largest, because a packet is held back once. */
function combineReorders(
  reorders: readonly { readonly shareRatio: number; readonly byMs: number }[],
): Pick<Shape, 'reorder'> {
  const shareRatio = either(reorders.map((one) => one.shareRatio));
  const byMs = Math.max(0, ...reorders.map((one) => one.byMs));
  return shareRatio > 0 && byMs > 0 ? { reorder: { shareRatio, byMs } } : {};
}

/** The chance that at least one of independent things happens. */
function either(ratios: readonly number[]): number {
  const happening = ratios.filter((ratio) => ratio > 0);
  // One ratio stays as it was written: 1 - (1 - 0.1) is not 0.1.
  if (happening.length < 2) return happening[0] ?? 0;
  return rounded(1 - happening.reduce((none, ratio) => none * (1 - ratio), 1));
}

function sum(values: readonly number[]): number {
  return rounded(values.reduce((total, value) => total + value, 0));
}

/** 12 digits: the order of adding leaves no trace. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
