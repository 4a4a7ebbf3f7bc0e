// What all nodes said at one moment becomes one sample: the live peer graph, the metrics of the
// network and of each node. It is a pure function of the newest observations, of what runs, and of
// the faults in force; only what is counted by difference (reorgs, silence) is carried from sample
// to sample in a memory that may be lost: then reorgs count from the next sample on and silence
// from zero. Metrics of the network range over nodes that answer and should be up. A metric that
// nobody reports is absent, never zero.
import type { PlacedEffect } from '../faults/effect.ts';
import type { NodeName } from '../names.ts';
import type { Plan, PlannedNode } from '../plan/plan.ts';
import { quantile } from '../quantities/quantile.ts';
import type { HistoryLine } from '../report/history.ts';
import type { NodeWorld, World } from '../runtime/runtime.ts';
import { chainMetrics } from './chain.ts';
import { componentsOf, type Edge, liveEdges, type Surroundings, surroundings } from './graph.ts';
import type { Observation } from './observation.ts';
import type { Metrics, NodeSample, Sample } from './sample.ts';

/** The newest answer of a node and when it came (epoch milliseconds). */
export type Answer = { readonly at: number; readonly observation: Observation };

/** Nodes that a fault takes down, and those that are back (milliseconds from time 0). */
export type Absences = ReadonlyMap<NodeName, { readonly down: boolean; readonly back?: number }>;

type NodeMemory = {
  /** Of the newest answer that was counted. */
  readonly at?: number;
  readonly reorgCount?: number;
  readonly reorgs: readonly (readonly [number, number])[];
  readonly silent: number;
};
export type SampleMemory = ReadonlyMap<NodeName, NodeMemory>;

export type SampleInput = {
  readonly plan: Plan;
  /** Milliseconds from time 0, and the same moment as epoch milliseconds. */
  readonly t: number;
  readonly now: number;
  readonly observations: ReadonlyMap<NodeName, Answer>;
  /** What the sample before left behind; an empty map at first. */
  readonly memory: SampleMemory;
  readonly world: World;
  readonly ready: ReadonlySet<NodeName>;
  readonly absences: Absences;
  /** All effects of the faults in force; only drops and rejects matter here. */
  readonly cuts: readonly PlacedEffect[];
  /** Nodes whose kind is never asked: they keep no silence. */
  readonly unobserved?: ReadonlySet<NodeName>;
};

/** An observation speaks for its node for so long: two samples, at least 2 s. */
export function answerAgeMs({ sampleIntervalMs }: Pick<Plan, 'sampleIntervalMs'>): number {
  return Math.max(2_000, 2 * sampleIntervalMs);
}
const keptReorgs = 64;

export function drawSample(input: SampleInput): {
  readonly sample: Sample;
  readonly memory: SampleMemory;
} {
  const { nodes } = input.plan;
  const answers = nodes.map((node) => answerOf(input, node.name));
  const expected = nodes.map((node) => input.absences.get(node.name)?.down !== true);
  const { peers, unknown } = knownPeers(input, answers);
  const edges = liveEdges({ count: nodes.length, peers, cuts: numberedCuts(input) });
  const around = surroundingsOf(input.plan, edges);
  const hasAttackers = attackersOf(input.plan).size > 0;
  const memory = new Map<NodeName, NodeMemory>();
  const samples = new Map<NodeName, NodeSample>();
  const wanted = passedThrough(input.plan);
  nodes.forEach(({ name }, index) => {
    const remembered = remember(input, name, {
      answer: answers[index],
      expected: expected[index] === true,
    });
    memory.set(name, remembered);
    const back = input.absences.get(name)?.back;
    const answer = answers[index];
    samples.set(name, {
      answering: answer !== undefined,
      expected: expected[index] === true,
      ...(remembered.silent > 0 && { silent: remembered.silent }),
      ...(back !== undefined && { back }),
      ...(answer?.observation.tip !== undefined && { tip: answer.observation.tip }),
      ...(remembered.reorgs.length > 0 && { reorgs: remembered.reorgs }),
      metrics:
        answer === undefined
          ? {}
          : {
              ...ownMetrics(answer.observation, wanted),
              ...graphMetrics(around, index, hasAttackers),
              ...eventMetrics(answer, input.memory.get(name), { t: input.t, remembered }),
            },
    });
  });
  const counted = nodes.map((_, index) => expected[index] === true && answers[index] !== undefined);
  const sample: Sample = {
    t: input.t,
    network: networkMetrics(input, { answers, counted, edges, samples }),
    nodes: samples,
    edges: edges.map(([a, b]) => [nodeAt(nodes, a), nodeAt(nodes, b)]),
    ...(unknown > 0 && { unknownPeers: unknown }),
  };
  return { sample, memory };
}

/** The line of samples.jsonl; edges only when they differ from those of the line before. */
export function historyLine(
  sample: Sample,
  previousEdges: Sample['edges'] | undefined,
): HistoryLine {
  const nodes: Record<string, Metrics> = {};
  const tips: Record<string, string> = {};
  for (const [name, node] of sample.nodes) {
    if (!node.answering || !node.expected) continue;
    nodes[name] = rounded(node.metrics);
    if (node.tip !== undefined) tips[name] = node.tip;
  }
  return {
    t: Math.round(sample.t) / 1_000,
    network: rounded(sample.network),
    nodes,
    tips,
    ...(!sameEdges(sample.edges, previousEdges) && { edges: sample.edges }),
  };
}

function rounded(metrics: Metrics): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(9))]),
  );
}

function sameEdges(a: Sample['edges'], b: Sample['edges'] | undefined): boolean {
  return (
    b !== undefined &&
    a.length === b.length &&
    a.every(([from, to], index) => b[index]?.[0] === from && b[index]?.[1] === to)
  );
}

/** The answer that speaks for the node now: fresh, and of the process that runs. */
export function answerOf(
  input: Pick<SampleInput, 'plan' | 'now' | 'observations' | 'world'>,
  name: NodeName,
): Answer | undefined {
  const answer = input.observations.get(name);
  if (answer === undefined || input.now - answer.at > answerAgeMs(input.plan)) return undefined;
  const world: NodeWorld | undefined = input.world.nodes.get(name);
  if (world?.phase === 'exited' || world?.phase === 'absent') return undefined;
  return world?.startedAt !== undefined && answer.at < world.startedAt ? undefined : answer;
}

function knownPeers(
  { plan, world }: SampleInput,
  answers: readonly (Answer | undefined)[],
): { readonly peers: readonly (readonly number[] | undefined)[]; readonly unknown: number } {
  const byAddress = new Map<string, number>();
  plan.nodes.forEach((node, index) => {
    byAddress.set(node.address, index);
    for (const address of world.nodes.get(node.name)?.addresses ?? []) {
      byAddress.set(address, index);
    }
  });
  let unknown = 0;
  const peers = answers.map((answer) =>
    answer?.observation.peers.flatMap(({ address }) => {
      const peer = byAddress.get(address);
      if (peer === undefined) unknown += 1;
      return peer === undefined ? [] : [peer];
    }),
  );
  return { peers, unknown };
}

function numberedCuts({ plan, cuts }: SampleInput): { from: number[]; to: number[] }[] {
  const drops = cuts.filter(({ impairment }) => impairment.kind !== 'shape');
  if (drops.length === 0) return [];
  const numbers = new Map(plan.nodes.map(({ name }, index) => [name, index]));
  const numbered = (names: readonly NodeName[]): number[] =>
    names.flatMap((name) => numbers.get(name) ?? []);
  return drops.map(({ from, to }) => ({ from: numbered(from), to: numbered(to) }));
}

/** Attackers are whoever the plan's faults name, for the whole run. */
function attackersOf({ faults }: Plan): ReadonlySet<NodeName> {
  return new Set(faults.flatMap((fault) => fault.attackers ?? []));
}

function surroundingsOf(plan: Plan, edges: readonly Edge[]): Surroundings {
  const attackers = attackersOf(plan);
  const victims = new Set(plan.faults.flatMap((fault) => fault.victims ?? []));
  return surroundings(
    edges,
    plan.nodes.map(({ name }) => attackers.has(name)),
    plan.nodes.map(({ name }) => victims.has(name)),
  );
}

/** Names of the nodes' own metrics that some expectation asks for. */
function passedThrough(plan: Plan): ReadonlySet<string> {
  const metrics = plan.expectations.flatMap((one) => ('metric' in one ? [one.metric] : []));
  return new Set(metrics.filter((metric) => metric.startsWith('node:')));
}

function ownMetrics(observation: Observation, wanted: ReadonlySet<string>): Metrics {
  const inbound = observation.peers.filter(({ direction }) => direction === 'inbound').length;
  const own: Record<string, number> = {
    node_peers: observation.peers.length,
    node_peers_inbound: inbound,
    node_peers_outbound: observation.peers.length - inbound,
  };
  if (observation.height !== undefined) own['node_height'] = observation.height;
  for (const name of wanted) {
    const value = observation.metrics?.[name.slice('node:'.length)];
    if (value !== undefined) own[name] = value;
  }
  return own;
}

function graphMetrics(around: Surroundings, node: number, hasAttackers: boolean): Metrics {
  const degree = around.degree[node] ?? 0;
  const attackers = around.attackers[node] ?? 0;
  const share = degree === 0 ? 0 : attackers / degree;
  return {
    node_peers_live: degree,
    ...(hasAttackers && { attacking_peers: attackers }),
    node_isolated: degree === 0 ? 1 : 0,
    eclipse_ratio: degree > 0 && around.enclosed[node] ? 1 : share,
  };
}

/** Metrics of what happened since the sample before. */
function eventMetrics(
  answer: Answer,
  before: NodeMemory | undefined,
  now: { readonly t: number; readonly remembered: NodeMemory },
): Metrics {
  const { reorgs, propagationSeconds = [] } = answer.observation;
  const depths = now.remembered.reorgs.flatMap(([t, depth]) => (t === now.t ? [depth] : []));
  const fresh = before?.at === undefined || answer.at > before.at;
  return {
    ...(reorgs !== undefined && { reorg_depth: Math.max(0, ...depths) }),
    ...(fresh &&
      propagationSeconds.length > 0 && {
        propagation_seconds: quantile(propagationSeconds, 0.5),
      }),
  };
}

function remember(
  input: SampleInput,
  name: NodeName,
  now: { readonly answer: Answer | undefined; readonly expected: boolean },
): NodeMemory {
  const before = input.memory.get(name);
  const asked = input.unobserved?.has(name) !== true;
  const missing = now.expected && asked && now.answer === undefined;
  const count = now.answer?.observation.reorgs?.count;
  const depths = newReorgs(now.answer?.observation.reorgs, before?.reorgCount);
  const happened = depths.map((depth) => [input.t, depth] as const);
  const at = now.answer?.at ?? before?.at;
  const reorgCount = count ?? before?.reorgCount;
  return {
    silent: missing ? (before?.silent ?? 0) + 1 : 0,
    reorgs: [...(before?.reorgs ?? []), ...happened].slice(-keptReorgs),
    ...(at !== undefined && { at }),
    ...(reorgCount !== undefined && { reorgCount }),
  };
}

/** Depths of the reorgs since `seen` of them; a smaller count means that the node began anew. */
function newReorgs(reorgs: Observation['reorgs'], seen: number | undefined): readonly number[] {
  if (reorgs === undefined || seen === undefined) return [];
  const fresh = reorgs.count >= seen ? reorgs.count - seen : reorgs.count;
  return fresh === 0 ? [] : reorgs.depths.slice(-fresh);
}

function networkMetrics(
  input: SampleInput,
  drawn: {
    readonly answers: readonly (Answer | undefined)[];
    readonly counted: readonly boolean[];
    readonly edges: readonly Edge[];
    readonly samples: ReadonlyMap<NodeName, NodeSample>;
  },
): Metrics {
  const { plan } = input;
  const counted = drawn.answers.flatMap((answer, index) =>
    answer !== undefined && drawn.counted[index] ? [answer.observation] : [],
  );
  const components = componentSizes(drawn.counted, drawn.edges);
  const attackers = attackersOf(plan);
  const eclipsed = plan.nodes.filter(
    ({ name }, index) =>
      drawn.counted[index] &&
      !attackers.has(name) &&
      drawn.samples.get(name)?.metrics['eclipse_ratio'] === 1,
  );
  return {
    nodes_ready: input.ready.size,
    nodes_answering: drawn.answers.filter((answer) => answer !== undefined).length,
    ...(counted.length > 0 && {
      components: components.length,
      giant_ratio: Math.max(...components) / counted.length,
      eclipsed_nodes: eclipsed.length,
    }),
    ...chainMetrics(counted),
  };
}

function componentSizes(counted: readonly boolean[], edges: readonly Edge[]): readonly number[] {
  const sizes = new Map<number, number>();
  for (const component of componentsOf(counted, edges)) {
    if (component >= 0) sizes.set(component, (sizes.get(component) ?? 0) + 1);
  }
  return [...sizes.values()];
}

function nodeAt(nodes: readonly PlannedNode[], index: number): NodeName {
  const node = nodes[index];
  if (node === undefined) throw new RangeError(`no node ${index}`);
  return node.name;
}
