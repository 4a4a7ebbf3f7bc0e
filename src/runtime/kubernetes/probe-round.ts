// A round of fault probes by the agents: the order, and the answers of both ends put together. A
// half that does not come is an error and never a zero: nobody knows what became of its packets.
import { fail } from '../../errors.ts';
import type { ProbePair, ProbeResult } from '../runtime.ts';
import type { HostReport, ProbeHalf } from './objects.ts';

/** Of all senders together, as on other runtimes. */
const packetsPerSecond = 2_000;
/** Agents have opened their sockets by then. */
export const aheadMs = 1_500;
/** For the slowest packet, the report and the watches. */
const marginMs = 15_000;

/** Milliseconds from the start after which nobody is waited for. */
export function patienceMs(pairs: readonly ProbePair[]): number {
  const packets = pairs.reduce((sum, { count }) => sum + count, 0);
  return (packets / packetsPerSecond) * 1000 + marginMs;
}

type Half<Kind extends ProbeHalf['half']> = Extract<ProbeHalf, { half: Kind }>;
type Halves = { sent?: Half<'sent'>; received?: Half<'received'> };

/** Undefined as long as halves are missing. */
export function probeResults(
  pairs: readonly ProbePair[],
  halves: ReadonlyMap<string, Halves>,
): readonly ProbeResult[] | undefined {
  const results: ProbeResult[] = [];
  for (const { from, to } of pairs) {
    const { sent, received } = halves.get(`${from} ${to}`) ?? {};
    if (sent === undefined || received === undefined) return undefined;
    const { half: _s, ...departed } = sent;
    const { half: _r, ...arrived } = received;
    results.push({ ...arrived, ...departed });
  }
  return results;
}

/** Of that round, by `from to`. */
export function halvesOf(
  reports: readonly HostReport[],
  { uid, id }: { readonly uid: string; readonly id: number },
): ReadonlyMap<string, Halves> {
  const halves = new Map<string, Halves>();
  for (const { testnets } of reports) {
    const probe = testnets.find((one) => one.uid === uid)?.probe;
    if (probe?.id !== id) continue;
    for (const half of probe.results) {
      const key = `${half.from} ${half.to}`;
      const known = halves.get(key) ?? {};
      halves.set(key, known);
      if (half.half === 'sent') known.sent = half;
      else known.received = half;
    }
  }
  return halves;
}

/** Have all these hosts said what they can about it? What is missing then does not come. */
export function areHeard(
  reports: readonly HostReport[],
  {
    uid,
    id,
    hosts,
  }: { readonly uid: string; readonly id: number; readonly hosts: ReadonlySet<string> },
): boolean {
  const heard = reports.filter(({ testnets }) =>
    testnets.some((one) => one.uid === uid && one.probe?.id === id),
  );
  return hosts.isSubsetOf(new Set(heard.map(({ host }) => host)));
}

export function missingHalves(
  pairs: readonly ProbePair[],
  halves: ReadonlyMap<string, Halves>,
): Error {
  const lacking = pairs.flatMap(({ from, to }) => {
    const { sent, received } = halves.get(`${from} ${to}`) ?? {};
    return [
      ...(sent === undefined ? [`what ${from} sent to ${to}`] : []),
      ...(received === undefined ? [`what ${to} received from ${from}`] : []),
    ];
  });
  const [first] = lacking;
  const message = `agents have not said ${first} (${lacking.length} such answers are missing)`;
  return fail('CONTACT_LOST', message);
}
