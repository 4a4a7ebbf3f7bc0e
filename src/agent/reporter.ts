// Writes the HostReport: when something has changed, at most every half second; when something has
// gone wrong, at once; else every half minute. Counters that grow are no such change: they follow
// a second after one, since they say what was done until then, and else go out every ten. While
// the API server is away nothing else waits: the newest report goes out when it is back.
import { messageOf } from '../errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Api, resources } from '../runtime/kubernetes/api.ts';
import type { HostReport } from '../runtime/kubernetes/objects.ts';

export interface Reporter {
  /** Something may have changed. */
  changed(): void;
  /** One last report, if it can be written soon. */
  close(): Promise<void>;
}

export type ReporterOptions = {
  readonly api: Pick<Api, 'apply'>;
  readonly make: () => HostReport;
  readonly onProblem: (text: string) => void;
  readonly times?: typeof usual;
};

const usual = { leastMs: 500, afterMs: 1_000, countersMs: 10_000, mostMs: 30_000 };
const lastMs = 2_000;
const togetherMs = 100;

export function startReporter(options: ReporterOptions): Reporter {
  const { api, make, onProblem, times = usual } = options;
  let last = { key: '', problems: '', counters: '', at: -Infinity, changed: false };
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Timeout | undefined;
  let closed = false;
  const write = async (report: HostReport): Promise<void> => {
    const keys = keysOf(report);
    const written = { ...keys, at: systemClock.now(), changed: keys.key !== last.key };
    try {
      await api.apply<HostReport>(resources.hostReports, report);
      last = written;
    } catch (error) {
      last = { ...last, at: written.at };
      onProblem(`the report was not written: ${messageOf(error)}`);
    }
  };
  const look = () => {
    clearTimeout(timer);
    clearTimeout(soon);
    soon = undefined;
    if (closed || writing !== undefined) return;
    const report = make();
    const waitMs = dueMs(keysOf(report), last, times) - (systemClock.now() - last.at);
    if (waitMs > 0) {
      timer = setTimeout(look, waitMs);
      return;
    }
    writing = write(report).finally(() => {
      writing = undefined;
      look();
    });
  };
  look();
  return {
    changed: () => {
      // Of a hundred pods that change together, one report.
      if (closed || writing !== undefined || soon !== undefined) return;
      soon = setTimeout(look, togetherMs);
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      clearTimeout(soon);
      await writing;
      await Promise.race([write(make()), systemClock.sleep(lastMs)]);
    },
  };
}

export type Keys = { readonly key: string; readonly problems: string; readonly counters: string };

/** How long after the last report this one is due. */
export function dueMs(
  now: Keys,
  last: Keys & { readonly changed: boolean },
  times: typeof usual = usual,
): number {
  const wrong = now.problems !== last.problems && now.problems !== '[]';
  // Not at once and again: a server that is away is not to be hammered.
  if (wrong) return Math.min(times.leastMs, 50);
  if (now.key !== last.key) return times.leastMs;
  if (now.counters !== last.counters) return last.changed ? times.afterMs : times.countersMs;
  return times.mostMs;
}

/** What counts as a change, and what as a problem. */
export function keysOf({ capabilities, testnets }: HostReport): Keys {
  const parts = testnets.map(({ enforcement, ...rest }) => {
    const { counters: _, lapsedPackets, queueDrops = 0, ...seen } = enforcement;
    return { ...rest, seen, lapsed: lapsedPackets > 0, overflowed: queueDrops > 0 };
  });
  const problems = testnets.map(({ uid, enforcement, nodes }) => [
    uid,
    enforcement.problem,
    enforcement.drift,
    ...Object.values(nodes).map(({ problem }) => problem),
  ]);
  const some = problems.filter(([, ...all]) => all.some((one) => one !== undefined));
  const counters = testnets.map(({ enforcement }) => [
    enforcement.counters,
    enforcement.lapsedPackets,
    enforcement.queueDrops,
  ]);
  return {
    key: JSON.stringify([capabilities, parts]),
    problems: JSON.stringify(some),
    counters: JSON.stringify(counters),
  };
}
