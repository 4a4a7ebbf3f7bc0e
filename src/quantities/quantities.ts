// Quantities with units, one grammar for spec, flags and reports. In a spec they stay the strings
// that the user wrote; the plan turns them into numbers whose names carry the unit.

const number = String.raw`\d+(?:\.\d+)?`;

export type QuantityKind = 'duration' | 'ratio' | 'rate' | 'size';

type Grammar = {
  readonly pattern: RegExp;
  readonly units: Readonly<Record<string, number>>;
  /** For error messages. */
  readonly examples: string;
};

function grammar(units: Readonly<Record<string, number>>, examples: string): Grammar {
  return { pattern: new RegExp(`^(${number})(${Object.keys(units).join('|')})$`), units, examples };
}

/** Milliseconds, ratio of 1, bits per second (SI, as tc), bytes. */
export const grammars: Readonly<Record<QuantityKind, Grammar>> = {
  duration: grammar({ us: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }, '150ms, 10s, 2m'),
  ratio: grammar({ '%': 0.01 }, '10%, 0.1%'),
  rate: grammar({ bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 }, '512kbit, 20mbit'),
  size: grammar({ B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }, '64KiB, 256MiB'),
};

/** The number that a quantity stands for, or undefined if it is not of that grammar. */
export function parseQuantity(kind: QuantityKind, text: string): number | undefined {
  const { pattern, units } = grammars[kind];
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const scale = units[match[2] ?? ''] ?? Number.NaN;
  // 12 digits: 0.1 % is 0.001 and not 0.00100000000000000002.
  return Number((Number(match[1]) * scale).toPrecision(12));
}

/** Same, for text that the schema has checked already. */
export function quantity(kind: QuantityKind, text: string): number {
  const value = parseQuantity(kind, text);
  if (value === undefined) throw new TypeError(`not a ${kind}: ${text}`);
  return value;
}

/** `1500` as `1.5s`: the shortest text that reads back as the same duration. */
export function formatDuration(ms: number): string {
  const units = Object.entries(grammars.duration.units).toReversed();
  const [unit, scale] = units.find(([, scale]) => ms >= scale) ?? ['ms', 1];
  return `${Number((ms / scale).toFixed(3))}${unit}`;
}
