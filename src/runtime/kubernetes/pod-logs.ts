// The log of a node: what its containers write, over restarts of containers, of the pod and of the
// connection. Lines come with their times, so that none is read twice when a connection is made
// anew, and a log that is followed ends only when it is asked to.
import type { NodeName } from '../../names.ts';
import type { Clock } from '../clock.ts';
import type { LogLine } from '../runtime.ts';
import type { Api } from './api.ts';
import { hasCode } from './api-errors.ts';
import { names } from './objects.ts';
import type { Pod } from './pod.ts';
import { containerOf } from './pod-world.ts';

export type LogSource = {
  readonly api: Pick<Api, 'lines' | 'text'>;
  readonly clock: Clock;
  readonly pod: () => Pod | undefined;
};

export type LogOptions = {
  readonly follow: boolean;
  readonly since?: 'start' | 'incarnation';
  /** Asked whenever there is nothing more to read: is this the end of what is followed? */
  readonly ended?: () => boolean;
};

const pauseMs = 1_000;

export async function* readPodLog(
  node: NodeName,
  { api, clock, pod }: LogSource,
  { follow, since = 'start', ended, signal }: LogOptions & { readonly signal: AbortSignal },
): AsyncIterable<LogLine> {
  const last = { time: '', container: '' };
  let first = true;
  while (!signal.aborted) {
    const there = pod();
    if (there !== undefined && isReadable(there)) {
      const restarts = containerOf(there)?.restartCount ?? 0;
      if (first && since === 'start' && restarts > 0) {
        yield* linesOf(node, await previous(api, there));
      }
      first = false;
      yield* present(node, { api, pod: there, follow, last, signal });
    }
    if (!follow || ended?.() === true) return;
    await clock.sleep(pauseMs, signal);
  }
}

type Reading = {
  readonly api: LogSource['api'];
  readonly pod: Pod;
  readonly follow: boolean;
  /** Of which container we have read up to when. */
  readonly last: { time: string; container: string };
  readonly signal: AbortSignal;
};

/** Until the container or the connection ends. */
async function* present(
  node: NodeName,
  { api, pod, follow, last, signal }: Reading,
): AsyncIterable<LogLine> {
  const container = `${pod.metadata.uid} ${containerOf(pod)?.restartCount ?? 0}`;
  if (last.container !== container) Object.assign(last, { container, time: '' });
  const query = new URLSearchParams({ container: names.container, timestamps: 'true' });
  if (follow) query.set('follow', 'true');
  // Whole seconds only are understood: what was read of this second is left out below.
  if (last.time !== '') query.set('sinceTime', `${last.time.slice(0, 19)}Z`);
  const read = last.time;
  try {
    for await (const line of api.lines(`${pathOf(pod)}?${query.toString()}`, signal)) {
      const [time = '', ...words] = line.split(' ');
      if (time <= read) continue;
      last.time = time;
      yield { node, text: words.join(' ') };
    }
  } catch (error) {
    // A log that is followed is read on when there is something to read again; who may not read it
    // must not take it for an empty one.
    if ((!follow || hasCode(error, 'API_FORBIDDEN')) && !signal.aborted) throw error;
  }
}

/** The container before this one; of earlier ones nothing is kept. */
async function previous(api: LogSource['api'], pod: Pod): Promise<string> {
  const query = new URLSearchParams({ container: names.container, previous: 'true' });
  return await api.text(`${pathOf(pod)}?${query.toString()}`).catch(() => '');
}

function* linesOf(node: NodeName, text: string): Iterable<LogLine> {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) yield { node, text: line };
}

function pathOf({ metadata: { namespace, name } }: Pod): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}/log`;
}

function isReadable(pod: Pod): boolean {
  const { running, terminated } = containerOf(pod)?.state ?? {};
  return running !== undefined || terminated !== undefined;
}
