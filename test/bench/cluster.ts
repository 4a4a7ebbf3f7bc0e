// Testnets on a real Kubernetes of one host (test/cluster), which this starts and stops; root, and
// what its build scripts have built. Two ways to the same pods, in turns: a Testnet, and what the
// API holds of the pods that were made for one, created by `kubectl apply` alone. Those have
// no agent that opens their gate, so theirs ends at once: same image, same container, `true`. A pod
// is Ready when its container runs; the network is there when its nodes have their peers.

import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { execa } from 'execa';
import { readPrometheusText, type Series } from '../../src/metrics/prometheus-text.ts';
import { quantile } from '../../src/quantities/quantile.ts';
import type { HostReport } from '../../src/runtime/kubernetes/objects.ts';
import { fromHost, kubectl, type Pod, podsOf, release, Storm } from '../cluster/harness.ts';
import { setup } from '../cluster/setup.ts';
import type { BenchResult } from './result.ts';

type Sizes = { readonly rounds: number; readonly faults: number };

const testnet = 'bench';
const namespace = 'bench';
const limitMs = 300_000;
const targetPeers = 4;
const healMs = 3_000;
/** Between two looks, each of which costs a process. */
const pauseMs = 700;

export async function benchCluster(count: number, sizes: Sizes): Promise<BenchResult[]> {
  const stop = await setup();
  if (stop === undefined) throw new TypeError('needs a cluster of its own: see CONTRIBUTING.md');
  try {
    await warmUp();
    return await measure(count, sizes);
  } finally {
    await stop();
  }
}

/** Images are unpacked and read once before anything is measured. */
async function warmUp(): Promise<void> {
  await using storm = await Storm.create('warm');
  await storm.apply(specOf(6));
  await timeZero(storm);
}

async function measure(count: number, { rounds, faults }: Sizes): Promise<BenchResult[]> {
  await using storm = await Storm.create(namespace);
  const ours: Start[] = [];
  const theirs: Start[] = [];
  const delays: Delay[] = [];
  const before = await requestsSoFar();
  let requests = 0;
  for (let round = 0; round < rounds; round += 1) {
    ours.push(said('Testnet', await start(storm, count, specOf(count))));
    const manifests = await withoutUs(storm);
    if (round === 0) {
      await timeZero(storm);
      for (let each = 0; each < faults; each += 1)
        delays.push(said('Fault', await fault(storm, each)));
    }
    await remove(storm, ['testnet', testnet]);
    if (round === 0) requests = (await requestsSoFar()) - before;
    theirs.push(said('alone', await start(storm, count, manifests)));
    await remove(storm, ['pods,services,configmaps', `--selector=${mark}`]);
  }
  return results(`${count} pods of one host`, { ours, theirs, delays, requests: requests / count });
}

/** It takes minutes: each number as it comes. */
function said<T>(what: string, value: T): T {
  process.stderr.write(`  ${what}: ${JSON.stringify(value)}\n`);
  return value;
}

type Measured = {
  readonly ours: readonly Start[];
  readonly theirs: readonly Start[];
  readonly delays: readonly Delay[];
  readonly requests: number;
};

function results(name: string, { ours, theirs, delays, requests }: Measured): BenchResult[] {
  const [us, them] = [medians(ours), medians(theirs)];
  const longer = (one: number, other: number) => Math.round((one / other - 1) * 100);
  const peers = `${targetPeers} peers each`;
  const value = (what: string, unit: string, number: number) => ({
    name: `${name}: ${what}`,
    unit,
    value: Number(number.toFixed(unit === 'ms' ? 0 : 1)),
  });
  const firsts = delays.map(({ first }) => first);
  const lasts = delays.map(({ last }) => last);
  return [
    value('kubectl alone, apply to Ready', 's', them.ready),
    value(`kubectl alone, apply to ${peers}`, 's', them.peered),
    value('Testnet, apply to Ready', 's', us.ready),
    value(`Testnet, apply to ${peers}`, 's', us.peered),
    value('Testnet, Ready later by', '%', longer(us.ready, them.ready)),
    {
      ...value(`Testnet, Ready and ${peers} later by`, '%', longer(us.peered, them.peered)),
      most: 10,
    },
    value('Fault, apply to first pod', 'ms', quantile(firsts, 0.5)),
    value('Fault, apply to last pod', 'ms', quantile(lasts, 0.5)),
    value(`Fault, apply to last pod, most of ${lasts.length}`, 'ms', Math.max(...lasts)),
    value('API requests of a run, a node', '', requests),
  ];
}

function medians(starts: readonly Start[]): Start {
  const median = (key: keyof Start) =>
    quantile(
      starts.map((each) => each[key]),
      0.5,
    );
  return { ready: median('ready'), peered: median('peered') };
}

const specOf = (count: number) => `
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: ${testnet} }
spec:
  network:
    regions: [{ name: eu }, { name: us }]
    links: [{ default: true, loss: 0.1% }]
  groups:
    - { name: boot, count: 2, kind: reference, bootstrap: true, config: { encryption: plaintext } }
    - { name: full, count: ${count - 2}, kind: reference, config: { encryption: plaintext } }
  topology: { model: random-regular, degree: ${targetPeers} }
`;

/** Seconds from the beginning of `kubectl apply`. */
type Start = { readonly ready: number; readonly peered: number };

async function start(storm: Storm, count: number, manifests: string): Promise<Start> {
  const began = Date.now();
  const ready = await untilReady(storm, count, () => storm.apply(manifests));
  const pods = await storm.list<Pod>('pods');
  const addresses = pods.flatMap(({ status }) => status.podIPs?.[0]?.ip ?? []);
  const script = join(import.meta.dirname, 'until-peered.ts');
  const argv = fromHost([process.execPath, script, `${targetPeers}`, ...addresses]);
  await execa(argv[0] ?? '', argv.slice(1), { timeout: limitMs });
  return { ready, peered: (Date.now() - began) / 1_000 };
}

async function timeZero(storm: Storm): Promise<void> {
  await storm.until('time 0', limitMs, async () => {
    await wait(pauseMs);
    return (await storm.status(testnet))?.startedAt !== undefined;
  });
}

/** Seconds from the call of `apply` until so many pods of the namespace are Ready. */
async function untilReady(
  storm: Storm,
  count: number,
  apply: () => Promise<unknown>,
): Promise<number> {
  const format = '{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}';
  const argv = [
    `--kubeconfig=${storm.kubeconfig}`,
    `--namespace=${storm.namespace}`,
    ...['get', 'pods', '--watch', `--output=jsonpath=${format}`],
  ];
  const ready = new Set<string>();
  const began = Date.now();
  await apply();
  // Again: the server ends the watch of a client that is slow on a busy machine.
  while (Date.now() < began + limitMs) {
    const watch = execa('kubectl', argv, { reject: false, timeout: limitMs, buffer: false });
    try {
      for await (const line of watch) {
        const [name = '', status] = line.split(' ');
        if (status === 'True') ready.add(name);
        if (ready.size === count) return (Date.now() - began) / 1000;
      }
    } finally {
      watch.kill();
    }
  }
  throw new TypeError(`${ready.size} of ${count} pods are Ready\n${await storm.explain()}`);
}

const mark = 'bench=alone';

type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
};
type Container = Readonly<Record<string, unknown>>;

/** The pods, their files and Service as somebody applies them who knows nothing of us. */
async function withoutUs(storm: Storm): Promise<string> {
  const selector = `--selector=peerstorm.dev/testnet=${testnet}`;
  const pods = await storm.list<Manifest>('pods', [selector]);
  const services = await storm.list<Manifest>('services', [selector]);
  const files = await storm.list<Manifest & { readonly data: unknown }>('configmaps', [selector]);
  const [key = '', value] = mark.split('=');
  const labels = { [key]: value };
  const items = [
    ...files.map(({ metadata: { name }, data }) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels },
      data,
    })),
    ...services.map(({ metadata: { name }, spec: { ports } }) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: labels, ports },
    })),
    ...pods.map(({ metadata: { name }, spec }) => {
      // What the server has added; none of it changes what the kubelet does.
      const { nodeName: _, initContainers, ...rest } = spec;
      const [gate] = initContainers as readonly Container[];
      if (gate === undefined) throw new TypeError(`${name} has no gate`);
      const open = { ...gate, command: ['true'] };
      return {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, labels },
        spec: { ...rest, initContainers: [open] },
      };
    }),
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

async function remove(storm: Storm, what: readonly string[]): Promise<void> {
  await storm.kubectl(['delete', ...what, '--wait', '--timeout=240s']);
  await storm.until('all pods are gone', limitMs, async () => {
    return (await storm.kubectl(['get', 'pods', '--output=name'])) === '';
  });
}

/** Milliseconds from the beginning of `kubectl apply` of a Fault until it is in force. */
type Delay = { readonly first: number; readonly last: number };

async function fault(storm: Storm, number: number): Promise<Delay> {
  const name = `cut-${number}`;
  const began = Date.now();
  await storm.apply(`
apiVersion: peerstorm.dev/v1alpha1
kind: Fault
metadata: { name: ${name} }
spec: { testnet: ${testnet}, partition: { sides: [{ region: eu }, { region: us }] } }
`);
  let delay: Delay | undefined;
  await storm.until(`${name} is enforced`, limitMs, async () => {
    const [first, last] = await enforcedBetween(name);
    if (first !== undefined && last !== undefined) {
      delay = { first: first - began, last: last - began };
    }
    return delay !== undefined;
  });
  await storm.kubectl(['delete', 'fault', name]);
  await storm.until(`${name} is over`, limitMs, async () => {
    const known = (await storm.status(testnet))?.faults?.find((each) => each.name === name);
    return known?.healed !== undefined;
  });
  await wait(healMs);
  if (delay === undefined) throw new TypeError(`${name} was never enforced`);
  return delay;
}

/** When it was in force in the first pod and in the last one, by the report of their agent. */
async function enforcedBetween(name: string): Promise<readonly (number | undefined)[]> {
  const argv = ['get', 'hostreports', `--namespace=${release.namespace}`, '--output=json'];
  const { items } = JSON.parse(await kubectl(argv)) as { readonly items: readonly HostReport[] };
  const ours = items.flatMap(({ testnets }) => testnets.find((one) => one.name === testnet) ?? []);
  const [report] = ours;
  return [report?.appliedBetween?.[0], report?.enforcement.faults[name]?.enforcedAt];
}

/** Of controller and agents, without watches and renewals of the Lease (all PUTs are). */
async function requestsSoFar(): Promise<number> {
  const all = [...(await scrape('controller')), ...(await scrape('agent'))];
  const sum = (name: string) =>
    all
      .filter((series) => series.name === name && series.labels['method'] !== 'PUT')
      .reduce((total, { value }) => total + value, 0);
  return sum('rest_client_requests_total') - sum('peerstorm_watches_total');
}

const ports = { controller: 9468, agent: 9469 };

async function scrape(component: keyof typeof ports): Promise<readonly Series[]> {
  const pods = await podsOf(component);
  const texts = pods.map(({ metadata: { name } }) => {
    const path = `/api/v1/namespaces/${release.namespace}/pods/${name}:${ports[component]}/proxy`;
    return kubectl(['get', '--raw', `${path}/metrics`]);
  });
  return (await Promise.all(texts)).flatMap(readPrometheusText);
}
