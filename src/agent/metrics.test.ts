import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { agentMetrics } from './metrics.ts';

test('of a testnet there are zeros from its begin on, and nothing after its end', async () => {
  const registry = new Registry();
  const metrics = agentMetrics(registry, { host: 'host-1', version: '1' }, () => []);
  const net = { namespace: 'storms', name: 'net', uid: 'u' };
  const served = async () =>
    (await registry.metrics()).split('\n').filter((line) => line.includes('testnet="net"'));
  metrics.began(net);
  const labels = '{namespace="storms",testnet="net"}';
  expect(await served()).toEqual([
    `peerstorm_agent_drift_total${labels} 0`,
    `peerstorm_agent_problems_total${labels} 0`,
  ]);
  metrics.drifted(net);
  metrics.applied(net, 0.1);
  metrics.began(net);
  expect(await served()).toContain(`peerstorm_agent_drift_total${labels} 1`);
  metrics.ended(net);
  expect(await served()).toEqual([]);
});
