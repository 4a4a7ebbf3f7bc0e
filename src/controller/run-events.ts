// What happens in a run, told to who looks at its Testnet: the second that passes is a reason to
// look at the status, and what matters becomes an Event.
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { TimelineEvent } from '../session/session.ts';
import type { Known, ReconcilerDependencies } from './known.ts';
import type { Notice } from './notices.ts';
import type { TestnetRun } from './testnet-run.ts';

/** Timeline events that are worth an Event, and its reason. */
const told: Readonly<Record<string, string>> = {
  started: 'Started',
  resumed: 'Resumed',
  ready: 'Ready',
  'fault-enforced': 'FaultEnforced',
  'fault-healed': 'FaultHealed',
  'fault-unproved': 'FaultUnproved',
  'expectation-failed': 'ExpectationFailed',
  'expectation-error': 'ExpectationUnjudged',
  gap: 'SamplesMissed',
  problem: 'Problem',
  error: 'Error',
  ended: 'Finished',
};
const warnings = /unproved|expectation|gap|problem|error/;

/** Until the run is let go of. Never throws. */
export async function announce(
  { ask, notices, onFailure }: Pick<ReconcilerDependencies, 'ask' | 'notices' | 'onFailure'>,
  { key }: Pick<Known, 'key'>,
  from: {
    readonly object: TestnetObject;
    readonly run: TestnetRun;
    /** Epoch milliseconds: what was before was told by an earlier controller. */
    readonly since: number;
  },
): Promise<void> {
  const { object, run, since } = from;
  try {
    for await (const { event } of run.running.events.watch(run.leaving)) {
      ask(key);
      if (event === undefined || Date.parse(event.at) < Math.floor(since)) continue;
      const notice = noticeOf(event);
      if (notice !== undefined) notices.tell(object, notice);
    }
  } catch (error) {
    onFailure(error);
  }
}

function noticeOf({ event, message }: TimelineEvent): Notice | undefined {
  const reason = told[event];
  if (reason === undefined) return undefined;
  const type = warnings.test(event) ? 'Warning' : 'Normal';
  return { type, reason, action: 'Run', note: message };
}
