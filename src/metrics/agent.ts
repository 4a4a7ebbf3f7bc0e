// The metrics of the agents on Kubernetes, as data; those of an agent as a client of the API server
// are in kubernetes.ts. One series for each testnet of a host, never for each pod.
import { counter, gauge, histogram, type Metric, named, type Row } from './row.ts';

const testnet = ['namespace', 'testnet'] as const;

const rows = {
  peerstorm_agent_pods: gauge(
    'Pods of testnets on this host: seen, held (network found), enforced (under rules).',
    [...testnet, 'state'],
  ),
  peerstorm_agent_schedule_generation: gauge(
    'Generation of the schedule that this agent knows of.',
    testnet,
  ),
  peerstorm_agent_rules_applied_seconds: histogram(
    'From when a schedule was learnt of until it was in force in a pod.',
    testnet,
    [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  ),
  peerstorm_agent_drift_total: counter(
    'Times that rules in a pod were found to differ from what was asked for.',
    testnet,
  ),
  peerstorm_agent_problems_total: counter(
    'Times that something could not be done for a pod or a testnet.',
    testnet,
  ),
  peerstorm_agent_orphans_total: counter(
    'Pods that were freed of rules of ours because they are no nodes of a testnet any more.',
    [],
  ),
  peerstorm_agent_info: gauge('Always 1; its labels say what runs where.', ['host', 'version']),
} as const satisfies Record<`peerstorm_agent_${string}`, Row>;

export type AgentMetricName = keyof typeof rows;
export const agentCatalog: readonly Metric<AgentMetricName>[] = named(rows);
