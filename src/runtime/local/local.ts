// The local runtime: every node a plain process in a network namespace of its own, joined by the
// routed fabric of this host. It runs inside the namespaces of the supervisor, which are the whole
// testnet: when the supervisor ends, in whatever way, the kernel ends everything here with it.
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { fail } from '../../errors.ts';
import type { Launch } from '../../kinds/kind.ts';
import type { NodeName } from '../../names.ts';
import type { Plan } from '../../plan/plan.ts';
import { type Fabric, openFabric } from '../fabric/fabric.ts';
import { askNode } from '../node-request.ts';
import type { DesiredNode, Runtime, World } from '../runtime.ts';
import { localCapabilities } from './capabilities.ts';
import { logPath, readLog } from './log-files.ts';
import { dataDirectory, type NodeProcess, startProcess } from './processes.ts';
import type { Bundles } from './programs.ts';
import { openView, type View } from './view.ts';

export type LocalOptions = {
  readonly plan: Plan;
  /** The run directory: data directories and logs of nodes are inside. */
  readonly directory: string;
  readonly bundles: Bundles;
};

/** Starts at once at most: process starts are CPU-bound. */
const startsAtOnce = 8;
const execLimitMs = 60_000;

type State = LocalOptions & {
  readonly fabric: Fabric;
  readonly view: View;
  readonly addresses: ReadonlyMap<NodeName, string>;
  readonly processes: Map<NodeName, NodeProcess>;
  readonly problems: Map<NodeName, Error>;
  readonly changed: EventTarget;
};

export async function openLocal(options: LocalOptions, signal: AbortSignal): Promise<Runtime> {
  await mkdir(join(options.directory, 'logs'), { recursive: true });
  const { packets } = options.plan;
  const fabric = await openFabric({ packets, leaseSeconds: 10, signal });
  const view = await openView(options.directory, signal);
  const addresses = new Map(options.plan.nodes.map((node) => [node.name, node.address]));
  const changed = new EventTarget();
  const state: State = {
    ...options,
    fabric,
    view,
    addresses,
    processes: new Map(),
    problems: new Map(),
    changed,
  };
  fabric.onChange(() => notify(state));
  return {
    capabilities: () => localCapabilities(),
    ensure: (nodes, signal) => ensure(state, nodes, signal),
    enforce: (schedule) => fabric.enforce(schedule),
    watch: (signal) => watch(state, signal),
    probe: (pairs, signal) => fabric.probe(pairs, signal),
    request: (node, request, signal) => askNode(addressOf(state, node), request, signal),
    exec: (node, argv, signal) => runInside(state, node, { argv, signal }),
    logs: (node, { follow, since }, signal) => {
      const fromByte = since === 'incarnation' ? state.processes.get(node)?.logBytes : undefined;
      const options = { follow, signal, ...(fromByte === undefined ? {} : { fromByte }) };
      return readLog(logPath(state.directory, node), node, options);
    },
    [Symbol.asyncDispose]: () => close(state),
  };
}

function addressOf(state: State, node: NodeName): string {
  const address = state.addresses.get(node);
  if (address === undefined) throw fail('NOT_FOUND', `no node is called "${node}"`);
  return address;
}

function notify(state: State): void {
  state.changed.dispatchEvent(new Event('change'));
}

/** One desired set at a time is put into the world; starts and stops go on in the background. */
async function ensure(
  state: State,
  nodes: readonly DesiredNode[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Map(nodes.map((node) => [node.name, node]));
  for (const process of state.processes.values()) {
    if (!wanted.has(process.name)) stopSoon(state, process);
  }
  const starts: DesiredNode[] = [];
  for (const node of nodes) {
    const process = state.processes.get(node.name);
    if (node.run === 'stopped' || (process && process.incarnation < node.incarnation)) {
      if (process) stopSoon(state, process, node.stop);
    } else if (process) {
      if (node.run === 'paused' && process.world().phase === 'running') process.pause();
      if (node.run === 'running' && process.world().phase === 'paused') process.resume();
    }
    if (node.run !== 'stopped' && node.run !== 'held' && mayStart(state, node)) starts.push(node);
  }
  await start(state, starts, signal);
}

function mayStart(state: State, node: DesiredNode): boolean {
  const process = state.processes.get(node.name);
  if (process === undefined) return !state.problems.has(node.name);
  return process.incarnation < node.incarnation && process.world().phase === 'exited';
}

function stopSoon(state: State, process: NodeProcess, how?: Launch['stop']): void {
  void process.stop(how).then(() => notify(state));
}

async function start(
  state: State,
  nodes: readonly DesiredNode[],
  signal: AbortSignal,
): Promise<void> {
  if (nodes.length === 0) return;
  const fresh = nodes.filter(({ name }) => !state.processes.has(name));
  await state.fabric.add(fresh.map(({ name }) => ({ name, address: addressOf(state, name) })));
  const queue = [...nodes];
  const worker = async () => {
    for (let node = queue.shift(); node && !signal.aborted; node = queue.shift()) {
      await startOne(state, node);
    }
  };
  await Promise.all(Array.from({ length: startsAtOnce }, worker));
}

async function startOne(state: State, node: DesiredNode): Promise<void> {
  const { name, incarnation, launch } = node;
  try {
    const process = await startProcess({
      ...state,
      ...{ name, incarnation, launch },
      netns: state.fabric.netns(name),
      onChange: () => notify(state),
    });
    state.processes.set(name, process);
  } catch (error) {
    state.problems.set(name, error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    notify(state);
  }
}

function world(state: State): World {
  const nodes = new Map(
    [...state.addresses].map(([name, address]) => [
      name,
      {
        incarnation: 0,
        phase: 'absent' as const,
        ...state.processes.get(name)?.world(),
        addresses: [address],
      },
    ]),
  );
  return { nodes, enforcement: [state.fabric.enforcement()] };
}

async function* watch(state: State, signal: AbortSignal): AsyncIterable<World> {
  signal.addEventListener('abort', () => notify(state), { once: true });
  while (!signal.aborted) {
    const next = new Promise<void>((resolve) => {
      state.changed.addEventListener('change', () => resolve(), { once: true });
    });
    yield world(state);
    await next;
  }
}

/** `full-3: 8: exec: nmap: not found`: that a shell has looked for it is no matter of the user. */
const shellSays = /(?<=^[\w-]+: )(?:line )?\d+: exec: /;

async function runInside(
  state: State,
  node: NodeName,
  { argv, signal }: { readonly argv: readonly string[]; readonly signal: AbortSignal },
) {
  addressOf(state, node);
  const process = state.processes.get(node);
  if (process === undefined || process.world().phase === 'exited') {
    throw fail('NOT_FOUND', `${node} is not running`);
  }
  const place = { node, pid: process.pid, dataDirectory: dataDirectory(state.directory, node) };
  const [program = '', ...rest] = state.view.join(place, argv);
  const result = await execa(program, rest, {
    cwd: '/',
    env: { HOME: place.dataDirectory, TMPDIR: '/tmp' },
    reject: false,
    stdin: 'ignore',
    timeout: execLimitMs,
    cancelSignal: signal,
    maxBuffer: 4 * 2 ** 20,
  });
  const { stdout } = result;
  const stderr = result.stderr.replace(shellSays, '');
  // As a shell says it; 124: it took too long.
  const ended = result.timedOut || result.isCanceled ? 124 : signalStatus(result.signal);
  return { exitCode: result.exitCode ?? ended, stdout, stderr };
}

function signalStatus(signal: NodeJS.Signals | undefined): number {
  return signal === undefined ? 127 : 128 + constants.signals[signal];
}

async function close(state: State): Promise<void> {
  await Promise.all([...state.processes.values()].map((process) => process.stop()));
  state.view[Symbol.dispose]();
  await state.fabric[Symbol.asyncDispose]();
}
