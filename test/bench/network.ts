// A network of reference nodes, from the command to all ready with at least four peers each, and
// what it takes when nothing happens in it. Noise on, waves on, bundle built before.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findBundles } from '../../src/cli/bundles.ts';
import { startSupervisor } from '../../src/cli/front.ts';
import { kinds } from '../../src/kinds/index.ts';
import { planTestnet } from '../../src/plan/plan-testnet.ts';
import type { Session } from '../../src/session/session.ts';
import { releaseRunDirectory } from '../../src/session/state-directory.ts';
import { testnet } from '../../src/spec/schema.ts';
import type { BenchResult } from './result.ts';

const settleMs = 20_000;
const idleMs = 30_000;
/** Many times what is aimed at. */
const limitSeconds = 300;
const ticksPerSecond = 100; // USER_HZ, proc(5)

/** Targets are those of 100 nodes on two cores. */
export async function benchNetwork(count: number): Promise<BenchResult[]> {
  const plan = planOf(count);
  const bundles = await findBundles(() => undefined);
  const options = { keep: true, failFast: false, specFile: 'bench', bundles, versions: {} };
  const started = performance.now();
  const front = await startSupervisor(plan, options, '');
  const seconds = () => Number(((performance.now() - started) / 1000).toFixed(1));
  try {
    const problem = await front.contact();
    if (problem !== undefined) throw new TypeError(problem.message);
    const { ready, peered } = await untilPeered(front.session, seconds);
    await wait(settleMs);
    const pids = nodeProcesses(front.directory);
    const before = cpuTicks(pids);
    await wait(idleMs);
    const busy = (cpuTicks(pids) - before) / ticksPerSecond / (idleMs / 1000);
    const pss = pids.reduce((sum, pid) => sum + pssMiB(pid), 0) / pids.length;
    const name = `${count} reference nodes`;
    const aim = count <= 100;
    return [
      { name: `${name}: command to ready`, unit: 's', value: ready },
      { name: `${name}: command to 4 peers each`, unit: 's', value: peered, ...at(aim, 30) },
      {
        name: `${name}: idle CPU, share of all cores`,
        unit: '%',
        value: Number(((busy / availableParallelism()) * 100).toFixed(1)),
        ...at(aim, 15),
      },
      { name: `${name}: PSS per node`, unit: 'MiB', value: Math.round(pss), ...at(aim, 90) },
    ];
  } finally {
    await front.close();
    await releaseRunDirectory(plan.testnet);
  }
}

/** When all were ready, and when all had four peers. */
async function untilPeered(session: Session, seconds: () => number) {
  let ready = 0;
  for (;;) {
    const { phase } = await session.status();
    const late = seconds() > limitSeconds || phase === 'ended' || phase === 'stopping';
    if (ready === 0 && phase !== 'starting') ready = seconds();
    // Not asked before: it would cost what is measured.
    if (ready > 0 || late) {
      const nodes = await session.nodes();
      const peered = nodes.filter(({ peers = 0 }) => peers >= 4).length;
      if (!late && peered === nodes.length) return { ready, peered: seconds() };
      const seen = `${peered} of ${nodes.length} nodes have 4 peers, the run is ${phase}`;
      if (late) throw new TypeError(`not there after ${seconds()} s: ${seen}`);
    }
    await wait(100);
  }
}

function at(wanted: boolean, most: number): { readonly most?: number } {
  return wanted ? { most } : {};
}

export function planOf(count: number) {
  const { plan, problems } = planTestnet(
    testnet.parse({
      apiVersion: 'peerstorm.dev/v1alpha1',
      kind: 'Testnet',
      metadata: { name: `bench-${count}` },
      spec: {
        groups: [
          { name: 'boot', count: 2, kind: 'reference', bootstrap: true },
          { name: 'full', count: count - 2, kind: 'reference' },
        ],
        topology: { model: 'random-regular', degree: 8 },
      },
    }),
    kinds,
  );
  if (plan === undefined) throw new TypeError(JSON.stringify(problems));
  return plan;
}

/** Processes whose working directory is a node's data directory. */
function nodeProcesses(directory: string): readonly number[] {
  const nodes = join(directory, 'nodes');
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(nodes);
      } catch {
        return false; // gone
      }
    });
}

function cpuTicks(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

function pssMiB(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
}
