// Planning at the size that the spec promises: 60,000 nodes.
import { performance } from 'node:perf_hooks';
import { kinds } from '../../src/kinds/index.ts';
import { planTestnet } from '../../src/plan/plan-testnet.ts';
import { type Testnet, testnet } from '../../src/spec/schema.ts';
import type { BenchResult } from './result.ts';

const nodes = 60_000;
const groups = 8;

/** Seconds from spec to plan, and the heap that a plan takes. */
export async function benchPlan(): Promise<BenchResult[]> {
  return (['random-regular', 'bitcoin'] as const).flatMap((model) => {
    const spec = largeTestnet(model);
    const heapBefore = process.memoryUsage().heapUsed;
    const start = performance.now();
    const { plan, problems } = planTestnet(spec, kinds);
    const seconds = (performance.now() - start) / 1000;
    const heapMiB = (process.memoryUsage().heapUsed - heapBefore) / 2 ** 20;
    if (plan === undefined) throw new TypeError(JSON.stringify(problems));
    const name = `plan of ${plan.nodes.length} nodes, ${model}`;
    return [
      { name, unit: 's', value: Number(seconds.toFixed(2)), most: 5 },
      { name: `${name}: heap`, unit: 'MiB', value: Math.round(heapMiB) },
    ];
  });
}

function largeTestnet(model: 'random-regular' | 'bitcoin'): Testnet {
  return testnet.parse({
    apiVersion: 'peerstorm.dev/v1alpha1',
    kind: 'Testnet',
    metadata: { name: 'large' },
    spec: {
      network: {
        regions: [{ name: 'eu' }, { name: 'us' }, { name: 'ap' }],
        links: [
          { between: ['eu', 'us'], rtt: '85ms', jitter: '5ms' },
          { default: true, rtt: '160ms' },
          { within: 'eu', delay: '5ms' },
        ],
        addressing: { pool: 'private', netgroups: 16 },
      },
      groups: Array.from({ length: groups }, (_, at) => ({
        name: `group${at}`,
        count: nodes / groups,
        kind: kinds.has('reference') ? 'reference' : 'bitcoind',
        bootstrap: at === 0,
      })),
      discovery: { seeds: { group: 'group0', sample: 8 } },
      topology: { model },
      faults: [
        { name: 'split', at: '60s', for: '60s', partition: { sides: [{ region: 'eu' }] } },
        { name: 'reboot', at: '5m', restart: { targets: { sample: '10%' } } },
      ],
      expect: [
        { name: 'heals', after: 'split', within: '60s', metric: 'distinct_tips', is: '== 1' },
        { name: 'peers', always: true, metric: 'node_peers', aggregate: 'min', is: '>= 1' },
      ],
    },
  });
}
