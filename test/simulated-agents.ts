// Agents over the simulated runtime: two hosts, on which nodes are by turns. What they ask and keep
// is the agents' own code; what is not here is HTTP, and who may read.
import { createObservations, type Observations } from '../src/agent/observations.ts';
import type { AskingAgents } from '../src/controller/observe.ts';
import { fail } from '../src/errors.ts';
import { kinds } from '../src/kinds/index.ts';
import type { NodeName } from '../src/names.ts';
import type { Plan } from '../src/plan/plan.ts';
import type { Clock } from '../src/runtime/clock.ts';
import { observeOrder } from '../src/runtime/kubernetes/observe-order.ts';
import type { Runtime } from '../src/runtime/runtime.ts';

export type SimulatedAgents = {
  readonly agents: AskingAgents;
  /** Those that do not answer, and those that never end to. */
  readonly silent: Set<string>;
  readonly stuck: Set<string>;
};

type Simulation = { readonly plan: Plan; readonly runtime: Pick<Runtime, 'request'> };

export function simulatedAgents(
  above: number,
  clock: Clock,
  simulation: () => Simulation,
): SimulatedAgents {
  const silent = new Set<string>();
  const stuck = new Set<string>();
  const hosts = new Map<string, Observations>();
  const hostOf = (node: NodeName) =>
    simulation().plan.nodes.findIndex(({ name }) => name === node) % 2 === 0 ? 'even' : 'odd';
  const begin = (host: string): Observations => {
    const { plan, runtime } = simulation();
    const observations = createObservations({
      clock,
      ask: async (address, request, signal) => {
        const node = plan.nodes.find((one) => one.address === address);
        if (node === undefined) throw new TypeError(`nobody is at ${address}`);
        return await runtime.request(node.name, request, signal);
      },
    });
    const here = plan.nodes.filter(({ name }) => hostOf(name) === host);
    observations.follow(
      observeOrder(plan, kinds, above),
      here.map(({ name, address }) => ({ node: name, ips: [address] })),
    );
    hosts.set(host, observations);
    return observations;
  };
  const read: AskingAgents['read'] = async (host, { since }) => {
    if (stuck.has(host)) await new Promise(() => undefined);
    if (silent.has(host)) throw fail('COMMAND_FAILED', 'it answers 401');
    return (hosts.get(host) ?? begin(host)).page(since);
  };
  return { agents: { above, read, hostOf: (_, node) => hostOf(node) }, silent, stuck };
}
