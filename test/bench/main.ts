// `npm run bench [NAME...]`: benchmarks as a table on stderr and as JSON on stdout. Machines differ
// and are shared: compare numbers of one run with each other, not with those of another day.
import { cpus } from 'node:os';
import { benchCluster } from './cluster.ts';
import { benchCompile } from './compile.ts';
import { benchController } from './controller.ts';
import { benchFabric } from './fabric.ts';
import { benchNetwork } from './network.ts';
import { benchNode } from './node.ts';
import { benchPage } from './page.ts';
import { benchPlan } from './plan.ts';
import { benchPods } from './pods.ts';
import type { BenchResult } from './result.ts';
import { benchScrape } from './scrape.ts';

const benches: Readonly<Record<string, () => Promise<readonly BenchResult[]>>> = {
  plan: benchPlan,
  compile: benchCompile,
  fabric: benchFabric,
  node: benchNode,
  page: benchPage,
  scrape: benchScrape,
  'pods-24': () => benchPods(24),
  'pods-100': () => benchPods(100),
  'controller-200': () => benchController(200, 300),
  'controller-1000': () => benchController(1_000, 300),
  'controller-1000-alone': () => benchController(1_000, Number.POSITIVE_INFINITY),
  'controller-5000': () => benchController(5_000, 300),
  'controller-5000-alone': () => benchController(5_000, Number.POSITIVE_INFINITY),
  'cluster-100': () => benchCluster(100, { rounds: 2, faults: 5 }),
  'cluster-200': () => benchCluster(200, { rounds: 3, faults: 5 }),
  'network-50': () => benchNetwork(50),
  'network-100': () => benchNetwork(100),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => benches[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(
    `no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`,
  );
  process.exit(2);
}
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

const results: BenchResult[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`# ${name}\n`);
  for (const result of await bench()) {
    results.push(result);
    process.stderr.write(`${row(result)}\n`);
  }
}
const processor = cpus()[0]?.model ?? 'unknown';
const machine = { processor, cores: cpus().length, node: process.version };
process.stdout.write(`${JSON.stringify({ machine, results }, undefined, 2)}\n`);

function row({ name, value, unit, most, least }: BenchResult): string {
  const met = (most === undefined || value <= most) && (least === undefined || value >= least);
  const target =
    most !== undefined ? `at most ${most}` : least !== undefined ? `at least ${least}` : '';
  const verdict = target === '' ? '' : `${met ? 'met' : 'MISSED'}: ${target} ${unit}`;
  return `  ${name.padEnd(56)} ${String(value).padStart(9)} ${unit.padEnd(4)} ${verdict}`;
}
