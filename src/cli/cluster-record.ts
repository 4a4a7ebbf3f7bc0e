// Writes down what a run on a cluster shows, as the supervisor of a local run does: the same run
// directory comes of it, and so the same report. Logs are followed while the nodes are there, and
// samples of single nodes are read while the controller has them; the rest is in its ConfigMaps.
import { mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { planOf } from '../controller/acceptance.ts';
import { courseOf, mustPlan } from '../controller/changes.ts';
import { readStored, type Stored } from '../controller/run-journal.ts';
import type { RunState } from '../decide/state.ts';
import { storeState } from '../decide/stored.ts';
import { messageOf } from '../errors.ts';
import { kinds } from '../kinds/index.ts';
import type { NodeName } from '../names.ts';
import type { Plan } from '../plan/plan.ts';
import type { HistoryLine, RunRecord } from '../report/history.ts';
import { type Cache, type KubernetesObject, resources } from '../runtime/kubernetes/api.ts';
import { podDataDirectory } from '../runtime/kubernetes/manifest.ts';
import { labels, type TestnetObject } from '../runtime/kubernetes/objects.ts';
import { isOwnedBy, nodeOf, type Pod } from '../runtime/kubernetes/pod.ts';
import { readPodLog } from '../runtime/kubernetes/pod-logs.ts';
import { bindToPods } from '../runtime/kubernetes/surroundings.ts';
import type { Cluster } from '../session/cluster.ts';
import type { View } from '../session/controller-views.ts';
import type { NodeStatus, TimelineEvent } from '../session/session.ts';
import type { EdgeList } from '../spec/edge-list.ts';
import type { Testnet } from '../spec/schema.ts';
import { reportedNode } from '../supervisor/report-nodes.ts';

export type Recorded = {
  readonly cluster: Cluster;
  readonly owner: TestnetObject;
  readonly testnet: Testnet;
  readonly plan: Plan;
  readonly edges?: EdgeList;
  /** A run directory; the report is made of it. */
  readonly directory: string;
  readonly specText: string;
  readonly specFile: string;
};

export interface Recorder {
  /** An event that was shown. */
  see(event: TimelineEvent): void;
  /** Reads what goes with the Testnet, and writes the run directory. */
  collect(): Promise<void>;
  /** Resolves when the logs are read to their ends, as far as that does not take long. */
  close(options: { readonly nodesEnd: boolean }): Promise<void>;
}

const samplesEveryMs = 5_000;
const logEndLimitMs = 10_000;

export function recordRun(recorded: Recorded): Recorder {
  const { cluster, directory } = recorded;
  const over = new AbortController();
  mkdirSync(join(directory, 'logs'), { recursive: true });
  const logs = followLogs(recorded, over.signal);
  const samples = followSamples(recorded, over.signal);
  const events: TimelineEvent[] = [];
  return {
    see: (event) => void events.push(event),
    collect: async () => {
      const found = await readAll(recorded);
      await samples.read();
      const unread = { samples: samples.problem(), logs: logs.problem() };
      writeRun(recorded, { ...found, events, samples: samples.lines, unread });
    },
    close: async ({ nodesEnd }) => {
      const limit = cluster.clock.sleep(logEndLimitMs, over.signal);
      if (nodesEnd) await Promise.race([logs.ended(), limit]);
      over.abort();
      await logs.ended();
    },
  };
}

/** A file for each node; pods that come later are followed, too. */
function followLogs({ cluster, owner, directory }: Recorded, signal: AbortSignal) {
  const { api, namespace, clock } = cluster;
  const { name, uid = '' } = owner.metadata;
  const labelSelector = `${labels.testnet}=${name}`;
  const pods: Cache<Pod> = api.follow<Pod>(resources.pods, { namespace, labelSelector }, signal);
  const followed = new Map<NodeName, Promise<void>>();
  let ending = false;
  let problem: string | undefined;
  const follow = async (node: NodeName, key: string) => {
    const file = openSync(join(directory, 'logs', `${node}.log`), 'a');
    const options = { follow: true, ended: () => ending, signal };
    const lines = readPodLog(node, { api, clock, pod: () => pods.get(key) }, options);
    for await (const { text } of lines) writeSync(file, `${text}\n`);
  };
  pods.onChange((key, pod) => {
    const node = pod !== undefined && isOwnedBy(pod, uid) ? nodeOf(pod) : undefined;
    if (node === undefined || followed.has(node)) return;
    const following = follow(node, key).catch((error: unknown) => {
      problem = messageOf(error);
    });
    followed.set(node, following);
  });
  return {
    problem: () => problem,
    ended: async () => {
      ending = true;
      await Promise.all(followed.values());
    },
  };
}

/** The controller keeps the newest few minutes of those of single nodes. */
function followSamples({ cluster, owner }: Recorded, signal: AbortSignal) {
  const { views, clock } = cluster;
  const lines: HistoryLine[] = [];
  let problem: string | undefined;
  const read = async () => {
    const after = lines.at(-1)?.t ?? -1;
    try {
      const more = await views.read<HistoryLine[]>(
        owner.metadata.name,
        'samples',
        `after=${after}`,
      );
      lines.push(...(more ?? []));
    } catch (error) {
      problem = messageOf(error);
    }
  };
  void (async () => {
    while (!signal.aborted) {
      await clock.sleep(samplesEveryMs, signal);
      if (!signal.aborted) await read();
    }
  })();
  return { lines, read, problem: () => problem };
}

type Found = {
  readonly stored: Stored | undefined;
  readonly live: {
    readonly state: RunState | undefined;
    readonly plan: Plan | undefined;
    readonly nodes: readonly NodeStatus[] | undefined;
  };
  readonly kubernetesEvents: readonly KubernetesObject[];
};

async function readAll({ cluster, owner }: Recorded): Promise<Found> {
  const { api, views, namespace } = cluster;
  const { name } = owner.metadata;
  // First what is the verdict: it goes with the Testnet.
  const stored = await readStored(api, owner);
  const seen = <T>(view: View) => views.read<T>(name, view).catch(() => undefined);
  const live = {
    state: await seen<RunState>('state'),
    plan: await seen<Plan>('plan'),
    nodes: await seen<readonly NodeStatus[]>('nodes'),
  };
  const all = await api
    .list<KubernetesObject & { readonly involvedObject?: { readonly name: string } }>(coreEvents, {
      namespace,
    })
    .catch(() => []);
  const ours = ({ involvedObject }: (typeof all)[number]) =>
    involvedObject?.name === name || involvedObject?.name.startsWith(`${name}-`) === true;
  return { live, stored, kubernetesEvents: all.filter(ours) };
}

/** The role `view` may read them in this form only. */
const coreEvents = { prefix: '/api/v1', plural: 'events' };

type Writing = Found & {
  readonly events: readonly TimelineEvent[];
  readonly samples: readonly HistoryLine[];
  /** Why they are missing. */
  readonly unread: { readonly samples: string | undefined; readonly logs: string | undefined };
};

function writeRun(recorded: Recorded, found: Writing): void {
  const { directory, specText, owner, cluster } = recorded;
  const { live, stored } = found;
  const { parts = {}, timeline = [], record } = stored ?? {};
  const plan = planFound(recorded, found);
  const write = (name: string, content: string) => writeFileSync(join(directory, name), content);
  const json = (name: string, value: unknown) => {
    if (value !== undefined) write(`${name}.json`, JSON.stringify(value));
  };
  write('spec.yaml', specText);
  json('plan', plan);
  // What is stored last is the end; until then the controller knows more than it has written.
  const isOver = stored?.state?.ended !== undefined;
  json('state', !isOver && live.state ? storeState(plan, live.state) : stored?.state);
  json('validity', parts.validity);
  json('faults', parts.faults ?? stored?.faults);
  json('nodes', parts.nodes ?? live.nodes?.map(reportedNode));
  const at = new Date(cluster.clock.now()).toISOString();
  json('run', {
    runtime: 'kubernetes',
    startedAt: owner.metadata.creationTimestamp ?? at,
    versions: {},
    ...(parts.run ?? { ...record?.run, endedAt: at }),
    specFile: recorded.specFile,
  } satisfies RunRecord);
  const samples = mergeSamples(found.samples, stored?.samples ?? []);
  const events = found.events.length > timeline.length ? found.events : timeline;
  const notes = missingNotes(samples, found.unread).map((message) => ({
    at,
    event: 'note',
    message,
  }));
  write('samples.jsonl', linesOf(samples));
  write('timeline.jsonl', linesOf([...events, ...notes]));
  write('events.jsonl', linesOf(found.kubernetesEvents));
}

/** With all changes that were made to it while it ran. */
function planFound({ testnet, plan, edges }: Recorded, { live, stored }: Found): Plan {
  if (live.plan !== undefined || stored === undefined) return live.plan ?? plan;
  const course = courseOf(stored.record.changes, {
    testnet,
    kinds,
    planOf: (one) => bindToPods(mustPlan(planOf(one, kinds, edges), one)),
    dataDirectory: () => podDataDirectory,
  });
  return course.plan;
}

/** Lines of single nodes where there are any, else those of the network alone. */
function mergeSamples(
  whole: readonly HistoryLine[],
  network: readonly HistoryLine[],
): readonly HistoryLine[] {
  const byTime = new Map([...network, ...whole].map((line) => [line.t, line]));
  return [...byTime.values()].sort((a, b) => a.t - b.t);
}

/** A report says what it lacks. */
function missingNotes(
  samples: readonly HistoryLine[],
  unread: Writing['unread'],
): readonly string[] {
  const logs = unread.logs === undefined ? [] : [`logs of nodes are missing: ${unread.logs}`];
  const missing = samples.filter(({ nodes }) => Object.keys(nodes).length === 0).length;
  if (missing === 0) return logs;
  const why = unread.samples === undefined ? '' : `: ${unread.samples}`;
  const count = `${missing} of ${samples.length} samples`;
  return [`${count} are without those of single nodes${why}`, ...logs];
}

function linesOf(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
