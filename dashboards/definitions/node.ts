// One node in depth: what every kind reports, then what the software itself shows.
import { type Dashboard, ofNode, type Panel, type Scenario } from './panel.ts';

const rate = (metric: string) => `sum by (node) (rate(${metric}{${ofNode}}[$__rate_interval]))`;
const now = (metric: string) => `max by (node) (${metric}{${ofNode}})`;

/** One line for each node. */
function perNode(
  [title, description]: readonly [string, string],
  unit: string,
  { expr, scenario = 'watched' }: { readonly expr: string; readonly scenario?: Scenario },
): Panel {
  return {
    kind: 'graph',
    title,
    description,
    unit,
    scenario,
    queries: [{ expr, legend: '{{node}}' }],
  };
}

export const node: Dashboard = {
  uid: 'peerstorm-node',
  title: 'Peerstorm / Node',
  description: 'Single nodes in depth; choose them above.',
  variables: ['group', 'region', 'node'],
  rows: [
    {
      title: 'As every kind reports it',
      panels: [
        perNode(['Height', 'Height of the tip.'], 'short', { expr: now('peerstorm_node_height') }),
        {
          kind: 'graph',
          title: 'Peers',
          description: 'Peers that the node reports, by who dialled.',
          unit: 'short',
          queries: [
            {
              expr: `max by (node, direction) (peerstorm_node_peers{${ofNode}})`,
              legend: '{{node}} {{direction}}',
            },
          ],
        },
        perNode(['Live peers', 'Peers that no enforced fault cuts off.'], 'short', {
          expr: now('peerstorm_node_peers_live'),
        }),
        perNode(['Eclipse ratio', 'Share of attackers among the live peers.'], 'percentunit', {
          expr: now('peerstorm_node_eclipse_ratio'),
        }),
        perNode(['Propagation', 'Median delay of the blocks in the newest sample.'], 's', {
          expr: now('peerstorm_node_propagation_seconds'),
        }),
        perNode(['Reorgs', 'Reorganisations a second.'], 'ops', {
          expr: rate('peerstorm_node_reorgs_total'),
        }),
      ],
    },
    {
      title: 'Reference nodes',
      panels: [
        perNode(['CPU', 'Share of one core.'], 'percentunit', {
          expr: rate('peerstorm_reference_cpu_seconds_total'),
        }),
        perNode(['Memory', 'Resident memory of the process.'], 'bytes', {
          expr: now('peerstorm_reference_resident_memory_bytes'),
        }),
        perNode(['Round trip', 'Of the newest answered ping.'], 's', {
          expr: now('peerstorm_reference_round_trip_seconds'),
        }),
        {
          kind: 'graph',
          title: 'Blocks by way',
          description: 'Blocks that joined the ledger, a second: by gossip, by sync, mined.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (node, via) (rate(peerstorm_reference_blocks_total{${ofNode}}[$__rate_interval]))`,
              legend: '{{node}} {{via}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Dials',
          description: 'Dials that have ended, a second.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (node, result) (rate(peerstorm_reference_dials_total{${ofNode}}[$__rate_interval]))`,
              legend: '{{node}} {{result}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Gossip messages and duplicates',
          description: 'Gossip messages a second; duplicates are among those received.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (node, direction) (rate(peerstorm_reference_gossip_messages_total{${ofNode}}[$__rate_interval]))`,
              legend: '{{node}} {{direction}}',
            },
            {
              expr: rate('peerstorm_reference_gossip_duplicates_total'),
              legend: '{{node}} duplicates',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Bytes in and out',
          description: 'Bytes received from and sent to peers, a second.',
          unit: 'Bps',
          queries: [
            {
              expr: `sum by (node, direction) (rate(peerstorm_reference_traffic_bytes_total{${ofNode}}[$__rate_interval]))`,
              legend: '{{node}} {{direction}}',
            },
          ],
        },
        perNode(['Orphans', 'Blocks that wait for their parent.'], 'short', {
          expr: now('peerstorm_reference_orphans'),
        }),
      ],
    },
    {
      title: 'bitcoind',
      panels: [
        {
          kind: 'graph',
          title: 'Traffic',
          description: 'Bytes received from and sent to peers, a second.',
          unit: 'Bps',
          scenario: 'bitcoin',
          queries: [
            { expr: rate('bitcoind_received_bytes_total'), legend: '{{node}} received' },
            { expr: rate('bitcoind_sent_bytes_total'), legend: '{{node}} sent' },
          ],
        },
        perNode(['Chain tips', 'Ends of branches that the node knows.'], 'short', {
          expr: now('bitcoind_chain_tips'),
          scenario: 'bitcoin',
        }),
        perNode(['Bans', 'Addresses and networks that the node has banned.'], 'short', {
          expr: now('bitcoind_bans'),
          scenario: 'bitcoin',
        }),
      ],
    },
  ],
};
