// The single values that documents are made of: names and quantities, with the phrases (`title`)
// that error messages and docs/spec.md use for them.
import { z } from 'zod';
import { grammars, parseQuantity, type QuantityKind } from '../quantities/quantities.ts';

export const label = z
  .string()
  .regex(/^[a-z](?:[a-z0-9-]*[a-z0-9])?$/)
  .max(24)
  .meta({
    id: 'Name',
    title: 'a name (lower-case letters, digits and -, first a letter, at most 24)',
  });
export const nodeName = z
  .string()
  .regex(/^[a-z][a-z0-9-]*-\d+$/)
  .max(32)
  .meta({ id: 'NodeName', title: 'a node name, <group>-<index>' });

/** No quantity of that kind may be above this; timers end at 2^31 ms. */
const most: Partial<Record<QuantityKind, string>> = { duration: '500h', ratio: '100%' };

function quantityOf(kind: QuantityKind) {
  const { pattern } = grammars[kind];
  const limit = most[kind];
  const limitValue = limit === undefined ? undefined : parseQuantity(kind, limit);
  const fits = (text: string) => (parseQuantity(kind, text) ?? 0) <= (limitValue ?? Infinity);
  return z.string().regex(pattern).max(24).refine(fits, `at most ${limit}`);
}
function titleOf(kind: QuantityKind, noun: string): string {
  return `a ${noun} such as ${grammars[kind].examples}`;
}
export const duration = quantityOf('duration').meta({
  id: 'Duration',
  title: titleOf('duration', 'duration'),
});
export const ratio = quantityOf('ratio').meta({ id: 'Ratio', title: titleOf('ratio', 'share') });
export const rate = quantityOf('rate')
  .refine((text) => parseQuantity('rate', text) !== 0, 'above 0')
  .meta({ id: 'Rate', title: titleOf('rate', 'rate') });
export const size = quantityOf('size')
  .refine((text) => parseQuantity('size', text) !== 0, 'above 0')
  .meta({ id: 'Size', title: titleOf('size', 'size') });

/** A map of at most so many entries. */
export function mapOf<K extends z.ZodString, V extends z.ZodType>(key: K, value: V, most: number) {
  return z
    .record(key, value)
    .refine((map) => Object.keys(map).length <= most, `a map of at most ${most} entries`)
    .meta({ maxProperties: most });
}
