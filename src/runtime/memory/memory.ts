// The memory runtime: nodes and links simulated on virtual time. Everything above the port runs
// on it unchanged, so a run of minutes takes milliseconds and is the same each time.
import { fail } from '../../errors.ts';
import type { NodeName } from '../../names.ts';
import type { Plan, PlannedNode } from '../../plan/plan.ts';
import { quantity } from '../../quantities/quantities.ts';
import { hashHex, randomOf } from '../../random.ts';
import type { Capability, DesiredNode, NodeWorld, Runtime, World } from '../runtime.ts';
import { simulatedLinks } from './links.ts';
import { type Block, SimulatedNode } from './simulated-node.ts';
import type { VirtualClock } from './virtual-clock.ts';

type State = {
  readonly clock: VirtualClock;
  readonly nodes: Map<NodeName, SimulatedNode>;
  readonly worlds: Map<NodeName, NodeWorld>;
  readonly listeners: Set<() => void>;
};

export function openMemory(
  plan: Plan,
  clock: VirtualClock,
): Runtime & { crash(node: NodeName): void } {
  const nodes = new Map<NodeName, SimulatedNode>();
  const state: State = { clock, nodes, worlds: new Map(), listeners: new Set() };
  const random = randomOf(plan.randomSeed, 'memory');
  const links = simulatedLinks(clock, random, () => notify(state));
  const genesis: Block = { hash: hashHex('genesis'), height: 0 };
  for (const node of plan.nodes) {
    const around = { clock, links, random, nodes, genesis };
    nodes.set(node.name, new SimulatedNode(settingsOf(plan, node), around));
    state.worlds.set(node.name, { incarnation: 0, phase: 'absent', addresses: [node.address] });
  }
  const find = (name: NodeName): SimulatedNode => {
    const node = nodes.get(name);
    if (node === undefined) throw fail('NOT_FOUND', `no node is called "${name}"`);
    return node;
  };
  return {
    capabilities: async () => [
      ...features.map((feature) => ({ ...simulated, feature })),
      { host: 'memory', feature: 'logs', ok: false, ...logless },
    ],
    ensure: async (wanted) => ensure(state, wanted),
    enforce: async (schedule) => links.enforce(schedule),
    watch: (signal) =>
      watch(
        state,
        () => ({ nodes: new Map(state.worlds), enforcement: [links.enforcement()] }),
        signal,
      ),
    probe: (pairs) => links.probe(pairs),
    request: async (node, request) => {
      await clock.sleep(1);
      const reply = find(node).answer(request);
      if (reply === undefined) throw fail('CONTACT_LOST', `${node} does not answer`);
      return reply;
    },
    exec: async (node) => {
      find(node);
      throw fail('CAPABILITY_MISSING', 'simulated nodes have no processes to run commands in');
    },
    logs: async function* () {},
    crash: (node) => exited(state, node, { code: 1, asked: false }),
    [Symbol.asyncDispose]: async () => {
      for (const name of nodes.keys()) find(name).exit();
    },
  };
}

const simulated = { host: 'memory', ok: true, reason: 'simulated' };
const logless = {
  reason: 'simulated nodes write nothing',
  fix: 'leave out expectations on logs, or use another runtime',
};
const features: readonly Capability['feature'][] = [
  'namespaces',
  'nft',
  'htb',
  'netem',
  'netem-duplicate',
  'node-faults',
];

function settingsOf(plan: Plan, node: PlannedNode) {
  const group = plan.groups.find(({ name }) => name === node.group);
  if (group === undefined) throw new TypeError(`${node.name} has no group`);
  const {
    blockInterval = '10s',
    hashShare = 1,
    outboundPeers = plan.discovers ? 8 : 0,
  } = group.config as {
    blockInterval?: string;
    hashShare?: number;
    outboundPeers?: number;
  };
  const shareOf = new Map(
    plan.groups.map((each) => [
      each.name,
      each.role === 'miner' ? Number(each.config['hashShare'] ?? 1) : 0,
    ]),
  );
  const all = plan.nodes.reduce((sum, each) => sum + (shareOf.get(each.group) ?? 0), 0);
  // As the reference node: a topology that names dials is not blurred by seeds.
  const told = plan.discovers ? group.seeds : [];
  const candidates = [...new Set([...node.dials, ...told])].filter((other) => other !== node.name);
  const mean = (quantity('duration', blockInterval) * all) / hashShare;
  return {
    name: node.name,
    address: node.address,
    role: group.role,
    candidates,
    outboundPeers: Math.max(outboundPeers, node.dials.length),
    ...(group.role === 'miner' ? { blockMs: mean } : {}),
  };
}

function notify(state: State): void {
  for (const listener of state.listeners) listener();
}

function exited(
  state: State,
  name: NodeName,
  how: { readonly code: number; readonly asked: boolean },
): void {
  const before = state.worlds.get(name);
  if (before === undefined || before.phase === 'exited' || before.phase === 'absent') return;
  state.nodes.get(name)?.exit();
  const exit = { at: state.clock.now(), code: how.code, signal: null, asked: how.asked };
  state.worlds.set(name, { ...before, phase: 'exited', exit });
  notify(state);
}

function ensure(state: State, wanted: readonly DesiredNode[]): void {
  const names = new Set(wanted.map(({ name }) => name));
  for (const name of state.worlds.keys()) {
    if (!names.has(name)) exited(state, name, { code: 0, asked: true });
  }
  for (const node of wanted) ensureOne(state, node);
  notify(state);
}

function ensureOne(state: State, wanted: DesiredNode): void {
  const { name, incarnation, run } = wanted;
  const simulated = state.nodes.get(name);
  const world = state.worlds.get(name);
  if (simulated === undefined || world === undefined) return;
  const up = world.phase === 'running' || world.phase === 'paused';
  if (run === 'stopped' || (up && world.incarnation < incarnation)) {
    exited(state, name, { code: 0, asked: true });
  }
  if (run === 'stopped' || run === 'held') return;
  const fresh = world.phase === 'absent' || world.incarnation < incarnation;
  if (fresh) {
    simulated.start();
    const { addresses } = world;
    const startedAt = state.clock.now();
    state.worlds.set(name, { incarnation, phase: 'running', addresses, startedAt });
  } else if (run === 'paused' && world.phase === 'running') {
    simulated.pause();
    state.worlds.set(name, { ...world, phase: 'paused' });
  } else if (run === 'running' && world.phase === 'paused') {
    simulated.resume();
    state.worlds.set(name, { ...world, phase: 'running' });
  }
}

async function* watch(state: State, world: () => World, signal: AbortSignal): AsyncIterable<World> {
  let wake = () => {};
  const listener = () => wake();
  state.listeners.add(listener);
  signal.addEventListener('abort', listener, { once: true });
  try {
    while (!signal.aborted) {
      const next = new Promise<void>((resolve) => {
        wake = resolve;
      });
      yield world();
      await next;
    }
  } finally {
    state.listeners.delete(listener);
  }
}
