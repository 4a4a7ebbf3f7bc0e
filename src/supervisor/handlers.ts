// What becomes of what is heard of the nodes, from the observer and from the logs.
import { messageOf } from '../errors.ts';
import type { NodeName } from '../names.ts';
import type { LogHandlers } from '../observe/log-watch.ts';
import type { ObservationHandlers, Running } from './run.ts';

export function logHandlers(running: () => Running): LogHandlers {
  return {
    onMatch: (match) => running().logMatches.add(match),
    onFailure: (node, error) => {
      const message = `the log of ${node} cannot be read: ${messageOf(error)}`;
      running().stop ??= { code: 'CONTACT_LOST', exit: 3, message };
    },
  };
}

export function observationHandlers(running: () => Running): ObservationHandlers {
  return {
    onObservation: (node, answer, seconds) => {
      const { sampler, metrics, spread, targets, clock } = running();
      const group = groupOf(targets, node);
      sampler.record(node, answer);
      metrics.observed(group, seconds);
      spread.heard(group, answer.observation, clock.now());
    },
    onFailure: (node, message) => {
      running().observationFailures.set(node, message);
      running().metrics.unobserved(groupOf(running().targets, node));
    },
    onLost: (message) => {
      running().stop ??= { code: 'CONTACT_LOST', exit: 3, message };
    },
  };
}

export function groupOf(targets: Running['targets'], node: string): string {
  return targets.get(node as NodeName)?.context.group ?? '';
}
