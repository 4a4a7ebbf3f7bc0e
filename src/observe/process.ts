// The process that observes a local testnet: apart from the supervisor, so that neither delays the
// other. Started by remote.ts with the plan's path; told by messages which nodes run.
import { readFile } from 'node:fs/promises';
import { messageOf } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import type { Plan } from '../plan/plan.ts';
import { systemClock } from '../runtime/clock.ts';
import { askNode } from '../runtime/node-request.ts';
import { startObserver } from './observer.ts';
import type { FromObserver, ToObserver } from './remote.ts';
import { dutiesOf, targetsOf } from './targets.ts';

const batchMs = 100;

const plan = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as Plan;
const targets = targetsOf(plan, { kinds, dataDirectory: (node) => node });
const addresses = new Map(plan.nodes.map(({ name, address }) => [name, address]));
const stop = new AbortController();
let batch: FromObserver = { observations: [], failures: [] };

const observer = startObserver(
  {
    targets,
    dutiesOf: dutiesOf(targets),
    ask: (node, request, signal) => askNode(addresses.get(node) ?? '', request, signal),
    clock: systemClock,
    intervalMs: plan.sampleIntervalMs,
    randomSeed: plan.randomSeed,
    onObservation: (node, observed, seconds) =>
      batch.observations.push({ node, observed, seconds }),
    onFailure: (node, error) =>
      batch.failures.push({
        node,
        message: typeof error === 'string' ? error : messageOf(error),
      }),
  },
  stop.signal,
);
process.on('message', ({ follow, awaited, every }: ToObserver) =>
  observer.follow(follow, awaited, every),
);
process.on('disconnect', () => process.exit(0));
setInterval(() => {
  if (batch.observations.length + batch.failures.length === 0) return;
  process.send?.(batch);
  batch = { observations: [], failures: [] };
}, batchMs);
