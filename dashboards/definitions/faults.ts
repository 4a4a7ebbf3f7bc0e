// What was done to the network, when, and whether it came out as asked.
import { type Dashboard, ofTestnet, perTestnet } from './panel.ts';

const perFault = `${perTestnet}, fault, kind`;
const rate = (metric: string) =>
  `sum by (${perFault}) (rate(${metric}{${ofTestnet}}[$__rate_interval]))`;
const now = (metric: string) => `max by (${perFault}) (${metric}{${ofTestnet}})`;

export const faults: Dashboard = {
  uid: 'peerstorm-faults',
  title: 'Peerstorm / Faults',
  description: 'Which faults were in force when, what they hit, and asked against measured.',
  variables: [],
  rows: [
    {
      title: 'When',
      panels: [
        {
          kind: 'states',
          title: 'Faults in force',
          description: 'One line for each fault; coloured while it is in force.',
          unit: 'bool_on_off',
          width: 24,
          queries: [{ expr: now('peerstorm_fault_active'), legend: '{{fault}}' }],
        },
        {
          kind: 'graph',
          title: 'Components',
          description: 'What a split does, below the faults that cause it.',
          unit: 'short',
          queries: [
            {
              expr: `max by (${perTestnet}) (peerstorm_components{${ofTestnet}})`,
              legend: '{{testnet}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Packets dropped',
          description: 'Packets that faults dropped, a second.',
          unit: 'pps',
          queries: [{ expr: rate('peerstorm_fault_dropped_packets_total'), legend: '{{fault}}' }],
        },
        {
          kind: 'graph',
          title: 'Packets hit',
          description: 'Packets that faults applied to, a second.',
          unit: 'pps',
          queries: [{ expr: rate('peerstorm_fault_matched_packets_total'), legend: '{{fault}}' }],
        },
        {
          kind: 'graph',
          title: 'Bytes dropped',
          description: 'Bytes that faults dropped, a second.',
          unit: 'Bps',
          queries: [{ expr: rate('peerstorm_fault_dropped_bytes_total'), legend: '{{fault}}' }],
        },
        {
          kind: 'graph',
          title: 'Bytes hit',
          description: 'Bytes that faults applied to, a second.',
          unit: 'Bps',
          queries: [{ expr: rate('peerstorm_fault_matched_bytes_total'), legend: '{{fault}}' }],
        },
        {
          kind: 'graph',
          title: 'Live peers of a node',
          description: 'Least and mean number of peers that no fault cuts off.',
          unit: 'short',
          queries: [
            { expr: `min(peerstorm_node_peers_live{${ofTestnet}})`, legend: 'least' },
            { expr: `avg(peerstorm_node_peers_live{${ofTestnet}})`, legend: 'mean' },
          ],
        },
      ],
    },
    {
      title: 'Asked against measured',
      panels: [
        {
          kind: 'graph',
          title: 'Loss',
          description: 'Loss that was asked for and that probes measured.',
          unit: 'percentunit',
          queries: [
            { expr: now('peerstorm_fault_asked_loss_ratio'), legend: '{{fault}} asked' },
            { expr: now('peerstorm_fault_measured_loss_ratio'), legend: '{{fault}} measured' },
          ],
        },
        {
          kind: 'graph',
          title: 'Delay',
          description: 'One-way delay that was asked for and that probes measured.',
          unit: 's',
          scenario: 'delay',
          queries: [
            { expr: now('peerstorm_fault_asked_delay_seconds'), legend: '{{fault}} asked' },
            { expr: now('peerstorm_fault_measured_delay_seconds'), legend: '{{fault}} measured' },
          ],
        },
        {
          kind: 'table',
          title: 'How late',
          description:
            'From the planned start until a fault was in force, and from its planned end until it was gone.',
          unit: 's',
          queries: [
            { expr: now('peerstorm_fault_apply_seconds'), legend: 'begun' },
            { expr: now('peerstorm_fault_heal_seconds'), legend: 'ended' },
          ],
        },
        {
          kind: 'table',
          title: 'Planned and actual times',
          description: 'When each fault was to begin and end, and when it did.',
          unit: 'dateTimeAsIso',
          width: 16,
          queries: [
            {
              expr: `${now('peerstorm_fault_planned_start_timestamp_seconds')} * 1000`,
              legend: 'planned start',
            },
            {
              expr: `${now('peerstorm_fault_actual_start_timestamp_seconds')} * 1000`,
              legend: 'actual start',
            },
            {
              expr: `${now('peerstorm_fault_planned_end_timestamp_seconds')} * 1000`,
              legend: 'planned end',
            },
            {
              expr: `${now('peerstorm_fault_actual_end_timestamp_seconds')} * 1000`,
              legend: 'actual end',
            },
          ],
        },
        {
          kind: 'stat',
          title: 'Proved',
          description: 'Faults that probes and counters proved, of those that were judged.',
          unit: 'percentunit',
          queries: [{ expr: `avg(peerstorm_fault_proved{${ofTestnet}})`, legend: 'proved' }],
          thresholds: [[1, 'green']],
          base: 'red',
          max: 1,
        },
      ],
    },
    {
      title: 'What must not happen',
      panels: [
        {
          kind: 'stat',
          title: 'Leaked probes',
          description: 'Probes that crossed a cut. More than 0 voids the run.',
          unit: 'short',
          width: 6,
          queries: [
            {
              expr: `sum(max_over_time(peerstorm_fault_leaked_probes_total{${ofTestnet}}[$__range]))`,
              legend: 'leaked',
            },
          ],
          thresholds: [[1, 'red']],
        },
        {
          kind: 'stat',
          title: 'Lapsed packets',
          description: 'Packets that passed because the lease of the faults had run out.',
          unit: 'short',
          width: 6,
          queries: [
            {
              expr: `sum(max_over_time(peerstorm_lapsed_packets_total{${ofTestnet}}[$__range]))`,
              legend: 'lapsed',
            },
          ],
          thresholds: [[1, 'red']],
        },
        {
          kind: 'stat',
          title: 'Queue drops',
          description: 'Packets lost in queues that were to delay them only.',
          unit: 'short',
          width: 6,
          queries: [
            {
              expr: `sum(max_over_time(peerstorm_queue_dropped_packets_total{${ofTestnet}}[$__range]))`,
              legend: 'dropped',
            },
          ],
          thresholds: [[1, 'orange']],
        },
        {
          kind: 'stat',
          title: 'Drift',
          description: 'Hosts whose kernel holds other rules than it was asked to.',
          unit: 'short',
          width: 6,
          queries: [{ expr: `sum(peerstorm_enforcement_drift{${ofTestnet}})`, legend: 'hosts' }],
          thresholds: [[1, 'red']],
        },
      ],
    },
  ],
};
