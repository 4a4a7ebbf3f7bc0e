import { describe, expect, test } from 'vitest';
import { resources } from '../runtime/kubernetes/api.ts';
import { memoryServer } from '../runtime/kubernetes/memory-api.ts';
import { apiVersion, type HostReport, type TestnetReport } from '../runtime/kubernetes/objects.ts';
import { dueMs, keysOf, startReporter } from './reporter.ts';

const enforcement = {
  generation: 1,
  appliedAt: 1,
  faults: {},
  counters: {},
  lapsedPackets: 0,
};
const testnet: TestnetReport = {
  namespace: 'tests',
  name: 'net',
  uid: 'n1',
  enforcement,
  pods: 1,
  nodes: {},
};
const counted = (packets: number) => ({
  cut: { matchedPackets: packets, matchedBytes: 0, droppedPackets: 0, droppedBytes: 0 },
});

function hostReport(one: Partial<TestnetReport['enforcement']>, reportedAt = ''): HostReport {
  return {
    apiVersion,
    kind: 'HostReport',
    metadata: { name: 'host-1', namespace: 'system' },
    host: 'host-1',
    reportedAt,
    agentStartedAt: '',
    agentVersion: '',
    capabilities: [],
    testnets: [{ ...testnet, enforcement: { ...enforcement, ...one } }],
  };
}

describe('the next report is due', () => {
  type Case = readonly [Partial<TestnetReport['enforcement']>, boolean, number];
  const fresh = { counters: counted(1) };

  test.each<[string, Case]>([
    ['in half a minute, when nothing is new', [{}, true, 30_000]],
    ['in half a second, after a change', [{ faults: { cut: { enforcedAt: 1 } } }, false, 500]],
    ['at once, after a problem', [{ problem: 'no' }, false, 50]],
    ['at once, when rules differ', [{ drift: 'no' }, false, 50]],
    ['in a second, when counters follow a change', [fresh, true, 1_000]],
    ['in ten seconds, when counters go on', [fresh, false, 10_000]],
    ['in half a second, when the first packet has lapsed', [{ lapsedPackets: 1 }, true, 500]],
  ])('%s', (_, [now, changed, due]) => {
    const last = { ...keysOf(hostReport({}, 'before')), changed };
    expect(dueMs(keysOf(hostReport(now, 'now')), last)).toBe(due);
  });

  test('in half a second, when a problem is solved', () => {
    const last = { ...keysOf(hostReport({ problem: 'no' })), changed: true };
    expect(dueMs(keysOf(hostReport({})), last)).toBe(500);
  });
});

test('what is new is written, also after the server was away, and at the end', async () => {
  let away = true;
  const said: string[] = [];
  const calls: (() => void)[] = [];
  const server = memoryServer({
    before: () => {
      for (const called of calls.splice(0)) called();
      // Whoever asks is not us.
      if (away) throw new TypeError('away');
    },
  });
  const called = () => new Promise<void>((resolve) => calls.push(resolve));
  let packets = 0;
  const first = called();
  const reporter = startReporter({
    api: server.client('agent'),
    make: () => hostReport({ generation: packets }),
    onProblem: (text) => said.push(text),
    times: { leastMs: 1, afterMs: 1, countersMs: 1, mostMs: 5 },
  });
  await first;
  away = false;
  await called();
  packets = 7;
  reporter.changed();
  await reporter.close();
  const [report] = server.all<HostReport>(resources.hostReports);
  expect(report?.testnets[0]?.enforcement.generation).toBe(7);
  expect(said).toEqual(['the report was not written: away']);
});
