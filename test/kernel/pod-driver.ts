// An agent with one pod, to be killed: enforces what it is given as its argument, says so, and goes
// on living.
import type { NodeName } from '../../src/names.ts';
import { openPodEnforcer } from '../../src/runtime/kubernetes/pod-enforcer.ts';
import type { Schedule } from '../../src/runtime/runtime.ts';

export type PodOrder = {
  readonly self: NodeName;
  readonly netns: string;
  readonly faultIds: readonly (readonly [string, number])[];
  readonly schedule: Schedule;
  readonly addresses: readonly (readonly [NodeName, readonly string[]])[];
};

const order: PodOrder = JSON.parse(process.argv[2] ?? '');
const { self, netns, schedule } = order;
const faultIds = new Map(order.faultIds);
const enforcer = await openPodEnforcer({ self, netns, leaseSeconds: 60, faultIds });
await enforcer.enforce(schedule, new Map(order.addresses), { openEgress: true });
process.stdout.write('in force\n');
setInterval(() => undefined, 60_000);
