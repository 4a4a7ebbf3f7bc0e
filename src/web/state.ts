// What the page knows of a run at one moment, and a run as a row of such moments. Plain JSON, keyed
// by name, so that a change is a small patch (patch.ts). Server and page share this file: it
// imports types only. Live runs and replays come to the page in the same form.
import type { FaultStatus, GraphView, NodeStatus, Phase, Status } from '../session/session.ts';
import type { JsonObject } from './patch.ts';

export type PageNode = Omit<NodeStatus, 'name'>;
export type PageFault = Omit<FaultStatus, 'name'>;
export type PageExpectation = Omit<Status['expectations'][number], 'name'>;

export type PageState = {
  readonly testnet: string;
  readonly runtime: string;
  readonly phase: Phase;
  /** Seconds from time 0. */
  readonly elapsed?: number;
  readonly exitCode?: number;
  /** Of the network, by the names that expectations use. */
  readonly metrics: Readonly<Record<string, number>>;
  /** In the order of the plan. */
  readonly nodes: Readonly<Record<string, PageNode>>;
  /** Live connections: names of two nodes with a space between. */
  readonly edges: Readonly<Record<string, 1>>;
  readonly faults: Readonly<Record<string, PageFault>>;
  readonly expectations: Readonly<Record<string, PageExpectation>>;
  readonly problems: readonly string[];
};

export type PageEvent = { readonly t?: number; readonly event: string; readonly message: string };

/** What has changed, and what has happened, since the frame before. */
export type Frame = { readonly patch: JsonObject; readonly events?: readonly PageEvent[] };

export type Recording = {
  readonly mode: 'live' | 'replay';
  /** May faults be applied from the page? */
  readonly control: boolean;
  readonly base: PageState;
  /** Until the base. */
  readonly events: readonly PageEvent[];
  readonly frames: readonly Frame[];
};

const shownTip = 12;

export function pageState(
  { testnet, runtime, phase, elapsed, exitCode, metrics, problems, ...status }: Status,
  nodes: readonly NodeStatus[],
  { edges }: Pick<GraphView, 'edges'>,
): PageState {
  return {
    testnet,
    runtime,
    phase,
    ...(elapsed === undefined ? {} : { elapsed }),
    ...(exitCode === undefined ? {} : { exitCode }),
    metrics,
    nodes: once(nodes, nodesByName),
    edges: once(edges, edgesByName),
    faults: byName(status.faults),
    expectations: byName(status.expectations),
    problems,
  };
}

const made = new WeakMap<object, unknown>();

/** Of the same list the same result: most often nothing has changed, and is compared at once. */
function once<From extends object, To>(from: From, make: (from: From) => To): To {
  if (!made.has(from)) made.set(from, make(from));
  // Each list is made into one thing only.
  return made.get(from) as To;
}

function nodesByName(nodes: readonly NodeStatus[]): PageState['nodes'] {
  return byName(
    nodes.map((node) => (node.tip ? { ...node, tip: node.tip.slice(0, shownTip) } : node)),
  );
}

function edgesByName(edges: GraphView['edges']): PageState['edges'] {
  return Object.fromEntries(edges.map(([a, b]) => [`${a} ${b}`, 1] as const));
}

function byName<T extends { readonly name: string }>(
  values: readonly T[],
): Readonly<Record<string, Omit<T, 'name'>>> {
  return Object.fromEntries(values.map(({ name, ...rest }) => [name, rest]));
}
