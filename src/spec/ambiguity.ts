// Plain scalars that YAML 1.1 reads differently from YAML 1.2. This file is YAML 1.2; kubectl and
// most other tools read 1.1 (yaml.org/type/bool.html, int.html, float.html, timestamp.html), where
// the region `no` is the boolean false. Such scalars are refused, so that one document means one
// thing everywhere.

/** What to say about a plain scalar, or undefined if every reader sees the same. */
export function ambiguity(
  source: string,
  value: unknown,
  role: 'key' | 'value' = 'value',
): string | undefined {
  const read = readings.find(({ pattern }) => pattern.test(source))?.read(source);
  if (read === undefined || read === String(value)) return undefined;
  const quoted = `write "${source}" in quotes`;
  const text = role === 'key' || typeof value === 'string';
  const advice = text ? quoted : `write ${String(value)}, or "${source}" for text`;
  return `plain ${source} is ${read} to YAML 1.1 readers such as kubectl, ${advice}`;
}

const digits = (source: string) => source.replaceAll('_', '');
const signOf = (source: string) => (source.startsWith('-') ? -1 : 1);
const bare = (source: string) => digits(source).replace(/^[-+]/, '');

type Reading = { readonly pattern: RegExp; readonly read: (source: string) => string };

const readings: readonly Reading[] = [
  { pattern: /^(?:y|Y|yes|Yes|YES|on|On|ON)$/, read: () => 'true' },
  { pattern: /^(?:n|N|no|No|NO|off|Off|OFF)$/, read: () => 'false' },
  {
    pattern: /^[-+]?0[0-7_]+$/,
    read: (source) => String(signOf(source) * Number.parseInt(bare(source), 8)),
  },
  // YAML 1.2 only: an octal number here, text there.
  { pattern: /^0o[0-7]+$/, read: () => 'text' },
  {
    pattern: /^[-+]?0b[01_]+$/,
    read: (source) => String(signOf(source) * Number.parseInt(bare(source).slice(2), 2)),
  },
  {
    pattern: /^[-+]?0x[\da-fA-F_]*_[\da-fA-F_]*$/,
    read: (source) => String(signOf(source) * Number.parseInt(bare(source).slice(2), 16)),
  },
  {
    pattern: /^[-+]?\d[\d_]*(?:\.[\d_]*)?(?:[eE][-+]\d+)?$/,
    read: (source) => String(Number(digits(source))),
  },
  // Base 60: 1:30 is 90.
  {
    pattern: /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?$/,
    read: (source) => {
      const parts = bare(source).split(':').map(Number);
      return String(signOf(source) * parts.reduce((sum, part) => sum * 60 + part, 0));
    },
  },
  {
    pattern: /^\d{4}-\d\d?-\d\d?(?:[Tt ][\d:.]+ ?(?:Z|[-+]\d\d?(?::\d\d)?)?)?$/,
    read: () => 'a date',
  },
];
