// The end of a Testnet by its user. Its run is ended first, with the reason, so that whoever
// follows it finds all its evidence; then the object is deleted, and it is waited for until it is
// gone, since its pods and the rules in them go before it.
import { fail } from '../errors.ts';
import { resources } from '../runtime/kubernetes/api.ts';
import { hasCode } from '../runtime/kubernetes/api-errors.ts';
import type { TestnetObject } from '../runtime/kubernetes/objects.ts';
import { type Cluster, testnetNamed } from './cluster.ts';
import type { StopReason } from './session.ts';
import { conditionOf, isFinished } from './testnet-status.ts';
import { stopWish } from './wishes.ts';

const pollMs = 500;
/** Its run may take so long to end. */
export const endLimitMs = 20_000;
/** What goes with the Testnet is read meanwhile by those who follow it. */
const readersMs = 2_000;
/** The controller gives up on hosts that do not answer before. */
const goneLimitMs = 150_000;

export async function downTestnet(
  cluster: Cluster,
  name: string,
  reason: StopReason = downByUser,
): Promise<void> {
  const object = await testnetNamed(cluster, name);
  if (object === undefined) return;
  if (runs(object)) {
    await wishStop(cluster, object, reason);
    const until = cluster.clock.now() + endLimitMs;
    for (let now: TestnetObject | undefined = object; now !== undefined && runs(now); ) {
      if (cluster.clock.now() >= until) break;
      await cluster.clock.sleep(pollMs);
      now = await testnetNamed(cluster, name);
    }
    await cluster.clock.sleep(readersMs);
  }
  await deleteTestnet(cluster, object);
}

const downByUser: StopReason = { code: 'DOWN', exit: 0, message: 'stopped by the user' };

/** A run goes on whose end is worth to be waited for. */
export function runs(object: TestnetObject): boolean {
  const { metadata, status } = object;
  const begun = status?.planHash !== undefined && metadata.deletionTimestamp === undefined;
  return begun && !isFinished(object);
}

export async function wishStop(
  { api }: Pick<Cluster, 'api'>,
  { metadata: { namespace = '', name } }: TestnetObject,
  reason: StopReason,
): Promise<void> {
  const metadata = { annotations: stopWish(reason) };
  await api.mergePatch(resources.testnets, { namespace, name }, { metadata });
}

/**
 * Resolves when it is gone, or when that is no longer waited for; one of the same name that came
 * later is left alone.
 */
export async function deleteTestnet(
  cluster: Cluster,
  { metadata: { namespace = '', name, uid = '' } }: TestnetObject,
  signal?: AbortSignal,
): Promise<void> {
  const { api, clock } = cluster;
  await api.delete(resources.testnets, { namespace, name, uid }).catch((error: unknown) => {
    if (!hasCode(error, 'API_CONFLICT')) throw error;
  });
  const until = clock.now() + goneLimitMs;
  while (true) {
    const object = await testnetNamed(cluster, name);
    if (object?.metadata.uid !== uid || signal?.aborted === true) return;
    if (clock.now() >= until) {
      const why = conditionOf(object, 'Ready')?.message ?? 'no controller has looked at it';
      const message = `Testnet ${name} is still there ${goneLimitMs / 1000} s after its deletion`;
      throw fail('CONTROLLER_SILENT', `${message}: ${why}`);
    }
    await clock.sleep(pollMs, signal);
  }
}
