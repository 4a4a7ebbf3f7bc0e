// Numbers as people read them.

/** Seconds from time 0: `12 s`, from two minutes on `2:05`. */
export function clock(seconds: number): string {
  if (Math.abs(seconds) < 120) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export function value(name: string, number: number): string {
  if (name.endsWith('_ratio')) return `${Math.round(100 * number)} %`;
  if (name.endsWith('_seconds')) return `${Math.round(1_000 * number)} ms`;
  return Number(number.toPrecision(4)).toLocaleString('en-US');
}

/** `chain_forks` as `chain forks`. */
export function words(name: string): string {
  return name
    .replace(/^node_/, '')
    .replace(/_(?:ratio|seconds)$/, '')
    .replaceAll('_', ' ');
}
