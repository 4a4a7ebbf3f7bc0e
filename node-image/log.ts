// Log lines of a node: JSON on stderr, a constant message and fields.
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export function log(level: 'info' | 'error', message: string, fields: Fields = {}): void {
  const time = new Date().toISOString();
  process.stderr.write(`${JSON.stringify({ time, level, message, ...fields })}\n`);
}
