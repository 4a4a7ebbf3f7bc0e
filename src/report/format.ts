// Numbers of a report as people read them; shared by the page and the terminal.

import { wasCancelled } from './parts.ts';
import type { Report } from './result.ts';

/** Names of what faults ask for (src/faults/verify.ts) that are shares of one. */
const shares: ReadonlySet<string> = new Set([
  'loss',
  'duplicate',
  'corrupt',
  'lateShare',
  'burstEnter',
  'burstLeave',
]);

/** `0.1` of `loss` as `loss 10 %`; of all but shares the unit is in the name. */
export function formatMeasure(name: string, value: number): { label: string; value: string } {
  const [, stem = name, unit = ''] =
    /^(.*?)(Ratio|Ms|Seconds|BitsPerSecond|Bits)?$/.exec(name) ?? [];
  const label = stem.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`).trim();
  return { label, value: inUnit[shares.has(name) ? 'Ratio' : unit]?.(value) ?? number(value) };
}

const inUnit: Readonly<Record<string, (value: number) => string>> = {
  Ratio: (value) => `${number(value * 100)} %`,
  Ms: (value) => `${number(value)} ms`,
  Seconds: (value) => `${number(value)} s`,
  BitsPerSecond: formatRate,
  Bits: formatRate,
};

function formatRate(value: number): string {
  return value >= 1e6 ? `${number(value / 1e6)} Mbit/s` : `${number(value / 1e3)} kbit/s`;
}

/** At most three digits that matter. */
function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Seconds from time 0: `12.3 s`, from ten minutes on `10:05 min`. */
export function formatSeconds(seconds: number): string {
  if (Math.abs(seconds) < 600) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} min`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `3 nodes`, `1 node`. */
export function plural(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** `3 of 4 expectations held`, `2 of 2 faults proved`: what a report comes to. */
export function tallies({
  expectations,
  faults,
}: Pick<Report, 'expectations' | 'faults'>): readonly string[] {
  const held = expectations.filter(({ status }) => status === 'passed').length;
  const declared = faults.filter((fault) => !wasCancelled(fault));
  const proved = declared.filter((fault) => fault.proved).length;
  return [
    ...(expectations.length === 0
      ? []
      : [`${held} of ${plural(expectations.length, 'expectation')} held`]),
    ...(declared.length === 0 ? [] : [`${proved} of ${plural(declared.length, 'fault')} proved`]),
  ];
}
