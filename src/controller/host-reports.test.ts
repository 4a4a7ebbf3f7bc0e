import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { memoryServer } from '../runtime/kubernetes/memory-api.ts';
import { apiVersion, type HostReport } from '../runtime/kubernetes/objects.ts';
import { virtualClock } from '../runtime/memory/virtual-clock.ts';
import { sweepHostReports } from './host-reports.ts';

const zero = Date.UTC(2026, 0, 1);
const minutes = (count: number) => count * 60_000;

const reportOf = (host: string, reportedAt = zero): HostReport => ({
  apiVersion,
  kind: 'HostReport',
  metadata: { name: host, namespace: 'system' },
  host,
  reportedAt: new Date(reportedAt).toISOString(),
  agentStartedAt: new Date(zero).toISOString(),
  agentVersion: 'test',
  capabilities: [],
  testnets: [],
});

async function swept(reports: readonly HostReport[], { mayList = true } = {}) {
  const clock = virtualClock(zero);
  const server = memoryServer({
    now: () => clock.now(),
    before: ({ verb, plural }) => {
      if (!mayList && verb === 'list' && plural === 'nodes')
        throw fail('API_FORBIDDEN', 'not here');
    },
  });
  const api = server.client('controller');
  const here = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'here' } };
  await api.create(resources.hosts, here);
  for (const report of reports) await api.create(resources.hostReports, report);
  const end = new AbortController();
  const hostReports = api.follow<HostReport>(
    resources.hostReports,
    { namespace: 'system' },
    end.signal,
  );
  const said: string[] = [];
  const log = (level: string, message: string) => said.push(`${level}: ${message}`);
  const sweeping = sweepHostReports({ api, clock, hostReports, log }, end.signal);
  await clock.run(clock.sleep(minutes(25)));
  end.abort();
  await sweeping;
  const left = server.all<HostReport>(resources.hostReports).map(({ host }) => host);
  return { left, said, calls: server.calls };
}

test('the report of a host that is gone is deleted, and of no other', async () => {
  const { left, said } = await swept([reportOf('here'), reportOf('gone')]);
  expect(left).toEqual(['here']);
  expect(said).toEqual(['info: host gone is gone: its HostReport is deleted']);
});

test('whoever has just reported is not looked for', async () => {
  const { left, calls } = await swept([reportOf('new', zero + minutes(24))]);
  expect(left).toEqual(['new']);
  expect(calls.filter(({ verb }) => verb === 'list')).toEqual([]);
});

test('nothing is deleted where hosts cannot be listed', async () => {
  const { left, said } = await swept([reportOf('gone')], { mayList: false });
  expect(left).toEqual(['gone']);
  expect(said).toEqual(['error: HostReports: not here']);
});
