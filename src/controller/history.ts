// What of a run outlasts its controller and its nodes: the timeline, the series of the network and
// the parts of its report, in ConfigMaps of at most a few hundred KiB. Series of single nodes are
// not in it: they are in Prometheus, and with whoever was connected. The CLI reads it back.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { StoredState } from '../decide/stored.ts';
import type { PlannedFault } from '../plan/plan.ts';
import type { HistoryLine, RunRecord } from '../report/history.ts';
import type { ObservedFault, ReportedNode, Validity } from '../report/parts.ts';
import { type Api, type KubernetesObject, resources } from '../runtime/kubernetes/api.ts';
import { labels, names } from '../runtime/kubernetes/objects.ts';
import type { TimelineEvent } from '../session/session.ts';

export type ConfigMap = KubernetesObject & {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
};

/** The parts of a report by the name that the journal has for them. */
export type Parts = {
  readonly nodes?: readonly ReportedNode[];
  readonly validity?: readonly Validity[];
  readonly faults?: readonly ObservedFault[];
  /** The faults of the plan as they are at the end. */
  readonly added?: readonly PlannedFault[];
  readonly run?: RunRecord;
};

export type History = {
  readonly timeline: readonly TimelineEvent[];
  /** Of the network; without single nodes. */
  readonly samples: readonly HistoryLine[];
  readonly parts: Parts;
  readonly state?: StoredState;
  /** How many chunks there are. */
  readonly chunks: number;
};

const keys = { timeline: 'timeline.jsonl', samples: 'samples.jsonl' };
/** Of a chunk; what is written once a run may be larger, and is compressed. */
const fullBytes = 200_000;

export type Chunk = { readonly timeline: string; readonly samples: string };

export function isFull({ timeline, samples }: Chunk): boolean {
  return timeline.length + samples.length > fullBytes;
}

/** The data of a chunk; `parts` go with the newest one. */
export function chunkData(
  { timeline, samples }: Chunk,
  parts: Readonly<Record<string, unknown>>,
): Pick<ConfigMap, 'data' | 'binaryData'> {
  const packed = Object.entries(parts).map(([name, part]) => {
    const text = JSON.stringify(part);
    return [`${name}.json.gz`, gzipSync(text).toString('base64')] as const;
  });
  return {
    data: { [keys.timeline]: timeline, [keys.samples]: samples },
    ...(packed.length === 0 ? {} : { binaryData: Object.fromEntries(packed) }),
  };
}

/** Everything that is there of the run of this Testnet (by its uid). */
export async function readHistory(
  api: Pick<Api, 'list'>,
  testnet: { readonly namespace: string; readonly name: string; readonly uid: string },
): Promise<History> {
  const { namespace, name, uid } = testnet;
  const all = await api.list<ConfigMap>(resources.configMaps, {
    namespace,
    labelSelector: `${labels.testnet}=${name}`,
  });
  const own = new Map(
    all
      .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid))
      .map((map) => [map.metadata.name, map]),
  );
  const chunks: ConfigMap[] = [];
  for (let chunk = own.get(names.history(name, 0)); chunk !== undefined; ) {
    chunks.push(chunk);
    chunk = own.get(names.history(name, chunks.length));
  }
  const parts = chunks.flatMap(({ binaryData = {} }) => Object.entries(binaryData).map(unpacked));
  const state = own.get(names.run(name))?.data?.['state.json'];
  return {
    timeline: chunks.flatMap(({ data }) => linesOf<TimelineEvent>(data?.[keys.timeline])),
    samples: chunks.flatMap(({ data }) => linesOf<HistoryLine>(data?.[keys.samples])),
    parts: Object.fromEntries(parts) as Parts,
    ...(state === undefined ? {} : { state: JSON.parse(state) as StoredState }),
    chunks: chunks.length,
  };
}

function unpacked([key, content]: readonly [string, string]): readonly [string, unknown] {
  const text = gunzipSync(Buffer.from(content, 'base64')).toString('utf8');
  return [key.replace(/\.json\.gz$/, ''), JSON.parse(text) as unknown];
}

function linesOf<T>(text = ''): readonly T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
