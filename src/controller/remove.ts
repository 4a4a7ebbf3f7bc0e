// The end of a Testnet that is deleted: its faults end first, its nodes go, then the finalizer.
// Each wait has a limit, because a host that is gone never answers: the kernel has ended the faults
// there when the lease ran out, or they went with the pod.

import type { Clock } from '../runtime/clock.ts';
import { type Api, type KubernetesObject, resources } from '../runtime/kubernetes/api.ts';
import {
  finalizer,
  labels,
  type NetworkState,
  names,
  type TestnetObject,
} from '../runtime/kubernetes/objects.ts';
import type { Notices } from './notices.ts';
import type { TestnetRun } from './testnet-run.ts';

type RemoveDependencies = {
  readonly api: Api;
  readonly clock: Clock;
  readonly notices: Notices;
};

const endLimitMs = 20_000;
const healMs = 3_000;
const podsLimitMs = 60_000;
const pollMs = 1_000;

export async function removeTestnet(
  deps: RemoveDependencies,
  object: TestnetObject,
  run: TestnetRun | undefined,
): Promise<void> {
  if (run === undefined) await endFaults(deps, object);
  else await run.end(endLimitMs);
  const forced = await removePods(deps, object);
  if (forced > 0) {
    const note = `${forced} pods are on hosts that do not answer; they end when these are back`;
    deps.notices.tell(object, { type: 'Warning', reason: 'PodsLeft', action: 'Delete', note });
  }
  await removeStates(deps, object);
  await removeFinalizer(deps, object);
}

/**
 * By uid: pods of an earlier or later Testnet of that name are not touched. Those whose hosts do
 * not answer in time are taken out of the API by force; gives their number.
 */
export async function removePods(
  { api, clock }: Pick<RemoveDependencies, 'api' | 'clock'>,
  object: TestnetObject,
): Promise<number> {
  const until = clock.now() + podsLimitMs;
  const asked = new Set<string>();
  while (true) {
    const pods = await ownObjects(api, resources.pods, object);
    if (pods.length === 0) return 0;
    const isLate = clock.now() >= until;
    for (const { metadata } of pods) {
      const { name, namespace = '', uid = '' } = metadata;
      if (asked.has(uid) && !isLate) continue;
      asked.add(uid);
      const graceSeconds = isLate ? 0 : 1;
      await api.delete(resources.pods, { name, namespace, uid, graceSeconds });
    }
    if (isLate) return pods.length;
    await clock.sleep(pollMs);
  }
}

async function ownObjects(
  api: Pick<Api, 'list'>,
  resource: (typeof resources)[keyof typeof resources],
  { metadata: { name, namespace = '', uid } }: TestnetObject,
): Promise<readonly KubernetesObject[]> {
  const labelSelector = `${labels.testnet}=${name}`;
  const all = await api.list(resource, { namespace, labelSelector });
  return all.filter(({ metadata }) => metadata.ownerReferences?.some((one) => one.uid === uid));
}

/** Nobody holds the run: what the agents were told last is taken back. */
async function endFaults(
  { api, clock }: RemoveDependencies,
  { metadata: { name, namespace = '', uid } }: TestnetObject,
): Promise<void> {
  const named = { namespace, name: names.faults(name) };
  const state = await api.get<NetworkState>(resources.networkStates, named);
  const { schedule } = state ?? {};
  if (schedule === undefined || state?.testnet.uid !== uid || schedule.effects.length === 0) return;
  const healed = { ...schedule, generation: schedule.generation + 1, effects: [] };
  await api.mergePatch(resources.networkStates, named, { schedule: healed });
  await clock.sleep(healMs);
}

/** Agents that hear nothing of a testnet any more take their rules away. */
async function removeStates({ api }: RemoveDependencies, object: TestnetObject): Promise<void> {
  for (const { metadata } of await ownObjects(api, resources.networkStates, object)) {
    const { name, namespace = '', uid = '' } = metadata;
    await api.delete(resources.networkStates, { name, namespace, uid });
  }
}

async function removeFinalizer({ api }: RemoveDependencies, object: TestnetObject): Promise<void> {
  const { name, namespace = '', uid } = object.metadata;
  const now = await api.get<TestnetObject>(resources.testnets, { name, namespace });
  if (now === undefined || now.metadata.uid !== uid) return;
  const { finalizers = [], resourceVersion } = now.metadata;
  const metadata = { finalizers: finalizers.filter((one) => one !== finalizer), resourceVersion };
  await api.mergePatch(resources.testnets, { name, namespace }, { metadata });
}
