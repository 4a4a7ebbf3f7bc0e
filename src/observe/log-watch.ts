// Counts the log lines that expectations ask about. User patterns run on a linear-time engine
// (RE2).
import { RE2JS } from 're2js';
import type { NodeName } from '../names.ts';
import type { PlannedExpectation } from '../plan/plan.ts';
import type { Runtime } from '../runtime/runtime.ts';

export type LogMatch = {
  readonly expectation: string;
  readonly node: NodeName;
  readonly text: string;
};

export type LogHandlers = {
  readonly onMatch: (match: LogMatch) => void;
  /** A log cannot be read: from here on its lines are not counted. */
  readonly onFailure: (node: NodeName, error: unknown) => void;
};

export interface LogWatch {
  /** Nodes that these select and no one before did are followed from now on. */
  follow(expectations: readonly PlannedExpectation[]): void;
}

/** Follows the logs of all nodes that a log expectation selects, until the signal is aborted. */
export function watchLogs(
  runtime: Pick<Runtime, 'logs'>,
  handlers: LogHandlers,
  signal: AbortSignal,
): LogWatch {
  const patterns = new Map<string, RE2JS>();
  const followed = new Set<NodeName>();
  const follow = async (node: NodeName, wanted: readonly string[]) => {
    for await (const { text } of runtime.logs(node, { follow: true }, signal)) {
      for (const expectation of wanted) {
        const found = patterns.get(expectation)?.matcher(text).find() === true;
        if (found) handlers.onMatch({ expectation, node, text });
      }
    }
  };
  return {
    follow: (expectations) => {
      const logs = expectations.filter((one) => 'log' in one);
      for (const { name, log } of logs) {
        if (!patterns.has(name)) patterns.set(name, RE2JS.compile(log.matches));
      }
      for (const node of new Set(logs.flatMap(({ log }) => log.of))) {
        if (followed.has(node)) continue;
        followed.add(node);
        const wanted = logs.filter(({ log }) => log.of.includes(node)).map(({ name }) => name);
        follow(node, wanted).catch((error: unknown) => {
          if (!signal.aborted) handlers.onFailure(node, error);
        });
      }
    },
  };
}
