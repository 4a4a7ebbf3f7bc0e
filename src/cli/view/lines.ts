// Progress where nothing can be redrawn: one line per change.
import type { Plan } from '../../plan/plan.ts';
import { plural } from '../../report/format.ts';
import type { Status, TimelineEvent } from '../../session/session.ts';
import { type Paint, type Style, safe } from './text.ts';

export type Watched = { readonly status?: Status; readonly event?: TimelineEvent };

/** How far the start was when it was last told, in quarters of the planned nodes. */
export type LineMemory = { readonly quarters: number };
export const noLines: LineMemory = { quarters: 0 };

const timeWidth = 8;
const continuation = `\n${' '.repeat(timeWidth + 2)}`;
const mostLines = 20;

/** The lines that an item is worth, and what to remember of it. */
export function linesOf(
  { event, status }: Watched,
  memory: LineMemory,
  paint: Paint,
): { readonly lines: readonly string[]; readonly memory: LineMemory } {
  const lines = event === undefined ? [] : [eventLine(event, paint)];
  if (status?.phase !== 'starting') return { lines, memory };
  const { ready, planned } = status.nodes;
  const quarters = Math.floor((4 * ready) / Math.max(1, planned));
  // The last quarter is an event of its own: time 0.
  if (quarters <= memory.quarters || quarters === 4) return { lines, memory };
  const text = `${ready} of ${planned} nodes ready`;
  return { lines: [...lines, `${time(undefined, paint)}  ${text}`], memory: { quarters } };
}

/** `   12.3s  fault split (partition) is in force` */
export function eventLine({ t, event, message }: TimelineEvent, paint: Paint): string {
  const all = safe(message).trimEnd().split('\n');
  const kept = all.slice(0, mostLines);
  if (all.length > mostLines) kept.push(`(${all.length - mostLines} more lines)`);
  const style = styleOf(event);
  const text = kept.map((line) => (style === undefined ? line : paint(style, line)));
  return `${time(t, paint)}  ${text.join(continuation)}`;
}

/** The same, with how many nodes a fault touches when it begins. */
export function withScope(event: TimelineEvent, plan: Plan | undefined): TimelineEvent {
  if (event.event !== 'fault-enforced') return event;
  const fault = plan?.faults.find(({ name }) => name === event['fault']);
  if (fault === undefined) return event;
  const touched = new Set(fault.effects.flatMap(({ from, to }) => [...from, ...to]));
  const count = touched.size || (fault.nodes?.targets.length ?? 0);
  return { ...event, message: `${event.message} (${plural(count, 'node')})` };
}

function time(t: number | undefined, paint: Paint): string {
  return paint('dim', (t === undefined ? 'start' : `${t.toFixed(1)}s`).padStart(timeWidth));
}

const styles: Readonly<Record<string, Style>> = {
  ready: 'bold',
  'fault-enforced': 'yellow',
  'fault-healed': 'cyan',
  'fault-proved': 'green',
  'fault-unproved': 'red',
  'fault-inconclusive': 'red',
  'expectation-passed': 'green',
  'expectation-failed': 'red',
  'expectation-error': 'red',
  problem: 'red',
  error: 'red',
  gap: 'yellow',
  ended: 'bold',
};

function styleOf(event: string): Style | undefined {
  return styles[event];
}
