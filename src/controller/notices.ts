// Events of Testnets and Faults, for `kubectl get events` and `kubectl describe`: one reason for
// each situation. What is said again within a series is counted, not written anew: at first, and
// then every five minutes at most. They are never the record of a run: servers forget them.
import { createHash } from 'node:crypto';
import { PeerstormError } from '../errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Api, type KubernetesObject, resources } from '../runtime/kubernetes/api.ts';
import { microTime } from '../runtime/kubernetes/leader.ts';

export type Notice = {
  readonly type: 'Normal' | 'Warning';
  /** One CamelCase word. */
  readonly reason: string;
  readonly action: string;
  readonly note: string;
};

export interface Notices {
  /** Never fails and never waits. */
  tell(about: KubernetesObject, notice: Notice): void;
}

/** events.k8s.io/v1 */
type Event = KubernetesObject & {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: string;
  readonly note: string;
  readonly regarding: Readonly<Record<string, string>>;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
};

const againAfterMs = 300_000;
/** More than that are old ones. */
const rememberedMax = 5_000;
const longestNote = 1_000;

type Known = { count: number; shownAt: number };

export function createNotices({
  api,
  clock,
  instance,
  onFailure,
}: {
  readonly api: Pick<Api, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  /** Who says it: the controller's pod. */
  readonly instance: string;
  readonly onFailure: (error: unknown) => void;
}): Notices {
  const told = new Map<string, Known>();
  const write = async (about: KubernetesObject, notice: Notice): Promise<void> => {
    const now = clock.now();
    const name = nameOf(about, notice);
    const { namespace = 'default' } = about.metadata;
    const known = told.get(name);
    if (known === undefined) {
      told.set(name, { count: 1, shownAt: now });
      forgetOldest(told);
      await api.create<Event>(resources.events, eventOf(about, notice, { name, now, instance }));
      return;
    }
    known.count += 1;
    if (now - known.shownAt < againAfterMs) return;
    known.shownAt = now;
    const series = { count: known.count, lastObservedTime: microTime(now) };
    await api.mergePatch<Event>(resources.events, { namespace, name }, { series });
  };
  return {
    tell: (about, notice) => {
      write(about, notice).catch((error: unknown) => {
        // Another controller has said it before.
        const known = error instanceof PeerstormError && error.code === 'API_CONFLICT';
        if (!known) onFailure(error);
      });
    },
  };
}

function eventOf(
  about: KubernetesObject,
  { note, ...notice }: Notice,
  {
    name,
    now,
    instance,
  }: { readonly name: string; readonly now: number; readonly instance: string },
): Event {
  const { apiVersion, kind, metadata } = about;
  const { namespace = 'default', uid = '', resourceVersion = '' } = metadata;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(now),
    reportingController: 'peerstorm.dev/controller',
    reportingInstance: instance.slice(0, 128),
    ...notice,
    note: note.slice(0, longestNote),
    regarding: { apiVersion, kind, name: metadata.name, namespace, uid, resourceVersion },
  };
}

/** The same for the same words about the same object, whoever says them. */
function nameOf({ metadata }: KubernetesObject, { reason, note }: Notice): string {
  const hash = createHash('sha256').update(`${metadata.uid} ${reason} ${note}`).digest('hex');
  return `${metadata.name}.${hash.slice(0, 16)}`;
}

function forgetOldest(told: Map<string, Known>): void {
  const [oldest] = told.keys();
  if (told.size > rememberedMax && oldest !== undefined) told.delete(oldest);
}
