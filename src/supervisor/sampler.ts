// Keeps the newest answer of each node and draws a sample of the whole when one is due.
import { absencesOf } from '../decide/nodes.ts';
import type { NodeName } from '../names.ts';
import {
  type Answer,
  answerOf,
  drawSample,
  historyLine,
  type SampleMemory,
} from '../network/network.ts';
import type { Sample } from '../network/sample.ts';
import type { Target } from '../observe/observer.ts';
import type { HistoryLine } from '../report/history.ts';
import { effectsNow } from './in-force.ts';
import type { Running } from './run.ts';

export type SampledRun = Pick<Running, 'state' | 'plan' | 'world' | 'ready' | 'journal'>;

export interface Sampler {
  record(node: NodeName, answer: Answer): void;
  hasPeer(node: NodeName): boolean;
  answer(node: NodeName): Answer | undefined;
  /** Nodes whose newest answer is too old for a sample a moment after `now`, or is of before. */
  unheard(
    running: Pick<Running, 'plan' | 'world' | 'readySince'>,
    now: number,
  ): readonly NodeName[];
  /** The one that is due now, else undefined; written to the journal. */
  draw(running: SampledRun, now: number): Sample | undefined;
  /** The newest one. */
  readonly sample: Sample | undefined;
}

/** From time 0 to the first sample: a few ticks of a busy machine. */
const firstSampleMs = 600;
/** Enough for any interval; before time 0 nothing is drawn and all would be kept. */
const keptPropagation = 1_000;

export function createSampler(targets: ReadonlyMap<NodeName, Target>): Sampler {
  const answers = new Map<NodeName, Answer>();
  const isUnobserved = unobservedAmong(targets);
  /** Since the newest sample. */
  const propagation = new Map<NodeName, readonly number[]>();
  let memory: SampleMemory = new Map();
  let lastTick = -1;
  let sample: Sample | undefined;
  let line: HistoryLine | undefined;
  let edges: Sample['edges'] = [];
  return {
    record: (node, answer) => {
      // What happened between two samples counts, however many answers tell of it.
      const seconds = [
        ...(propagation.get(node) ?? []),
        ...(answer.observation.propagationSeconds ?? []),
      ].slice(-keptPropagation);
      propagation.set(node, seconds);
      const observation = { ...answer.observation, propagationSeconds: seconds };
      answers.set(node, seconds.length === 0 ? answer : { ...answer, observation });
    },
    hasPeer: (node) =>
      isUnobserved().has(node) || (answers.get(node)?.observation.peers.length ?? 0) > 0,
    answer: (node) => answers.get(node),
    unheard: (running, now) => unheardOf(running, { answers, now, silent: isUnobserved() }),
    draw: (running, now) => {
      const { state, plan, world, ready, journal } = running;
      if (state.t0 === undefined) return undefined;
      const t = now - state.t0;
      const tick = Math.floor(t / plan.sampleIntervalMs);
      if (tick <= lastTick) return undefined;
      lastTick = tick;
      const moment = { plan, now, observed: { world, ready } };
      const drawn = drawSample({
        plan,
        t,
        now,
        observations: answers,
        memory,
        world,
        ready,
        absences: absencesOf(moment, state),
        cuts: effectsNow(plan, world),
        unobserved: isUnobserved(),
      });
      memory = drawn.memory;
      propagation.clear();
      sample = drawn.sample;
      line = historyLine(sample, line === undefined ? undefined : edges);
      edges = sample.edges;
      journal.sample(line);
      return sample;
    },
    get sample() {
      return sample;
    },
  };
}

type Heard = {
  readonly answers: ReadonlyMap<NodeName, Answer>;
  readonly now: number;
  /** Nodes that are never asked. */
  readonly silent: ReadonlySet<NodeName>;
};

function unheardOf(
  { plan, world, readySince = 0 }: Parameters<Sampler['unheard']>[0],
  { answers, now, silent }: Heard,
): readonly NodeName[] {
  const soon = { plan, world, observations: answers, now: now + firstSampleMs };
  return plan.nodes
    .map(({ name }) => name)
    .filter((name) => !silent.has(name))
    .filter((name) => (answerOf(soon, name)?.at ?? -1) < readySince);
}

/** Nodes of whose kind nothing is asked; targets may be added while a run goes on. */
function unobservedAmong(targets: ReadonlyMap<NodeName, Target>): () => ReadonlySet<NodeName> {
  let names: ReadonlySet<NodeName> = new Set();
  let looked = 0;
  return () => {
    if (looked === targets.size) return names;
    looked = targets.size;
    names = new Set(
      [...targets].flatMap(([name, { kind, context }]) => {
        const asked = { config: context.config, node: context, previous: undefined };
        return kind.observe(context.config, asked).length === 0 ? [name] : [];
      }),
    );
    return names;
  };
}
