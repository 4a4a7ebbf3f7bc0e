// What cluster tests do to a cluster and see of it: as a user with kubectl and helm, and, where the
// cluster is the one of cluster.ts, as somebody at its host, who can end processes and look into
// the network namespaces of pods when no API server is there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { TestnetStatus } from '../../src/runtime/kubernetes/objects.ts';
import { requireTier } from '../require.ts';
import { inCluster, inItsNetwork } from './cluster.ts';

export const release = { name: 'peerstorm', namespace: 'peerstorm-system' };
const root = join(import.meta.dirname, '../..');

export const hasCluster = (file: string) =>
  requireTier(
    file,
    process.env['PEERSTORM_TEST_KUBECONFIG'] !== undefined,
    'no cluster: see PEERSTORM_TEST_KUBECONFIG in CONTRIBUTING.md',
  );

/** Ours: with a host whose processes can be stopped. */
export const hasHost = (file: string) =>
  requireTier(file, folder() !== '', 'the cluster is not one that test/cluster started');

const folder = () => process.env['PEERSTORM_TEST_CLUSTER'] ?? '';

export async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const kubeconfig = `--kubeconfig=${process.env['PEERSTORM_TEST_KUBECONFIG'] ?? '/nowhere'}`;
  const { stdout } = await execa('kubectl', [kubeconfig, ...args], { input, timeout: 300_000 });
  return stdout;
}

export async function helm(args: readonly string[]): Promise<string> {
  const { stdout: program } = await execa(join(import.meta.dirname, 'get-helm'), ['--cached']);
  const kubeconfig = `--kubeconfig=${process.env['PEERSTORM_TEST_KUBECONFIG'] ?? '/nowhere'}`;
  const { stdout } = await execa(program, [kubeconfig, ...args], { timeout: 300_000 });
  return stdout;
}

export const chartFolder = join(root, 'charts/peerstorm');

/** Fine when it is there already, or left its definitions. */
export async function installChart(args: readonly string[] = []): Promise<void> {
  const { name, namespace } = release;
  const where = ['--namespace', namespace, '--create-namespace', '--take-ownership'];
  try {
    await helm([
      'upgrade',
      '--install',
      name,
      chartFolder,
      ...where,
      '--wait',
      '--timeout=3m',
      ...args,
    ]);
  } catch (error) {
    process.stderr.write(await explain(namespace));
    throw error;
  }
}

type Meta = {
  readonly name: string;
  readonly uid: string;
  readonly labels?: Readonly<Record<string, string>>;
};
export type Pod = {
  readonly metadata: Meta;
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
};

/** A namespace with testnets of one test; gone at its end. */
export class Storm implements AsyncDisposable {
  readonly namespace: string;
  readonly kubeconfig = process.env['PEERSTORM_TEST_KUBECONFIG'] ?? '/nowhere';

  private constructor(namespace: string) {
    this.namespace = namespace;
  }

  static async create(namespace: string): Promise<Storm> {
    await kubectl(['create', 'namespace', namespace]);
    const restricted = 'pod-security.kubernetes.io/enforce=restricted';
    await kubectl(['label', 'namespace', namespace, restricted]);
    return new Storm(namespace);
  }

  apply(text: string): Promise<string> {
    return this.kubectl(['apply', '--server-side', '--filename', '-'], text);
  }

  kubectl(args: readonly string[], input = ''): Promise<string> {
    return kubectl([`--namespace=${this.namespace}`, ...args], input);
  }

  async list<T>(kind: string, args: readonly string[] = []): Promise<readonly T[]> {
    const text = await this.kubectl(['get', kind, '--output=json', ...args]);
    return (JSON.parse(text) as { readonly items: readonly T[] }).items;
  }

  pods(testnet: string): Promise<readonly Pod[]> {
    return this.list<Pod>('pods', [`--selector=peerstorm.dev/testnet=${testnet}`]);
  }

  async pod(testnet: string, node: string): Promise<Pod> {
    return JSON.parse(await this.kubectl(['get', 'pod', `${testnet}-${node}`, '--output=json']));
  }

  /** Undefined until the controller has written one. */
  async status(testnet: string): Promise<TestnetStatus | undefined> {
    const text = await this.kubectl(['get', 'testnet', testnet, '--output=json']);
    return (JSON.parse(text) as { readonly status?: TestnetStatus }).status;
  }

  /** Waits until a fault is enforced. */
  async enforced(testnet: string, fault: string, limitMs = 120_000): Promise<void> {
    await this.until(`${fault} is enforced`, limitMs, async () => {
      const found = (await this.status(testnet))?.faults?.find(({ name }) => name === fault);
      return found?.enforced !== undefined;
    });
  }

  /** As CI does: waits for Finished, then reads the verdict. */
  async finished(testnet: string, limitSeconds = 180): Promise<TestnetStatus> {
    const wait = ['wait', `testnet/${testnet}`, '--for=condition=Finished'];
    try {
      await this.kubectl([...wait, `--timeout=${limitSeconds}s`]);
    } catch (cause) {
      throw new TypeError(`not finished\n${await this.explain()}`, { cause });
    }
    const status = await this.status(testnet);
    if (status === undefined) throw new TypeError('finished without a status');
    return status;
  }

  async until(what: string, limitMs: number, check: () => Promise<boolean>): Promise<void> {
    try {
      await eventually(what, limitMs, check);
    } catch (error) {
      throw new TypeError(`${String(error)}\n${await this.explain()}`, { cause: error });
    }
  }

  /** For the message of a failed test. */
  async explain(): Promise<string> {
    return (await explain(this.namespace)) + (await explain(release.namespace));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await kubectl(['delete', 'namespace', this.namespace, '--ignore-not-found', '--timeout=90s']);
  }
}

async function explain(namespace: string): Promise<string> {
  const show = async (...args: readonly string[]) =>
    await kubectl([...args, `--namespace=${namespace}`]).catch(String);
  const last = ['--sort-by=.lastTimestamp', '--no-headers'];
  const pods = await show('get', 'pods', '--output=wide');
  // First what is short and says most: reports of failed tests are cut.
  const problems = 'jsonpath={range .items[*]}{.metadata.name}: {.status.problems}\n{end}';
  const parts = [
    await show('get', 'testnets', `--output=${problems}`),
    pods.split('\n').slice(0, 20).join('\n'),
    (await show('get', 'events', ...last)).split('\n').slice(-20).join('\n'),
  ];
  if (namespace === release.namespace) {
    for (const each of ['deployment/peerstorm-controller', 'daemonset/peerstorm-agent'])
      parts.push(`${each}:`, await show('logs', each, '--tail=25'));
  } else parts.push(await show('get', 'testnets', '--output=yaml'));
  return `\n== ${namespace}\n${parts.join('\n')}\n`;
}

export async function eventually(
  what: string,
  limitMs: number,
  check: () => Promise<boolean>,
): Promise<void> {
  for (const end = Date.now() + limitMs; ; await sleep(300)) {
    if (await check()) return;
    if (Date.now() > end) throw new TypeError(`not within ${limitMs / 1000} s: ${what}`);
  }
}

// At the host: with no API server.

/** A program of the control plane is killed, and not started again until it is released. */
export async function hold(program: string): Promise<AsyncDisposable> {
  const file = join(folder(), 'hold', program);
  await writeFile(file, '');
  await inCluster(folder(), ['kill', '-KILL', pidOf(program)]);
  return {
    async [Symbol.asyncDispose]() {
      await rm(file, { force: true });
      const ready = () => kubectl(['get', '--raw', '/readyz']).then(...bothAs);
      if (program === 'kube-apiserver') await eventually('it is back', 60_000, ready);
    },
  };
}

/** What pods have open to the API server is reset, by their next packet; new ones come about. */
export async function resetConnections(): Promise<void> {
  const nft = (text: string) => inCluster(folder(), ['nft', ...text.split(' ')]);
  const table = 'inet cutter';
  await nft(`add table ${table}`);
  try {
    await nft(`add chain ${table} input { type filter hook input priority -10 ; }`);
    await nft(
      `add rule ${table} input tcp dport 6443 ip saddr 10.244.0.0/16 counter reject with tcp reset`,
    );
    const listed = async () => await nft(`list table ${table}`);
    // Watches of the controller and of agents, and what they try next.
    await eventually('resets', 60_000, async () => /packets ([89]|\d\d)/.test(await listed()));
  } finally {
    await nft(`delete table ${table}`);
  }
}

/** The command that starts a program of this machine with the network of the cluster's host. */
export function fromHost(argv: readonly string[]): readonly string[] {
  return inItsNetwork(folder(), argv);
}

const bothAs = [() => true, () => false] as const;

function pidOf(program: string): string {
  return readFileSync(join(folder(), 'pids', program), 'utf8').trim();
}

/** Processes of a pod as this machine numbers them, oldest first, without the sandbox's. */
function processesOfPod({ metadata }: Pod): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => read(`/proc/${pid}/cgroup`).includes(`/pod${metadata.uid}/`))
    .filter((pid) => read(`/proc/${pid}/cmdline`).split('\0')[0] !== '/pause')
    .map(Number)
    .sort((a, b) => a - b);
}

export function signalPod(pod: Pod, signal: NodeJS.Signals): void {
  const pids = processesOfPod(pod);
  if (pids.length === 0) throw new TypeError(`no process of ${pod.metadata.name}`);
  for (const pid of pids) process.kill(pid, signal);
}

function read(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  } catch {
    return ''; // gone meanwhile
  }
}

/** Whether a new connection from the one to the other's port of peers comes about. */
export async function reaches(from: Pod, to: Pod): Promise<boolean> {
  const [pid] = processesOfPod(from);
  const addresses = to.status.podIPs?.map(({ ip }) => ip) ?? [];
  if (pid === undefined || addresses.length === 0) return false;
  const program = `
    const net = require('node:net');
    const socket = net.connect({ host: process.argv[1], port: 4001 });
    socket.once('connect', () => process.exit(0)).once('error', () => process.exit(1));
    setTimeout(() => process.exit(1), 1500);`;
  const argv = [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', program];
  const tries = addresses.map(async (address) => {
    const { exitCode } = await execa('nsenter', [...argv, address], { reject: false });
    return exitCode === 0;
  });
  return (await Promise.all(tries)).some(Boolean);
}

/** What is answered in the network of a pod, on its loopback. */
export async function fetchIn(
  pod: Pod,
  { port, path, token }: { readonly port: number; readonly path: string; readonly token: string },
): Promise<{ readonly status: number; readonly body: string }> {
  const [pid] = processesOfPod(pod);
  if (pid === undefined) throw new TypeError(`no process of ${pod.metadata.name}`);
  const program = `
    const authorization = process.argv[2] === '' ? {} : { authorization: 'Bearer ' + process.argv[2] };
    const answer = await fetch(process.argv[1], { headers: authorization });
    console.log(JSON.stringify({ status: answer.status, body: await answer.text() }));`;
  const argv = ['--input-type=module', '-e', program, `http://127.0.0.1:${port}${path}`, token];
  const inside = [`--net=/proc/${pid}/ns/net`, process.execPath, ...argv];
  const { stdout } = await execa('nsenter', inside);
  return JSON.parse(stdout) as { readonly status: number; readonly body: string };
}

/** Tables of ours in the network namespace of a pod. */
export async function tablesOf(pod: Pod): Promise<readonly string[]> {
  const [pid] = processesOfPod(pod);
  if (pid === undefined) return [];
  const network = `/proc/${pid}/ns/net`;
  const argv = [`--net=${network}`, 'nft', 'list', 'tables'];
  const { stdout, stderr, exitCode } = await execa('nsenter', argv, { reject: false });
  // The process may have ended since it was found.
  if (exitCode !== 0 && existsSync(network)) throw new TypeError(stderr);
  return stdout.split('\n').filter((line) => line.includes('peerstorm'));
}

export async function podsOf(component: 'controller' | 'agent'): Promise<readonly Pod[]> {
  const selector = `--selector=app.kubernetes.io/component=${component}`;
  const namespace = `--namespace=${release.namespace}`;
  const text = await kubectl(['get', 'pods', namespace, selector, '--output=json']);
  return (JSON.parse(text) as { readonly items: readonly Pod[] }).items;
}
