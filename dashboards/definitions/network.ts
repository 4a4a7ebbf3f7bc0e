// Are we whole? Nodes, peers, components, tips, heights, propagation.
import { type Dashboard, ofNode, ofTestnet, perTestnet, quantiles } from './panel.ts';

export const network: Dashboard = {
  uid: 'peerstorm-network',
  title: 'Peerstorm / Network',
  description: 'Is the network whole: its nodes, who is connected with whom, what they agree on.',
  variables: ['group', 'region', 'node'],
  rows: [
    {
      title: 'Is it whole',
      panels: [
        {
          kind: 'stat',
          title: 'Nodes ready',
          description: 'Nodes whose kind says that they are ready.',
          unit: 'short',
          width: 4,
          queries: [{ expr: `sum(peerstorm_nodes_ready{${ofTestnet}})`, legend: 'ready' }],
          thresholds: [[1, 'green']],
          base: 'red',
        },
        {
          kind: 'stat',
          title: 'Nodes answering',
          description: 'Nodes that answered in the last two seconds.',
          unit: 'short',
          width: 4,
          queries: [{ expr: `sum(peerstorm_nodes_answering{${ofTestnet}})`, legend: 'answering' }],
          thresholds: [[1, 'green']],
          base: 'red',
        },
        {
          kind: 'stat',
          title: 'Components',
          description: 'Parts of the network that do not reach each other. 1 is whole.',
          unit: 'short',
          width: 4,
          queries: [{ expr: `max(peerstorm_components{${ofTestnet}})`, legend: 'components' }],
          thresholds: [[2, 'red']],
        },
        {
          kind: 'stat',
          title: 'Largest component',
          description: 'Share of the answering nodes that are in the largest component.',
          unit: 'percentunit',
          width: 4,
          queries: [
            { expr: `min(peerstorm_giant_component_ratio{${ofTestnet}})`, legend: 'share' },
          ],
          thresholds: [
            [0.5, 'orange'],
            [1, 'green'],
          ],
          base: 'red',
          max: 1,
        },
        {
          kind: 'stat',
          title: 'Distinct tips',
          description: 'Different heads of chain among the answering nodes.',
          unit: 'short',
          width: 4,
          queries: [{ expr: `max(peerstorm_distinct_tips{${ofTestnet}})`, legend: 'tips' }],
          thresholds: [
            [2, 'yellow'],
            [4, 'orange'],
          ],
        },
        {
          kind: 'stat',
          title: 'Agreement',
          description: 'Share of the answering nodes on the commonest tip.',
          unit: 'percentunit',
          width: 4,
          queries: [{ expr: `min(peerstorm_agreement_ratio{${ofTestnet}})`, legend: 'agreement' }],
          thresholds: [
            [0.5, 'orange'],
            [0.9, 'green'],
          ],
          base: 'red',
          max: 1,
        },
      ],
    },
    {
      title: 'Nodes and peers',
      panels: [
        {
          kind: 'stack',
          title: 'Nodes by state',
          description:
            'How many nodes are in which state: starting, running, ready, paused, exited.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (state) (peerstorm_nodes{${ofTestnet}})`,
              legend: '{{state}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Components',
          description: 'Connected parts of the graph of live edges; faults cut edges at once.',
          unit: 'short',
          queries: [
            {
              expr: `max by (${perTestnet}) (peerstorm_components{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
          thresholds: [[2, 'red']],
        },
        {
          kind: 'graph',
          title: 'Live edges',
          description: 'Connected pairs of nodes that no enforced fault cuts off.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (${perTestnet}) (peerstorm_live_edges{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Peers of a node, by direction',
          description: 'Mean number of peers that nodes report, by who dialled.',
          unit: 'short',
          queries: [
            {
              expr: `avg by (direction) (peerstorm_node_peers{${ofNode}})`,
              legend: '{{direction}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Live peers of a node',
          description:
            'Least, median and greatest number of peers that no enforced fault cuts off.',
          unit: 'short',
          queries: [
            { expr: `min(peerstorm_node_peers_live{${ofNode}})`, legend: 'least' },
            { expr: `quantile(0.5, peerstorm_node_peers_live{${ofNode}})`, legend: 'median' },
            { expr: `max(peerstorm_node_peers_live{${ofNode}})`, legend: 'greatest' },
          ],
        },
        {
          kind: 'graph',
          title: 'Isolated nodes',
          description: 'Nodes without a live peer.',
          unit: 'short',
          queries: [{ expr: `sum(peerstorm_node_isolated{${ofNode}})`, legend: 'isolated' }],
          thresholds: [[1, 'red']],
        },
      ],
    },
    {
      title: 'What they agree on, and how fast news goes',
      panels: [
        {
          kind: 'graph',
          title: 'Height spread',
          description: 'Greatest height minus least height.',
          unit: 'short',
          queries: [
            {
              expr: `max by (${perTestnet}) (peerstorm_height_spread{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Agreement',
          description: 'Share of the answering nodes on the commonest tip.',
          unit: 'percentunit',
          max: 1,
          queries: [
            {
              expr: `min by (${perTestnet}) (peerstorm_agreement_ratio{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Propagation of blocks',
          description: 'From the creation of a block to its first reception by a node.',
          unit: 's',
          queries: quantiles('peerstorm_propagation_seconds'),
        },
        {
          kind: 'graph',
          title: 'Time to reach the network',
          description: 'Median time until that share of the answering nodes had a block.',
          unit: 's',
          width: 12,
          queries: quantiles('peerstorm_time_to_reach_seconds', { quantiles: [0.5], by: 'share' }),
        },
        {
          kind: 'stack',
          title: 'Expectations',
          description: 'Claims of the spec by status.',
          unit: 'short',
          width: 12,
          queries: [
            {
              expr: `sum by (status) (peerstorm_expectations{${ofTestnet}})`,
              legend: '{{status}}',
            },
          ],
        },
      ],
    },
  ],
};
