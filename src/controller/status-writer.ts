// Writes statuses: only what has changed, at most once a second for each object, by server-side
// apply on the status subresource, so that what others write there stays.
import type { Clock } from '../runtime/clock.ts';
import { type Api, resources } from '../runtime/kubernetes/api.ts';
import type { FaultObject, TestnetObject, TestnetStatus } from '../runtime/kubernetes/objects.ts';
import { type Situation, statusOf } from './status.ts';

export interface StatusWriter {
  /** Gives the milliseconds to wait when it is too soon for another one. */
  write(object: TestnetObject, situation: Situation): Promise<number | undefined>;
  writeFault(object: FaultObject, status: NonNullable<FaultObject['status']>): Promise<void>;
}

const leastMs = 1_000;
/** Objects whose status is remembered; what is forgotten is compared with the cache. */
const rememberedMax = 10_000;

type Written = { readonly status: unknown; readonly at: number };

export function createStatusWriter({
  api,
  clock,
}: {
  readonly api: Pick<Api, 'apply'>;
  readonly clock: Clock;
}): StatusWriter {
  const written = new Map<string, Written>();
  const note = (uid: string, status: unknown) => {
    written.delete(uid);
    written.set(uid, { status, at: clock.now() });
    const [oldest] = written.keys();
    if (written.size > rememberedMax && oldest !== undefined) written.delete(oldest);
  };
  return {
    write: async (object, situation) => {
      const { uid = '', generation = 0 } = object.metadata;
      const before = written.get(uid);
      const previous = (before?.status as TestnetStatus | undefined) ?? object.status;
      const status = statusOf(situation, { generation, previous, now: clock.now() });
      if (sameJson(previous, status)) return undefined;
      const early = before === undefined ? 0 : before.at + leastMs - clock.now();
      if (early > 0) return early;
      await api.apply<TestnetObject>(
        resources.testnets,
        { ...identityOf(object), status },
        { subresource: 'status' },
      );
      note(uid, status);
      return undefined;
    },
    writeFault: async (object, status) => {
      const { uid = '' } = object.metadata;
      const previous = written.get(uid)?.status ?? object.status;
      if (sameJson(previous, status)) return;
      await api.apply<FaultObject>(
        resources.faults,
        { ...identityOf(object), status },
        { subresource: 'status' },
      );
      note(uid, status);
    },
  };
}

function identityOf<T extends TestnetObject | FaultObject>({
  apiVersion,
  kind,
  metadata: { name, namespace = '' },
}: T): Pick<T, 'apiVersion' | 'kind'> & { metadata: { name: string; namespace: string } } & T {
  // Status alone is applied: the spec is the user's.
  return { apiVersion, kind, metadata: { name, namespace } } as unknown as T & {
    metadata: { name: string; namespace: string };
  };
}

/** A server may give the fields of an object in another order. */
function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, inOrder) === JSON.stringify(b, inOrder);
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
