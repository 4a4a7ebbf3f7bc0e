// What an agent serves at /metrics, registered from the catalogue.
import type { Registry } from 'prom-client';
import { agentCatalog } from '../metrics/agent.ts';
import { registerMetrics } from '../runtime/register-metrics.ts';
import type { TestnetId } from './selection.ts';

export type TestnetGauges = {
  readonly testnet: TestnetId;
  readonly pods: { readonly seen: number; readonly held: number; readonly enforced: number };
  readonly generation: number | undefined;
};

export interface AgentMetrics {
  /** Its counters begin at 0: one that is absent until something goes wrong is no 0 to anybody. */
  began(testnet: TestnetId): void;
  /** Nothing of it is served any more. */
  ended(testnet: TestnetId): void;
  applied(testnet: TestnetId, seconds: number): void;
  drifted(testnet: TestnetId): void;
  failed(testnet: TestnetId): void;
  freed(pods: number): void;
}

/** `look` is asked at each scrape. */
export function agentMetrics(
  registry: Registry,
  identity: { readonly host: string; readonly version: string },
  look: () => readonly TestnetGauges[],
): AgentMetrics {
  const { gauge, counter, histogram } = registerMetrics(registry, agentCatalog, {
    peerstorm_agent_pods: (metric) => {
      for (const { testnet, pods } of look()) {
        for (const [state, count] of Object.entries(pods)) {
          metric.set({ ...labelsOf(testnet), state }, count);
        }
      }
    },
    peerstorm_agent_schedule_generation: (metric) => {
      for (const { testnet, generation } of look()) {
        if (generation !== undefined) metric.set(labelsOf(testnet), generation);
      }
    },
  });
  gauge('peerstorm_agent_info').set(identity, 1);
  const troubles = ['peerstorm_agent_drift_total', 'peerstorm_agent_problems_total'] as const;
  return {
    began: (testnet) => {
      for (const name of troubles) counter(name).inc(labelsOf(testnet), 0);
    },
    ended: (testnet) => {
      for (const name of troubles) counter(name).remove(labelsOf(testnet));
      histogram('peerstorm_agent_rules_applied_seconds').remove(labelsOf(testnet));
    },
    applied: (testnet, seconds) =>
      histogram('peerstorm_agent_rules_applied_seconds').observe(labelsOf(testnet), seconds),
    drifted: (testnet) => counter('peerstorm_agent_drift_total').inc(labelsOf(testnet)),
    failed: (testnet) => counter('peerstorm_agent_problems_total').inc(labelsOf(testnet)),
    freed: (pods) => counter('peerstorm_agent_orphans_total').inc(pods),
  };
}

function labelsOf({ namespace, name }: TestnetId) {
  return { namespace, testnet: name };
}
