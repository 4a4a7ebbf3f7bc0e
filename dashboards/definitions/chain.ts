// Forks, reorgs, stale blocks, miners, mempools.
import { type Dashboard, ofGroup, ofNode, ofTestnet, perTestnet, quantiles } from './panel.ts';

const mined = `sum by (${perTestnet}) (rate(peerstorm_node_blocks_mined_total{${ofTestnet}}[$__rate_interval]))`;
const stale = `sum by (${perTestnet}) (rate(peerstorm_reorg_depth_blocks_sum{${ofTestnet}}[$__rate_interval]))`;
const answering = `max by (${perTestnet}) (peerstorm_nodes_answering{${ofTestnet}})`;

export const chain: Dashboard = {
  uid: 'peerstorm-chain',
  title: 'Peerstorm / Chain',
  description: 'Forks, reorganisations, stale blocks, miners and mempools.',
  variables: ['group', 'region', 'node'],
  rows: [
    {
      title: 'Forks',
      panels: [
        {
          kind: 'graph',
          title: 'Height',
          description: 'Greatest and least height of the chosen nodes.',
          unit: 'short',
          queries: [
            { expr: `max(peerstorm_node_height{${ofNode}})`, legend: 'greatest' },
            { expr: `min(peerstorm_node_height{${ofNode}})`, legend: 'least' },
          ],
        },
        {
          kind: 'graph',
          title: 'Forks and tips',
          description: 'Tips that are no ancestor of another tip, and different tips.',
          unit: 'short',
          queries: [
            { expr: `max(peerstorm_chain_forks{${ofTestnet}})`, legend: 'forks' },
            { expr: `max(peerstorm_distinct_tips{${ofTestnet}})`, legend: 'tips' },
          ],
          thresholds: [[2, 'orange']],
        },
        {
          kind: 'graph',
          title: 'Reorgs',
          description: 'Reorganisations of the chosen nodes, a second, by group.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (group) (rate(peerstorm_node_reorgs_total{${ofNode}}[$__rate_interval]))`,
              legend: '{{group}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Depth of reorgs',
          description: 'Blocks that a node gave up in one reorg.',
          unit: 'short',
          queries: quantiles('peerstorm_reorg_depth_blocks', {
            quantiles: [0.5, 0.99],
            filter: ofGroup,
          }),
        },
        {
          kind: 'graph',
          title: 'Deepest reorg now',
          description: 'Of the newest sample, by group.',
          unit: 'short',
          queries: [
            {
              expr: `max by (group) (peerstorm_node_reorg_depth{${ofNode}})`,
              legend: '{{group}}',
            },
          ],
          thresholds: [[6, 'red']],
        },
        {
          kind: 'graph',
          title: 'Stale rate',
          description: 'Share of the blocks found that a node on average gave up again.',
          unit: 'percentunit',
          queries: [{ expr: `${stale} / ${answering} / (${mined} > 0)`, legend: '{{testnet}}' }],
        },
      ],
    },
    {
      title: 'Miners',
      panels: [
        {
          kind: 'graph',
          title: 'Blocks found',
          description: 'Blocks found a second, by node.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (node) (rate(peerstorm_node_blocks_mined_total{${ofNode}}[$__rate_interval]))`,
              legend: '{{node}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Time between blocks',
          description: 'Mean over all miners.',
          unit: 's',
          queries: [{ expr: `1 / (${mined} > 0)`, legend: '{{testnet}}' }],
        },
        {
          kind: 'graph',
          title: 'Time to reach the network',
          description: 'Median time until that share of the answering nodes had a block.',
          unit: 's',
          queries: quantiles('peerstorm_time_to_reach_seconds', { quantiles: [0.5], by: 'share' }),
        },
      ],
    },
    {
      title: 'Mempool (bitcoind)',
      panels: [
        {
          kind: 'graph',
          title: 'Waiting transactions',
          description: 'Transactions in the mempools of the chosen nodes: mean and greatest.',
          unit: 'short',
          width: 12,
          scenario: 'bitcoin',
          queries: [
            { expr: `avg(bitcoind_mempool_transactions{${ofNode}})`, legend: 'mean' },
            { expr: `max(bitcoind_mempool_transactions{${ofNode}})`, legend: 'greatest' },
          ],
        },
        {
          kind: 'graph',
          title: 'Size of the mempool',
          description: 'Virtual size of the waiting transactions: mean and greatest.',
          unit: 'bytes',
          width: 12,
          scenario: 'bitcoin',
          queries: [
            { expr: `avg(bitcoind_mempool_bytes{${ofNode}})`, legend: 'mean' },
            { expr: `max(bitcoind_mempool_bytes{${ofNode}})`, legend: 'greatest' },
          ],
        },
      ],
    },
  ],
};
