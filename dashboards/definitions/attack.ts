// Who is eclipsed, by how many, and how far behind.
import { type Dashboard, ofNode, ofTestnet, perTestnet } from './panel.ts';

const perNode = `${perTestnet}, node`;
/** Attackers are no victims of their own. */
const victims = `max by (${perNode}) (peerstorm_node_eclipse_ratio{${ofNode}}) == 1`;

export const attack: Dashboard = {
  uid: 'peerstorm-attack',
  title: 'Peerstorm / Attack',
  description: 'Eclipses: who is surrounded by attackers, by how many, and how far behind.',
  variables: ['group', 'region', 'node'],
  rows: [
    {
      title: 'Eclipse',
      panels: [
        {
          kind: 'stat',
          title: 'Eclipsed nodes',
          description:
            'Honest nodes whose every way to other honest nodes leads through attackers.',
          unit: 'short',
          width: 6,
          queries: [{ expr: `sum(peerstorm_eclipsed_nodes{${ofTestnet}})`, legend: 'eclipsed' }],
          thresholds: [[1, 'red']],
        },
        {
          kind: 'stat',
          title: 'Highest eclipse ratio',
          description: 'The greatest share of attackers among the live peers of a node.',
          unit: 'percentunit',
          width: 6,
          max: 1,
          queries: [{ expr: `max(peerstorm_node_eclipse_ratio{${ofNode}})`, legend: 'highest' }],
          thresholds: [
            [0.5, 'orange'],
            [1, 'red'],
          ],
        },
        {
          kind: 'graph',
          title: 'Eclipsed nodes',
          description: 'Over time, below the faults that cause it.',
          unit: 'short',
          width: 12,
          queries: [
            {
              expr: `sum by (${perTestnet}) (peerstorm_eclipsed_nodes{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
          thresholds: [[1, 'red']],
        },
        {
          kind: 'graph',
          title: 'Eclipse ratio by node',
          description:
            'The twenty nodes with the greatest share of attackers among their live peers.',
          unit: 'percentunit',
          width: 12,
          max: 1,
          queries: [
            {
              expr: `topk(20, max by (${perNode}) (peerstorm_node_eclipse_ratio{${ofNode}}) > 0)`,
              legend: '{{node}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Live peers by origin',
          description: 'Of the chosen nodes: how many live peers attack, and how many do not.',
          unit: 'short',
          width: 12,
          queries: [
            { expr: `sum(peerstorm_node_attacking_peers{${ofNode}})`, legend: 'attackers' },
            {
              expr: `sum(peerstorm_node_peers_live{${ofNode}}) - sum(peerstorm_node_attacking_peers{${ofNode}})`,
              legend: 'honest',
            },
          ],
        },
        {
          kind: 'table',
          title: 'Victims now',
          description: 'Nodes with an eclipse ratio of 1 at the end of the chosen time.',
          unit: 'percentunit',
          width: 12,
          queries: [{ expr: victims, legend: 'eclipse ratio' }],
        },
        {
          kind: 'graph',
          title: 'How far victims are behind',
          description: 'Blocks between the greatest height and the height of each eclipsed node.',
          unit: 'short',
          width: 12,
          queries: [
            {
              expr: `(max by (${perTestnet}) (peerstorm_node_height{${ofTestnet}}) - on (${perTestnet}) group_right () max by (${perNode}) (peerstorm_node_height{${ofNode}})) and on (${perNode}) (${victims})`,
              legend: '{{node}}',
            },
          ],
        },
      ],
    },
  ],
};
