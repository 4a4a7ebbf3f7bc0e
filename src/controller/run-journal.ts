// The journal of a run on Kubernetes: what a successor needs is in the ConfigMap `<testnet>-run`,
// written before anything is done because of it and otherwise every 10 s; what the report needs is
// in chunks of history. An API server that is gone holds a run up once, for two seconds; then it
// goes on, and what is to be written waits.
import type { StoredState } from '../decide/stored.ts';
import type { HistoryLine, RunRecord } from '../report/history.ts';
import type { ObservedFault } from '../report/parts.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Api, resources } from '../runtime/kubernetes/api.ts';
import { apiVersion, labels, names, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { Journal } from '../supervisor/journal.ts';
import type { Changes } from './changes.ts';
import {
  type Chunk,
  type ConfigMap,
  chunkData,
  type History,
  isFull,
  readHistory,
} from './history.ts';
import { createWriter, type Writer } from './writer.ts';

/** How a run began, and how it was changed since. */
export type RunStart = {
  readonly version: 1;
  readonly run: RunRecord;
  readonly changes: Changes;
};

export type Stored = History & {
  readonly record: RunStart;
  /** As they were when the newest of them was judged. */
  readonly faults: readonly ObservedFault[];
};

export interface RunJournal extends Journal {
  stored(): Promise<void>;
  /** Resolves when it is written. */
  record(record: RunStart): Promise<void>;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
  /**
   * Samples after that time (seconds), those of single nodes too; of up to 300 nodes the newest
   * three minutes, of 5,000 the newest twelve samples.
   */
  samplesAfter(t: number): readonly HistoryLine[];
}

export type JournalDependencies = {
  readonly api: Api;
  readonly clock: Clock;
  readonly owner: TestnetObject;
  readonly onFailure: (error: unknown) => void;
};

const everyMs = 10_000;
const soonMs = 1_000;
/** So long a run waits for what it does next to be written down. */
const patienceMs = 2_000;
/** Samples that are kept whole, and lines of single nodes in all of them together: 25 MB. */
const kept = { samples: 180, nodeLines: 60_000 };

/** Undefined when this Testnet never ran. */
export async function readStored(
  api: Pick<Api, 'get' | 'list'>,
  owner: Pick<TestnetObject, 'metadata'>,
): Promise<Stored | undefined> {
  const { namespace = '', name, uid = '' } = owner.metadata;
  const map = await api.get<ConfigMap>(resources.configMaps, { namespace, name: names.run(name) });
  const owned = map?.metadata.ownerReferences?.some((reference) => reference.uid === uid);
  const { 'record.json': record, 'state.json': state, 'faults.json': faults } = map?.data ?? {};
  if (owned !== true || record === undefined) return undefined;
  return {
    ...(await readHistory(api, { namespace, name, uid })),
    record: JSON.parse(record) as RunStart,
    ...(state === undefined ? {} : { state: JSON.parse(state) as StoredState }),
    faults: faults === undefined ? [] : (JSON.parse(faults) as ObservedFault[]),
  };
}

type Open = JournalDependencies & {
  record: RunStart | undefined;
  state: StoredState | undefined;
  faults: readonly ObservedFault[];
  readonly parts: Record<string, unknown>;
  /** Chunks that are not written as they are. */
  readonly dirty: Map<number, Chunk>;
  current: number;
};

export function openRunJournal(
  deps: JournalDependencies,
  stored: Stored | undefined,
  signal: AbortSignal,
): RunJournal {
  const { clock } = deps;
  const open: Open = {
    ...deps,
    record: stored?.record,
    state: stored?.state,
    faults: stored?.faults ?? [],
    parts: {},
    dirty: new Map(),
    current: stored?.chunks ?? 0,
  };
  const run = paced(
    createWriter(() => writeRun(open), deps, signal),
    clock,
  );
  const history = paced(
    createWriter(() => writeHistory(open), deps, signal),
    clock,
  );
  const append = appendTo(open, history);
  let transition = '';
  const recent = keepNewest();
  return {
    replace: (file, content) => {
      if (file === 'faults') open.faults = content as ObservedFault[];
      if (file !== 'state') {
        open.parts[file] = content;
        return;
      }
      open.state = content as StoredState;
      const now = transitionOf(open.state);
      run.askIn(now === transition ? everyMs : 0);
      transition = now;
    },
    sample: (line) => {
      const whole = line as HistoryLine;
      recent.add(whole);
      append('samples', { ...whole, nodes: {}, tips: {}, edges: undefined });
    },
    event: (event) => append('timeline', event),
    stored: patiently(run, clock),
    record: async (record) => {
      open.record = record;
      run.askIn(0);
      await run.settled();
    },
    flush: async () => {
      append('timeline', undefined);
      for (const writer of [run, history]) writer.askIn(0);
      await Promise.all([run.settled(), history.settled()]);
    },
    samplesAfter: (after) => recent.all().filter(({ t }) => t > after),
    [Symbol.dispose]: () => undefined,
  };
}

function keepNewest() {
  const newest: HistoryLine[] = [];
  let nodeLines = 0;
  return {
    all: (): readonly HistoryLine[] => newest,
    add: (sample: HistoryLine) => {
      newest.push(sample);
      nodeLines += linesOf(sample);
      while (newest.length > kept.samples || (newest.length > 1 && nodeLines > kept.nodeLines)) {
        nodeLines -= linesOf(newest.shift());
      }
    },
  };
}

function linesOf(sample: HistoryLine | undefined): number {
  return Object.keys(sample?.nodes ?? {}).length;
}

/** A writer that is asked at the first occasion so long after the last time. */
function paced(writer: Writer, clock: Clock) {
  let askedAt = clock.now();
  return {
    askIn: (ms: number) => {
      if (clock.now() - askedAt < ms) return false;
      askedAt = clock.now();
      writer.ask();
      return true;
    },
    settled: () => writer.settled(),
  };
}

/** Adds a line to the newest chunk; without one it only sees to it that there is a chunk. */
function appendTo(open: Open, history: { readonly askIn: (ms: number) => boolean }) {
  let newest: Chunk = { timeline: '', samples: '' };
  let urgent = false;
  return (key: keyof Chunk, line: unknown) => {
    if (line !== undefined)
      newest = { ...newest, [key]: `${newest[key]}${JSON.stringify(line)}\n` };
    open.dirty.set(open.current, newest);
    if (isFull(newest)) {
      newest = { timeline: '', samples: '' };
      open.current += 1;
    }
    // An event is worth a write of its own, but for those that come with it.
    urgent ||= key === 'timeline';
    if (history.askIn(urgent ? soonMs : everyMs)) urgent = false;
  };
}

/** All but what changes with each sample. */
function transitionOf({ lastSample: _l, lapsed: _p, expectations, ...rest }: StoredState): string {
  return JSON.stringify([rest, expectations.map(([verdict]) => verdict)]);
}

/** Waits for what is under way, but once: while the server is away, the run goes on at its pace. */
function patiently(writer: Pick<Writer, 'settled'>, clock: Clock): () => Promise<void> {
  let patient = true;
  return async () => {
    if (!patient) return;
    patient = false;
    const over = new AbortController();
    const settled = writer.settled().then(() => {
      patient = true;
    });
    await Promise.race([settled, clock.sleep(patienceMs, over.signal)]);
    over.abort();
  };
}

async function writeRun(open: Open): Promise<void> {
  const { record, state, faults } = open;
  const data = {
    ...(record === undefined ? {} : { 'record.json': JSON.stringify(record) }),
    ...(state === undefined ? {} : { 'state.json': JSON.stringify(state) }),
    'faults.json': JSON.stringify(faults),
  };
  await apply(open, names.run(open.owner.metadata.name), { data });
}

async function writeHistory(open: Open): Promise<void> {
  for (const [number, chunk] of open.dirty) {
    const parts = number === open.current ? open.parts : {};
    await apply(open, names.history(open.owner.metadata.name, number), chunkData(chunk, parts));
    if (open.dirty.get(number) === chunk) open.dirty.delete(number);
  }
}

async function apply(
  { api, owner }: Open,
  name: string,
  content: Pick<ConfigMap, 'data' | 'binaryData'>,
): Promise<void> {
  await api.apply<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedBy(owner, name),
    ...content,
  });
}

/** Metadata of an object that goes with the Testnet. */
function ownedBy(owner: TestnetObject, name: string): ConfigMap['metadata'] {
  const { name: testnet, namespace = '', uid = '' } = owner.metadata;
  const reference = { apiVersion, kind: 'Testnet', name: testnet, uid, controller: true };
  return {
    name,
    namespace,
    labels: { [labels.testnet]: testnet },
    ownerReferences: [{ ...reference, blockOwnerDeletion: true }],
  };
}
