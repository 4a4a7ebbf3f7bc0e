// The end of a testnet: its faults end first, then its pods go, then the rest. Every wait has a
// limit, because a host that is gone never answers; there the kernel has ended the faults when the
// lease ran out, and its pods go from the API without it.
import type { Clock } from '../clock.ts';
import { type Api, resources } from './api.ts';
import type { ClusterView } from './cluster-view.ts';
import type { FileStore } from './files.ts';
import type { TestnetId } from './manifest.ts';
import { isOwnedBy, nodeOf, type Pod } from './pod.ts';
import { type Publisher, selectorOf } from './publisher.ts';
import { removeSurroundings } from './surroundings.ts';

type Removing = {
  readonly api: Api;
  readonly testnet: TestnetId;
  readonly clock: Clock;
  readonly view: ClusterView;
  readonly files: FileStore;
  readonly publisher: Publisher;
};

const healMs = 10_000;
/** On top of the longest grace of a node. */
const endMs = 15_000;
const pollMs = 250;

export async function removeTestnet(removing: Removing): Promise<void> {
  const { api, testnet, files, publisher } = removing;
  await heal(removing);
  await removePods(removing);
  await publisher.remove();
  await files.remove();
  await removeClaims(api, testnet);
  await removeSurroundings(api, testnet);
}

/** Until every host says that nothing is in force. */
async function heal({ publisher, view, clock }: Removing): Promise<void> {
  const generation = (publisher.written()?.generation ?? 0) + 1;
  if (publisher.written() === undefined) return;
  const nothing = { generation, leaseSeconds: 0, base: [], effects: [] };
  view.schedule = nothing;
  await publisher.publish(nothing);
  const inForce = () =>
    view
      .world()
      .enforcement.some(({ faults }) =>
        Object.values(faults).some(
          ({ enforcedAt, healedAt }) => enforcedAt !== undefined && healedAt === undefined,
        ),
      );
  const until = clock.now() + healMs;
  while (inForce() && clock.now() < until) await clock.sleep(pollMs);
}

/** Pods whose hosts do not answer within their grace are taken out of the API by force. */
async function removePods({ api, testnet, clock, view }: Removing): Promise<void> {
  const { namespace, uid } = testnet;
  const own = async () => {
    const scope = { namespace, labelSelector: selectorOf(testnet) };
    const all = await api.list<Pod>(resources.pods, scope);
    return all.filter((pod) => isOwnedBy(pod, uid));
  };
  const started = clock.now();
  let graceMs = 0;
  let forced = false;
  const asked = new Set<string>();
  while (true) {
    const pods = await own();
    if (pods.length === 0) return;
    const isLate = clock.now() > started + graceMs + endMs;
    if (isLate && forced) return;
    for (const each of pods) {
      const { metadata, spec } = each;
      const { name, uid: pod = '' } = metadata;
      if (asked.has(pod) && !isLate) continue;
      asked.add(pod);
      const node = nodeOf(each);
      if (node !== undefined) view.removing(node, each);
      graceMs = Math.max(graceMs, Number(spec['terminationGracePeriodSeconds'] ?? 30) * 1000);
      const force = isLate ? { graceSeconds: 0 } : {};
      await api.delete(resources.pods, { namespace, name, uid: pod, ...force });
    }
    forced ||= isLate;
    await clock.sleep(pollMs);
  }
}

/** Those that are to be kept are owned by nobody. */
async function removeClaims(api: Api, testnet: TestnetId): Promise<void> {
  const { namespace, uid } = testnet;
  const scope = { namespace, labelSelector: selectorOf(testnet) };
  for (const claim of await api.list(resources.claims, scope)) {
    if (!isOwnedBy(claim, uid)) continue;
    await api.delete(resources.claims, { namespace, name: claim.metadata.name });
  }
}
