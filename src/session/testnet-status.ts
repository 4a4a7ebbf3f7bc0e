// The status of a session as far as the Testnet itself tells it: for the time before its run
// begins and after it is gone, and for users who may not ask the controller.
import { parseQuantity } from '../quantities/quantities.ts';
import type { Condition, ConditionType, TestnetObject } from '../runtime/kubernetes/objects.ts';
import type { FaultStatus, Status } from './session.ts';

/** `now`: epoch milliseconds. */
export function statusOfObject(object: TestnetObject, now: number): Status {
  const { metadata, status } = object;
  const { startedAt, finishedAt, exitCode } = status ?? {};
  const until = finishedAt === undefined ? now : Date.parse(finishedAt);
  const elapsed =
    startedAt === undefined ? {} : { elapsed: seconds(until - Date.parse(startedAt)) };
  return {
    testnet: metadata.name,
    runtime: 'kubernetes',
    phase: phaseOf(object),
    startedAt: metadata.creationTimestamp ?? new Date(now).toISOString(),
    ...elapsed,
    nodes: status?.nodes ?? { planned: 0, running: 0, ready: 0 },
    metrics: {},
    faults: faultsOfObject(object),
    expectations: status?.expectations?.map(({ name, status: is }) => ({ name, status: is })) ?? [],
    problems: problemsOf(object),
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

/** Undefined until the controller has looked at it. */
export function conditionOf(
  { status }: Pick<TestnetObject, 'status'>,
  type: ConditionType,
): Condition | undefined {
  return status?.conditions.find((one) => one.type === type);
}

export function isFinished(object: Pick<TestnetObject, 'status'>): boolean {
  return conditionOf(object, 'Finished')?.status === 'True';
}

function phaseOf(object: TestnetObject): Status['phase'] {
  if (object.metadata.deletionTimestamp !== undefined) return 'stopping';
  if (isFinished(object)) return 'ended';
  return object.status?.startedAt === undefined ? 'starting' : 'running';
}

/** What keeps it from going on comes first. */
function problemsOf(object: TestnetObject): readonly string[] {
  const accepted = conditionOf(object, 'Accepted');
  const stalled = conditionOf(object, 'Stalled');
  const blocking = [
    ...(accepted?.status === 'False' ? [accepted.message] : []),
    ...(stalled?.status === 'True' ? [stalled.message] : []),
  ];
  return [...new Set([...blocking, ...(object.status?.problems ?? [])])];
}

export function faultsOfObject({ status, spec }: TestnetObject): readonly FaultStatus[] {
  const zero = status?.startedAt === undefined ? undefined : Date.parse(status.startedAt);
  const declared = declaredStarts(spec);
  const since = (time: string | undefined) =>
    time === undefined || zero === undefined ? undefined : seconds(Date.parse(time) - zero);
  return (status?.faults ?? []).map(({ name, kind, state, proof, ...times }) => {
    const endsAt = since(times.healed ?? times.end);
    return {
      name,
      kind,
      state,
      startsAt: since(times.enforced ?? times.start) ?? declared.get(name) ?? 0,
      ...(endsAt === undefined ? {} : { endsAt }),
      ...(proof === undefined ? {} : { proof }),
    };
  });
}

/** Seconds; the API server has seen to the shape of a spec. */
function declaredStarts(spec: unknown): ReadonlyMap<string, number> {
  const { faults = [] } = spec as { readonly faults?: readonly { name: string; at: string }[] };
  return new Map(faults.map(({ name, at }) => [name, seconds(parseQuantity('duration', at) ?? 0)]));
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
