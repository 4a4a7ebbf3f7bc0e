// Counts what log expectations ask about and tells of it: each of the first lines, then how many
// there are by now, seldom. A node that panics in a loop must not fill the timeline.
import type { LogMatch } from '../observe/log-watch.ts';
import type { PlannedExpectation } from '../plan/plan.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventLog } from './events.ts';

export interface LogMatches {
  /** By expectation, those without a match included. */
  readonly counts: Readonly<Record<string, number>>;
  add(match: LogMatch): void;
}

const toldOneByOne = 20;
const tellEveryMs = 10_000;
const longestText = 200;

export function countMatches(
  expectations: readonly PlannedExpectation[],
  { clock, events }: { readonly clock: Clock; readonly events: Pick<EventLog, 'note'> },
): LogMatches {
  const counts: Record<string, number> = Object.fromEntries(
    expectations.filter((one) => 'log' in one).map(({ name }) => [name, 0]),
  );
  const toldAt = new Map<string, number>();
  return {
    counts,
    add: ({ expectation, node, text }) => {
      const count = (counts[expectation] ?? 0) + 1;
      counts[expectation] = count;
      const line = `${node}: ${text.slice(0, longestText)}`;
      if (count <= toldOneByOne) {
        events.note('log-match', line, { expectation, node });
        toldAt.set(expectation, clock.now());
      } else if (clock.now() - (toldAt.get(expectation) ?? 0) >= tellEveryMs) {
        const message = `"${expectation}" has matched ${count} lines; the latest is ${line}`;
        events.note('log-match', message, { expectation, node, count });
        toldAt.set(expectation, clock.now());
      }
    },
  };
}
