// Peerstorm itself: does it keep up? Controller and agents on Kubernetes, observation and probes
// everywhere.
import { type Dashboard, ofGroup, ofTestnet, type Panel, perTestnet, quantiles } from './panel.ts';

const rate = (metric: string, by: string, filter = '') =>
  `sum by (${by}) (rate(${metric}{${filter}}[$__rate_interval]))`;

/** A panel that has data where controller and agents are. */
function onKubernetes(
  [title, description]: readonly [string, string],
  unit: string,
  queries: Panel['queries'],
): Panel {
  return { kind: 'graph', title, description, unit, queries, scenario: 'kubernetes' };
}

export const peerstorm: Dashboard = {
  uid: 'peerstorm-peerstorm',
  title: 'Peerstorm / Peerstorm',
  description: 'Does Peerstorm keep up: observation, probes, decisions, controller and agents.',
  variables: ['group'],
  rows: [
    {
      title: 'Observation and probes',
      panels: [
        {
          kind: 'graph',
          title: 'Observing one node',
          description: 'How long it takes to ask one node.',
          unit: 's',
          queries: quantiles('peerstorm_observe_duration_seconds', { filter: ofGroup }),
        },
        {
          kind: 'graph',
          title: 'Failed observations',
          description: 'Nodes that could not be observed, a second, by group.',
          unit: 'ops',
          queries: [
            {
              expr: rate('peerstorm_observe_failures_total', 'group', ofGroup),
              legend: '{{group}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Rounds of probes',
          description: 'How long a round of fault probes takes.',
          unit: 's',
          queries: quantiles('peerstorm_probe_duration_seconds', { quantiles: [0.5, 0.99] }),
        },
        {
          kind: 'graph',
          title: 'Deciding',
          description: 'How long one decision takes.',
          unit: 's',
          queries: quantiles('peerstorm_decide_duration_seconds'),
        },
        {
          kind: 'graph',
          title: 'Event loop',
          description: '99th percentile of the delay of the event loop of the run.',
          unit: 's',
          queries: [
            {
              expr: `max by (${perTestnet}) (peerstorm_event_loop_lag_seconds{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
          thresholds: [
            [0.05, 'orange'],
            [0.25, 'red'],
          ],
        },
        {
          kind: 'graph',
          title: 'Series left out',
          description: "Series of the nodes' own metrics that the page of the run leaves out.",
          unit: 'short',
          queries: [
            {
              expr: `sum by (${perTestnet}) (peerstorm_exposition_left_out_series{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
          thresholds: [[1, 'orange']],
        },
      ],
    },
    {
      title: 'Controller (Kubernetes)',
      panels: [
        onKubernetes(['Reconciliations', 'A second, by result.'], 'ops', [
          { expr: rate('controller_runtime_reconcile_total', 'result'), legend: '{{result}}' },
        ]),
        onKubernetes(
          ['Reconciling', 'How long a reconciliation takes.'],
          's',
          quantiles('controller_runtime_reconcile_time_seconds', { filter: '' }),
        ),
        onKubernetes(['Queue', 'Keys that wait for a worker.'], 'short', [
          { expr: 'sum by (name) (workqueue_depth)', legend: '{{name}}' },
        ]),
        onKubernetes(['Requests to the API server', 'A second, by status.'], 'reqps', [
          { expr: rate('rest_client_requests_total', 'code'), legend: '{{code}}' },
        ]),
        onKubernetes(['Silence of watches', 'Since the API server was last heard of.'], 's', [
          { expr: 'max by (resource) (peerstorm_watch_silent_seconds)', legend: '{{resource}}' },
        ]),
        onKubernetes(['Leaders', 'Processes that lead; there should be one.'], 'short', [
          { expr: 'sum by (name) (leader_election_master_status)', legend: '{{name}}' },
        ]),
      ],
    },
    {
      title: 'Agents (Kubernetes)',
      panels: [
        onKubernetes(['Pods', 'Seen, held and enforced, over all hosts.'], 'short', [
          {
            expr: `sum by (state) (peerstorm_agent_pods{${ofTestnet}})`,
            legend: '{{state}}',
          },
        ]),
        onKubernetes(
          ['Applying rules', 'From when a schedule was learnt of until it was in force.'],
          's',
          quantiles('peerstorm_agent_rules_applied_seconds', { quantiles: [0.5, 0.99] }),
        ),
        onKubernetes(['Drift and problems', 'Times a second.'], 'ops', [
          { expr: rate('peerstorm_agent_drift_total', 'testnet', ofTestnet), legend: 'drift' },
          {
            expr: rate('peerstorm_agent_problems_total', 'testnet', ofTestnet),
            legend: 'problems',
          },
        ]),
      ],
    },
  ],
};
