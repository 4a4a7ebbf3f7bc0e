// A running testnet as the page sees it. Each time the session tells of a new status, nodes and
// graph are asked for, and what is different goes out as one frame. So a testnet costs the same for
// any number of pages, and nothing is asked that nobody samples. The frames of the last minutes are
// kept: whoever opens the page late, or looks back, sees them too.
import { fail } from '../errors.ts';
import type { GraphView, NodeStatus, Session, Status, TimelineEvent } from '../session/session.ts';
import { parseFault } from '../spec/parse.ts';
import type { Message, PageControl, PageSource } from './source.ts';
import { type PageEvent, pageState } from './state.ts';
import { createTape, type Tape } from './tape.ts';

const keptLines = 200;

export type LiveSource = PageSource & {
  /** When the session has nothing more to tell. Never rejects. */
  readonly done: Promise<void>;
};

export function followSession(
  session: Session,
  { testnet, control }: { readonly testnet: string; readonly control: boolean },
  signal: AbortSignal,
): LiveSource {
  const tape = createTape(testnet);
  const listeners = new Set<(message: Message) => void>();
  let over = false;
  const tell = (message: Message) => {
    for (const listener of listeners) listener(message);
  };
  const record: Tape['add'] = (state, events) => {
    const frame = tape.add(state, events);
    if (frame !== undefined) tell({ kind: 'frame', frame });
    return frame;
  };
  const done = follow(session, record, signal).finally(() => {
    over = true;
    tell({ kind: 'end' });
  });
  return {
    testnet,
    done,
    open: (listener) => {
      listeners.add(listener);
      if (over) queueMicrotask(() => listener({ kind: 'end' }));
      return {
        recording: { mode: 'live', control, ...tape.all() },
        close: () => void listeners.delete(listener),
      };
    },
    log: (node) => tailOf(session, node),
    ...(control && { control: controlOf(session, testnet) }),
  };
}

async function follow(session: Session, record: Tape['add'], signal: AbortSignal): Promise<void> {
  let events: PageEvent[] = [];
  let before: readonly NodeStatus[] = [];
  let graph: Pick<GraphView, 'edges'> = { edges: [] };
  try {
    for await (const { status, event } of session.watch(signal)) {
      if (event !== undefined) events.push(shown(event));
      if (status === undefined) continue;
      // On a cluster there may be nothing to see yet, or not for this user.
      const now = await session.nodes().catch(() => before);
      graph = await session.graph().catch(() => graph);
      const nodes = isOver(status) ? asTheyWere(now, before) : now;
      record(pageState(status, nodes, graph), events);
      events = [];
      before = nodes;
    }
  } catch {
    // The run is gone: what was seen of it stays on the page.
  }
  if (events.length > 0) record(undefined, events);
}

function isOver({ exitCode, phase }: Status): boolean {
  return exitCode !== undefined || phase === 'stopping';
}

/** When a run is over its nodes are stopped: that is no part of the picture. */
function asTheyWere(
  now: readonly NodeStatus[],
  before: readonly NodeStatus[],
): readonly NodeStatus[] {
  const states = new Map(before.map(({ name, state }) => [name, state]));
  return now.map((node) => ({ ...node, state: states.get(node.name) ?? node.state }));
}

function shown({ t, event, message }: TimelineEvent): PageEvent {
  return { ...(t === undefined ? {} : { t }), event, message };
}

async function tailOf(session: Session, node: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { text } of session.logs(node, { follow: false }, AbortSignal.timeout(5_000))) {
    lines.push(text);
    if (lines.length > 2 * keptLines) lines.splice(0, keptLines);
  }
  return lines.slice(-keptLines);
}

function controlOf(session: Session, testnet: string): PageControl {
  return {
    applyFault: async (text) => {
      const { spec, problems } = parseFault(text, 'page');
      if (spec === undefined) {
        throw fail('SPEC_INVALID', problems.map(({ message }) => message).join('\n'));
      }
      if (spec.spec.testnet !== testnet) {
        throw fail('USAGE', `the fault is for ${spec.spec.testnet}, this page is of ${testnet}`);
      }
      return (await session.applyFault(spec)).name;
    },
    clearFaults: (name) => session.clearFaults(name),
  };
}
