// The nodes' own metrics, for the page of the run: asked for when somebody scrapes, of a few nodes
// at once, and read as each answers, so that neither the run nor the observation waits for it. What
// has not come in a moment is left out. Whoever asks within the next second gets the same text.
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { Kind } from '../kinds/kind.ts';
import {
  type Families,
  mergeFamilies,
  readExposition,
  showNumbers,
} from '../metrics/exposition.ts';
import type { NodeName } from '../names.ts';
import type { Answer } from '../network/network.ts';
import type { Target } from '../observe/observer.ts';
import type { PlannedNode } from '../plan/plan.ts';
import type { Runtime } from '../runtime/runtime.ts';

export type PassThroughDependencies = {
  readonly testnet: string;
  readonly request: Runtime['request'];
  readonly targets: ReadonlyMap<NodeName, Target>;
  /** The newest one, if it still speaks for the node. */
  readonly answer: (node: NodeName) => Answer | undefined;
  readonly onFailure: (group: string) => void;
};

export interface PassThrough {
  /** Of these nodes, in Prometheus' format 0.0.4. */
  text(nodes: readonly PlannedNode[]): Promise<Passed>;
}

export type Passed = { readonly text: string; readonly leftOut: number };

const mostAtOnce = 32;
const limitMs = 700;
const keptMs = 1_000;

/** Resolves in a turn of the event loop that nobody else was given. */
type Turn = () => Promise<void>;

type Shown = { readonly families: Families; readonly leftOut: number };

export function createPassThrough(deps: PassThroughDependencies): PassThrough {
  let kept: { readonly at: number; readonly passed: Promise<Passed> } | undefined;
  return {
    text: (nodes) => {
      const now = performance.now();
      if (kept === undefined || now - kept.at > keptMs) {
        kept = { at: now, passed: pass(deps, nodes) };
      }
      return kept.passed;
    },
  };
}

async function pass(deps: PassThroughDependencies, nodes: readonly PlannedNode[]): Promise<Passed> {
  const shown = new Map<NodeName, Shown>();
  const signal = AbortSignal.timeout(limitMs);
  const over = once(signal, 'abort');
  const waiting = nodes.filter(({ name }) => deps.answer(name) !== undefined).values();
  const turn = turns();
  const work = async () => {
    for (const node of waiting) {
      if (signal.aborted) return;
      const one = await show({ ...deps, turn }, node, signal);
      if (one !== undefined) shown.set(node.name, one);
    }
  };
  // Whatever a runtime does with the signal.
  await Promise.race([Promise.all(Array.from({ length: mostAtOnce }, work)), over]);
  // In the order of the plan: a page that is scraped again and again compresses well.
  const all = nodes.flatMap(({ name }) => shown.get(name) ?? []);
  return {
    text: mergeFamilies(all.map(({ families }) => families)),
    leftOut: all.reduce((sum, { leftOut }) => sum + leftOut, 0),
  };
}

/** Many nodes answer at one moment; to read them all at once would hold up the run. */
function turns(): Turn {
  let last = Promise.resolve();
  return () => {
    last = last.then(() => setImmediate());
    return last;
  };
}

/** Never throws: a node that does not answer has no metrics, and that is counted. */
async function show(
  deps: PassThroughDependencies & { readonly turn: Turn },
  node: PlannedNode,
  signal: AbortSignal,
): Promise<Shown | undefined> {
  const { name, group, region } = node;
  const target = deps.targets.get(name);
  if (target === undefined) return undefined;
  const labels = { testnet: deps.testnet, group, node: name, region };
  const { kind, context } = target;
  const requests = kind.expositions?.(context.config) ?? [];
  if (requests.length === 0) return showObserved(deps, kind, labels);
  try {
    const bodies: string[] = [];
    for (const request of requests) {
      const { status, body } = await deps.request(name, request, signal);
      if (status !== 200) throw new TypeError(`status ${status}`);
      bodies.push(body);
    }
    await deps.turn();
    return readExposition(bodies.join('\n'), labels);
  } catch {
    deps.onFailure(group);
    return undefined;
  }
}

function showObserved(
  { answer }: PassThroughDependencies,
  kind: Kind,
  labels: { readonly node: NodeName; readonly [label: string]: string },
): Shown {
  const numbers = answer(labels.node)?.observation.metrics ?? {};
  return showNumbers(numbers, kind.metrics ?? {}, labels);
}
